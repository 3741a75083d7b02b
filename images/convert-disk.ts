import { open, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runCommand } from '../deploy-agent/native-command.ts';
import { ImageError } from './image-error.ts';
import { INSPECTED_BYTES, whyNotConverted } from './image-format-policy.ts';

/*
 * A disk from one format into another, by qemu-img: strangers' bytes in C code, so it runs as a child that dies with us, gets no more memory, time and disk
 * than the image can need, is told the format instead of guessing it, and never sees what has a backing file or data elsewhere.
 */
const QEMU_FORMATS = { raw: 'raw', qcow2: 'qcow2', vmdk: 'vmdk', vhd: 'vpc' } as const;
export type DiskFormat = keyof typeof QEMU_FORMATS;
export const isDiskFormat = (format: string | null): format is DiskFormat => format !== null && Object.hasOwn(QEMU_FORMATS, format);

/** qemu-img needs 400 MB of addresses for a large image, most of it stacks that are never touched. */
const ADDRESS_BYTES_MAX = 2 * 2 ** 30;
/** Unpacking zlib takes 5 to 10 s a GiB on a slow machine. */
const CPU_SECONDS_MIN = 120;
const CPU_SECONDS_PER_GIB = 60;
/** The same as an upload's (image-data-service): more is a header that lies. */
const DISK_BYTES_MAX = 16 * 2 ** 40;
/** Tables of the target format: 1/8192 of a disk in qcow2, and room for its header. */
const OVERHEAD_BYTES = 64 * 2 ** 20;
/** A small image can say that it is a large disk full of data: it stops before the host's disk is full. */
const FREE_BYTES_MIN = 2 ** 30;
const FREE_LOOK_MS = 1000;

export interface DiskConversion {
  readonly file: string;
  readonly from: DiskFormat;
  /** Does not outlive a failure. */
  readonly output: string;
  readonly to: DiskFormat;
  readonly signal: AbortSignal;
}

/** @returns what a guest sees as its disk's size. @throws ImageError 400 for what can not be converted, 507 */
export async function convertDisk({ file, from, output, to, signal }: DiskConversion): Promise<{ readonly diskBytes: number }> {
  const why = whyNotConverted(await headOf(file));
  if (why !== undefined) throw new ImageError(400, `The image can not be converted: ${why}.`);
  const diskBytes = await diskBytesOf(file, from, signal);
  const limits = {
    cpuSeconds: CPU_SECONDS_MIN + (diskBytes / 2 ** 30) * CPU_SECONDS_PER_GIB,
    fileBytes: diskBytes * 1.01 + OVERHEAD_BYTES,
  };
  const full = new AbortController();
  const watch = setInterval(() => void stopWhenFull(dirname(output), full), FREE_LOOK_MS);
  try {
    const files = [`file:${file}`, `file:${output}`];
    await limited(['convert', '-f', QEMU_FORMATS[from], '-O', QEMU_FORMATS[to], ...files], limits, AbortSignal.any([signal, full.signal]));
    return { diskBytes };
  } catch (error) {
    await rm(output, { force: true });
    signal.throwIfAborted();
    full.signal.throwIfAborted();
    throw new ImageError(400, `The image can not be converted: ${(error as Error).message}`);
  } finally {
    clearInterval(watch);
  }
}

async function headOf(file: string): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(INSPECTED_BYTES), 0, INSPECTED_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function diskBytesOf(file: string, format: DiskFormat, signal: AbortSignal): Promise<number> {
  const limits = { cpuSeconds: CPU_SECONDS_MIN, fileBytes: 0 };
  const text = await limited(['info', '--output=json', '-f', QEMU_FORMATS[format], `file:${file}`], limits, signal).catch(
    (error: Error) => {
      signal.throwIfAborted();
      throw new ImageError(400, `The image is no usable ${format}: ${error.message}`);
    },
  );
  const info = JSON.parse(text.toString()) as Record<string, unknown>;
  const bytes = Number(info['virtual-size']);
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes > DISK_BYTES_MAX)
    throw new ImageError(400, `The image says that it is a disk of ${bytes} bytes; 1 to ${DISK_BYTES_MAX} are converted.`);
  if (info['backing-filename'] !== undefined || info['encrypted'] === true)
    throw new ImageError(400, 'The image can not be converted: it has a backing file or is encrypted.');
  return bytes;
}

function limited(args: readonly string[], limits: { cpuSeconds: number; fileBytes: number }, signal: AbortSignal): Promise<Buffer> {
  const rlimits = [
    `--as=${ADDRESS_BYTES_MAX}`,
    `--cpu=${Math.ceil(limits.cpuSeconds)}`,
    `--fsize=${Math.ceil(limits.fileBytes)}`,
    '--core=0',
  ];
  const guard = ['--pdeathsig', 'KILL', '--no-new-privs', 'prlimit', ...rlimits, 'qemu-img'];
  return runCommand('setpriv', [...guard, ...args], { signal });
}

async function stopWhenFull(directory: string, full: AbortController): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < FREE_BYTES_MIN) full.abort(new ImageError(507, 'There is no room to convert the image.'));
}

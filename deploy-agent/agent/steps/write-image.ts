import { createHash } from 'node:crypto';
import { freemem } from 'node:os';
import type { Json, JsonObject } from '../../../core/base/json.ts';
import type { WriteImageArgs, WriteImageResult } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import type { OpenDisk } from '../disks/disk.ts';
import { readPartitionTable, writePartitionTable } from '../disks/partition-table.ts';
import { timedDisk } from '../disks/timed-disk.ts';
import { METADATA_BYTES, wipeMetadata } from '../disks/wipe.ts';
import { decompress } from '../image/decompress.ts';
import { downloadImage } from '../image/image-download.ts';
import { unpackQcow2 } from '../image/qcow2-reader.ts';
import { makePartitions } from '../instance/make-partitions.ts';
import { findSpread, spreadImage } from '../image/spread/spread-download.ts';
import { SparseWriter } from '../image/sparse-writer.ts';
import { requirePlannedDisk } from './require-disk.ts';
import type { Step, StepContext } from './step.ts';

/**
 * Streams an image to the planned disk: HTTP, digest of the bytes on the wire, unpack, write without the zeros, read back,
 * then the partition table stretched to the disk. Whatever fails after the first write takes the partition table with
 * it, so that a half-written disk cannot boot. A partition image does the same with the root partition that is made for it.
 */
const FORMATS = ['raw', 'qcow2'];
const COMPRESSIONS = ['none', 'gzip', 'zstd', 'xz'];
const ALGORITHMS = ['sha256', 'sha512', 'md5'];

function checkArgs(args: JsonObject): WriteImageArgs {
  const wrong = (what: string) => new AgentFailure('step-arguments', `write_image: ${what}`);
  const image = args as unknown as WriteImageArgs;
  if (typeof image.url !== 'string' || image.url === '') throw wrong('url is missing');
  if (!FORMATS.includes(image.format)) throw wrong(`format must be one of ${FORMATS.join(', ')}`);
  if (!COMPRESSIONS.includes(image.compression)) throw wrong(`compression must be one of ${COMPRESSIONS.join(', ')}`);
  if (!ALGORITHMS.includes(image.checksumAlgorithm)) throw wrong(`checksumAlgorithm must be one of ${ALGORITHMS.join(', ')}`);
  if (typeof image.checksum !== 'string' || !/^[0-9a-fA-F]+$/.test(image.checksum)) throw wrong('checksum must be hex digits');
  return image;
}

/** For chunks that other machines may want: a quarter of what is free, and no more than brings anything. */
const heldBytesMax = (): number => Math.min(512 * 2 ** 20, Math.floor(freemem() / 4));

interface Transfer {
  readonly wireBytes: number;
  readonly checksum: string;
}

async function transfer(image: WriteImageArgs, disk: OpenDisk, writer: SparseWriter, context: StepContext): Promise<Transfer> {
  const hash = createHash(image.checksumAlgorithm);
  let wireBytes = 0;
  let total = image.sizeBytes;
  const url = context.imageUrl(image.url);
  const phase = `writing ${url.pathname.split('/').at(-1)} to ${disk.facts.device}`;
  const wire = (async function* () {
    const { signal, clock, log } = context;
    const common = { url, signal, clock, log, onTotal: (bytes: number) => (total = bytes) };
    const chunks = await findSpread(url, signal);
    const download =
      chunks === undefined
        ? downloadImage({ ...common, ...(image.sizeBytes === undefined ? {} : { sizeBytes: image.sizeBytes }) })
        : spreadImage(chunks, { ...common, heldBytesMax: heldBytesMax() });
    for await (const chunk of download) {
      hash.update(chunk);
      wireBytes += chunk.length;
      context.progress({ phase, done: wireBytes, ...(total === undefined ? {} : { total }), unit: 'bytes' });
      yield chunk;
    }
  })();
  try {
    const unpacked = decompress(wire, image.compression);
    if (image.format === 'qcow2') await unpackQcow2(unpacked, disk, writer, context);
    else for await (const chunk of unpacked) await writer.write(chunk);
    await writer.finish();
  } catch (error) {
    // A damaged file shows as damage in its packing first; its digest tells whether the file or the record is wrong.
    if (!(error instanceof AgentFailure) || error.report.code !== 'image-format') throw error;
    for await (const chunk of downloadRest(wire)) void chunk;
    const checksum = hash.digest('hex');
    if (checksum !== image.checksum.toLowerCase()) throw checksumFailure(image, checksum);
    throw error;
  }
  return { wireBytes, checksum: hash.digest('hex') };
}

/** What is left of a stream that may have been closed by its reader. */
async function* downloadRest(wire: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  for (let next = await wire.next(); !next.done; next = await wire.next()) yield next.value;
}

const checksumFailure = (image: WriteImageArgs, actual: string) =>
  new AgentFailure('image-checksum', `the image has the ${image.checksumAlgorithm} ${actual}, expected ${image.checksum.toLowerCase()}`, {
    actual,
    expected: image.checksum.toLowerCase(),
  });

async function stretchPartitionTable(disk: OpenDisk, context: StepContext): Promise<void> {
  const table = await readPartitionTable(disk);
  if (!table) return context.log('info', `the image on ${disk.facts.device} has no GPT; its partition table stays as it is`);
  await writePartitionTable(disk, table);
  await disk.rereadPartitions();
}

async function writeAndVerify(image: WriteImageArgs, disk: OpenDisk, context: StepContext): Promise<WriteImageResult> {
  const device = disk.facts.device;
  const startedAtMs = context.clock.nowMs();
  const place = image.partitions === undefined ? undefined : await makePartitions(disk, image.partitions, context);
  const target = place?.root ?? disk;
  // Old signatures at the far end (a backup GPT, RAID members) must not outlive the image.
  await wipeMetadata(target);
  const timed = timedDisk(target, context.clock);
  const writer = new SparseWriter(timed.disk);
  try {
    const { wireBytes, checksum } = await transfer(image, target, writer, context);
    if (checksum !== image.checksum.toLowerCase()) throw checksumFailure(image, checksum);
    const imageBytes = writer.position;
    await writer.verify(
      (done) => context.progress({ phase: `verifying ${device}`, done, total: writer.writtenBytes, unit: 'bytes' }),
      context.signal,
    );
    await (place?.formatOthers() ?? stretchPartitionTable(disk, context));
    return {
      device,
      wireBytes,
      imageBytes,
      writtenBytes: writer.writtenBytes,
      checksum,
      verified: true,
      seconds: (context.clock.nowMs() - startedAtMs) / 1000,
      diskSeconds: timed.waitedMs() / 1000,
    };
  } catch (error) {
    await wipeMetadata(place?.isEphemeralKept === true ? target : disk).catch((wipeError: unknown) =>
      context.log('error', `${device}: the partition table could not be cleared after the failure: ${String(wipeError)}`),
    );
    throw error;
  }
}

export const writeImage: Step = {
  declarations: [
    {
      phase: 'deploy',
      interface: 'deploy',
      step: 'write_image',
      priority: 80,
      abortable: true,
      rebootRequested: false,
      argsinfo: {
        url: { description: "Path below the boot server's images, or a whole http(s) URL", required: true },
        format: { description: 'raw or qcow2', required: true },
        compression: { description: 'none, gzip, zstd or xz', required: true },
        checksum: { description: 'Digest of the bytes on the wire in hex', required: true },
        checksumAlgorithm: { description: 'sha256, sha512 or md5', required: true },
        sizeBytes: { description: 'Bytes on the wire', required: false },
        diskSizeBytes: { description: 'Size of the unpacked disk image', required: false },
        partitions: { description: 'For an image that is one file system: what is made around it', required: false },
        disk: { description: 'The planned disk: serial, size and WWN', required: true },
      },
    },
  ],
  async run(args, context): Promise<Json> {
    const image = checkArgs(args);
    const facts = await requirePlannedDisk(context.disks, image.disk);
    const needed = image.diskSizeBytes ?? 0;
    if (needed > facts.sizeBytes || facts.sizeBytes < 2 * METADATA_BYTES) {
      throw new AgentFailure('disk-too-small', `${facts.device} has ${facts.sizeBytes} bytes, the image needs ${needed}`, {
        diskBytes: facts.sizeBytes,
        imageBytes: needed,
      });
    }
    const disk = await context.disks.open(facts);
    try {
      return { ...(await writeAndVerify(image, disk, context)) };
    } finally {
      await disk.close();
    }
  },
};

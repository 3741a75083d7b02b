import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolvePackages, unpackPackages } from '../deploy-agent/debian-packages.ts';
import { runCommand } from '../deploy-agent/native-command.ts';
import { makeFatImage } from './build/fat-image.ts';

/**
 * A CD that boots the agent, on BIOS by GRUB and on UEFI by Debian's signed shim and GRUB (El Torito, both). It is the same for
 * every machine: the kernel's line is a comment of fixed size in grub.cfg, and whoever serves the image writes the machine's own
 * over it (`pxe/media/`). Made without mounts, and known by its content.
 */
export interface BootIso {
  readonly path: string;
  /** Where the machine's line goes. */
  readonly lineStart: number;
  readonly lineBytes: number;
}

const LOADER_PACKAGES = ['grub-pc-bin', 'grub-efi-amd64-signed', 'shim-signed'];
/** x86 kernels take 2048 bytes (COMMAND_LINE_SIZE); quotes and the command around it come on top. */
const LINE_BYTES = 4096;
const MARK = '#@rackwright-kernel-line ';
const BIOS_MODULES = [
  'biosdisk',
  'iso9660',
  'normal',
  'configfile',
  'linux',
  'echo',
  'test',
  'boot',
  'search',
  'serial',
  'terminal',
  'minicmd',
  'sleep',
  'reboot',
];
const LABEL = 'RACKWRIGHT';
const EFI_IMAGE_BYTES = 8 * 1024 ** 2;
/** One moment for every file, so that the same content gives the same bytes. */
const FIXED_TIME = { SOURCE_DATE_EPOCH: '1672531200', TZ: 'UTC' };

const grubConfiguration = (): string => `serial --unit=0 --speed=115200
terminal_output serial console
echo "Rackwright: starting the deploy agent from virtual media"
${MARK.padEnd(LINE_BYTES, '.')}
initrd /boot/ramdisk
boot
echo "This image boots only as Rackwright serves it. Starting again in a minute."
sleep 60
reboot
`;

/** @param files the agent's kernel and ramdisk, which `version` stands for. */
export async function buildBootIso(
  files: { readonly kernel: string; readonly ramdisk: string; readonly version: string },
  cacheDirectory: string,
): Promise<BootIso> {
  const loaders = await resolvePackages(LOADER_PACKAGES, cacheDirectory);
  const hash = createHash('sha256').update(files.version).update(grubConfiguration()).update(BIOS_MODULES.join());
  for (const { fileName, digest } of loaders) hash.update(`${fileName} ${digest}`);
  const directory = join(cacheDirectory, `boot-iso-${hash.digest('hex').slice(0, 16)}`);
  const record = join(directory, 'boot-iso.json');
  const known = await readFile(record, 'utf8').catch(() => undefined);
  if (known !== undefined) return JSON.parse(known) as BootIso;

  const packages = await unpackPackages(loaders, cacheDirectory);
  await mkdir(directory, { recursive: true });
  const work = await mkdtemp(join(directory, 'work-'));
  try {
    const image = join(work, 'agent.iso');
    await makeTree(work, packages, files);
    await runCommand('xorriso', isoArguments(join(work, 'tree'), image), { env: FIXED_TIME });
    const path = join(directory, 'agent.iso');
    const built: BootIso = { path, lineStart: await findMark(image), lineBytes: LINE_BYTES };
    await rename(image, path);
    // Last and by rename: an image that is known is whole.
    await writeFile(`${record}.${process.pid}`, JSON.stringify(built));
    await rename(`${record}.${process.pid}`, record);
    return built;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function makeTree(work: string, packages: string, files: { readonly kernel: string; readonly ramdisk: string }): Promise<void> {
  const grub = join(work, 'tree/boot/grub');
  await mkdir(grub, { recursive: true });
  // Debian's signed GRUB for CDs finds its medium by this file, and then /boot/grub/grub.cfg on it.
  await mkdir(join(work, 'tree/.disk'));
  await writeFile(join(work, 'tree/.disk/info'), 'Rackwright deploy agent\n');
  for (const [from, to] of [
    [files.kernel, 'kernel'],
    [files.ramdisk, 'ramdisk'],
  ] as const) {
    const target = join(work, 'tree/boot', to);
    await link(from, target).catch(() => copyFile(from, target));
  }
  await writeFile(join(grub, 'grub.cfg'), grubConfiguration());
  const modules = join(packages, 'usr/lib/grub/i386-pc');
  const output = join(grub, 'bios.img');
  await runCommand('grub-mkimage', ['-d', modules, '-O', 'i386-pc-eltorito', '-p', '/boot/grub', '-o', output, ...BIOS_MODULES]);
  await makeEfiImage(join(grub, 'efi.img'), packages);
}

async function makeEfiImage(image: string, packages: string): Promise<void> {
  const loaders = new Map([
    ['EFI/BOOT/BOOTX64.EFI', await readFile(join(packages, 'usr/lib/shim/shimx64.efi.signed'))],
    // The one for CDs: it looks for its configuration on the CD, not beside itself.
    ['EFI/BOOT/grubx64.efi', await readFile(join(packages, 'usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed'))],
  ]);
  await writeFile(image, await makeFatImage(EFI_IMAGE_BYTES, 'EFI', loaders));
}

const isoArguments = (tree: string, image: string): string[] => [
  ...['-as', 'mkisofs', '-o', image, '-V', LABEL, '-R'],
  ...['-b', 'boot/grub/bios.img', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table', '--grub2-boot-info'],
  ...['-eltorito-alt-boot', '-e', 'boot/grub/efi.img', '-no-emul-boot', tree],
];

const CHUNK_BYTES = 4 * 1024 ** 2;

/** xorriso keeps each file in one piece, so the line is one stretch of the image. */
async function findMark(image: string): Promise<number> {
  const file = await open(image, 'r');
  try {
    const mark = Buffer.from(`\n${MARK}`);
    let rest = Buffer.alloc(0);
    for (let read = 0; ;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, read);
      if (bytesRead === 0) throw new Error('the boot image has no line for the kernel');
      const text = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      const at = text.indexOf(mark);
      if (at >= 0) return read - rest.length + at + 1;
      read += bytesRead;
      rest = text.subarray(-mark.length);
    }
  } finally {
    await file.close();
  }
}

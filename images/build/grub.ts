import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../deploy-agent/native-command.ts';

/** GRUB for BIOS machines: code for the first block and an image for the BIOS boot partition. */
export interface BiosGrub {
  /** 440 bytes for LBA 0. */
  readonly bootCode: Buffer;
  /** For the start of the BIOS boot partition. */
  readonly core: Buffer;
}

/** Where boot.img keeps the first block of core.img (grub-core/boot/i386/pc/boot.S: `kernel_sector`). */
const BOOT_KERNEL_SECTOR_OFFSET = 0x5c;
/** Where core.img's first block keeps the place of its second one (diskboot.S: `firstlist` - 12). */
const CORE_BLOCKLIST_OFFSET = 0x1f4;

const MODULES = [
  'biosdisk',
  'part_gpt',
  'fat',
  'ext2',
  'search',
  'search_fs_uuid',
  'normal',
  'configfile',
  'linux',
  'echo',
  'test',
  'boot',
  'minicmd',
  'serial',
  'terminal',
];

/** Without grub-install: `prefix` like `(,gpt2)/grub` is looked up on the disk that booted. */
export async function makeBiosGrub(packagesRoot: string, prefix: string, biosBootFirstLba: number): Promise<BiosGrub> {
  const folder = join(packagesRoot, 'usr/lib/grub/i386-pc');
  const work = await mkdtemp(join(tmpdir(), 'rackwright-grub-'));
  try {
    const early = join(work, 'early.cfg');
    const output = join(work, 'core.img');
    await writeFile(early, 'configfile $prefix/grub.cfg\n');
    await runCommand('grub-mkimage', ['-d', folder, '-O', 'i386-pc', '-c', early, '-p', prefix, '-o', output, ...MODULES]);
    const core = await readFile(output);
    const bootCode = Buffer.from((await readFile(join(folder, 'boot.img'))).subarray(0, 440));
    bootCode.writeBigUInt64LE(BigInt(biosBootFirstLba), BOOT_KERNEL_SECTOR_OFFSET);
    core.writeBigUInt64LE(BigInt(biosBootFirstLba + 1), CORE_BLOCKLIST_OFFSET);
    return { bootCode, core };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Debian's signed loaders for the EFI system partition: path on it and path below the packages' root. */
export const EFI_LOADERS: readonly (readonly [string, string])[] = [
  ['EFI/BOOT/BOOTX64.EFI', 'usr/lib/shim/shimx64.efi.signed'],
  ['EFI/BOOT/mmx64.efi', 'usr/lib/shim/mmx64.efi.signed'],
  ['EFI/BOOT/grubx64.efi', 'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'],
];
export const LOADER_PACKAGES = ['grub-pc-bin', 'grub-efi-amd64-signed', 'shim-signed', 'shim-helpers-amd64-signed'] as const;

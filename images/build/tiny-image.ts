import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeCpio } from '../../deploy-agent/cpio-codec.ts';
import { resolveKernelPackage, resolvePackages, unpackPackages } from '../../deploy-agent/debian-packages.ts';
import { GPT_TYPE_BIOS_BOOT, GPT_TYPE_EFI_SYSTEM } from '../../deploy-agent/gpt-codec.ts';
import { addProgram, findKernel, startTree, UDHCPC_SCRIPT } from '../../deploy-agent/initramfs.ts';
import { partitionOffset, planDisk, writeDisk } from './disk-image.ts';
import { makeFatImage } from './fat-image.ts';
import { EFI_LOADERS, LOADER_PACKAGES, makeBiosGrub } from './grub.ts';
import type { ImageRecipe } from './image-recipe.ts';
import { zstdCompress } from './compress.ts';

/**
 * The guest for tests: Debian's kernel and a memory file system with busybox and dropbear on one FAT partition that both
 * BIOS GRUB and shim boot. It takes host name and SSH keys from the config drive, addresses by DHCP; user data and
 * network data are not looked at.
 */
const PACKAGES = [
  'busybox-static',
  'dropbear-bin',
  'libc6',
  'libcrypt1',
  'libtomcrypt1',
  'libtommath1',
  'libgmp10',
  'zlib1g',
  ...LOADER_PACKAGES,
];

/** Beside those that all of our memory file systems have. */
const APPLETS = ['chown', 'chmod', 'id', 'whoami', 'uptime', 'touch', 'true', 'false'];
const MODULES = [
  'virtio_pci',
  'virtio_blk',
  'virtio_scsi',
  'virtio_net',
  'nvme',
  'ahci',
  'ata_piix',
  'sd_mod',
  'sr_mod',
  'e1000',
  'e1000e',
  'igb',
  'igc',
  'ixgbe',
  'tg3',
  'r8169',
  'isofs',
  'vfat',
  'nls_ascii',
  'nls_cp437',
  'evdev',
  'button',
  '8021q',
  'bonding',
];
const COMMAND_LINE = 'console=tty0 console=ttyS0,115200 quiet no_timer_check';
const GRUB_CONFIG = `set timeout=0\nlinux /vmlinuz ${COMMAND_LINE}\ninitrd /initrd\nboot\n`;
const ESP_BYTES = 22 * 2 ** 20;
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\ntiny:x:1000:1000:tiny:/home/tiny:/bin/sh\n';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function assembleInitramfs(root: string, release: string): Promise<Buffer> {
  const tree = await startTree(root, {
    release,
    folders: ['var/log'],
    applets: APPLETS,
    modules: MODULES,
    init: await readFile(here('tiny/init')),
  });
  const text = (path: string, content: string, mode = 0o644) => tree.set(path, { type: 'file', data: Buffer.from(content), mode });
  for (const folder of ['root', 'root/.ssh', 'home/tiny/.ssh']) tree.set(folder, { type: 'directory', mode: 0o700 });
  await addProgram(tree, root, 'sbin/dropbear', await readFile(join(root, 'usr/sbin/dropbear')));
  text('etc/passwd', PASSWD);
  text('etc/shadow', 'root:*:19000:0:99999:7:::\ntiny:*:19000:0:99999:7:::\n', 0o600);
  text('etc/group', 'root:x:0:\ntiny:x:1000:\n');
  text('etc/shells', '/bin/sh\n');
  text('root/.ssh/authorized_keys', '', 0o600);
  text('home/tiny/.ssh/authorized_keys', '', 0o600);
  return zstdCompress(Buffer.concat(encodeCpio(tree)));
}

export const tinyImage: ImageRecipe = {
  name: 'tiny',
  defaultUser: 'tiny',
  sources: [
    here('tiny-image.ts'),
    here('tiny/init'),
    UDHCPC_SCRIPT,
    here('grub.ts'),
    here('fat-image.ts'),
    here('disk-image.ts'),
    ...['cpio-codec.ts', 'elf-codec.ts', 'gpt-codec.ts', 'initramfs.ts'].map((name) => here(`../../deploy-agent/${name}`)),
  ],
  async packages(cacheDirectory) {
    return resolvePackages([await resolveKernelPackage('linux-image-amd64', cacheDirectory), ...PACKAGES], cacheDirectory);
  },
  async build({ packages, cacheDirectory, output, seed }) {
    const root = await unpackPackages(packages, cacheDirectory);
    const kernel = await findKernel(root);
    const table = planDisk(seed, [
      { type: GPT_TYPE_BIOS_BOOT, name: 'bios', sizeBytes: 2 ** 20 },
      { type: GPT_TYPE_EFI_SYSTEM, name: 'esp', sizeBytes: ESP_BYTES },
    ]);
    const files = new Map<string, Buffer>([
      ['vmlinuz', kernel.image],
      ['initrd', await assembleInitramfs(root, kernel.release)],
      ['grub/grub.cfg', Buffer.from(GRUB_CONFIG)],
      ['EFI/debian/grub.cfg', Buffer.from(GRUB_CONFIG)],
    ]);
    for (const [path, source] of EFI_LOADERS) files.set(path, await readFile(join(root, source)));
    const grub = await makeBiosGrub(root, '(,gpt2)/grub', table.partitions[0]!.firstLba);
    await writeDisk(output, table, grub.bootCode, [
      [partitionOffset(table, 1), grub.core],
      [partitionOffset(table, 2), await makeFatImage(ESP_BYTES, 'ESP', files)],
    ]);
  },
};

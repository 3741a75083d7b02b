import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolveKernelPackage, resolvePackages, unpackPackages } from '../../deploy-agent/debian-packages.ts';
import { GPT_TYPE_BIOS_BOOT, GPT_TYPE_EFI_SYSTEM, GPT_TYPE_LINUX_ROOT_X86_64 } from '../../deploy-agent/gpt-codec.ts';
import { makeRootFileSystem, rootFileSystemBytes, rootUuidFrom } from './debian/root-file-system.ts';
import { makeRootTree, PACKAGES } from './debian/root-tree.ts';
import { partitionOffset, planDisk, writeDisk } from './disk-image.ts';
import { makeFatImage } from './fat-image.ts';
import { EFI_LOADERS, LOADER_PACKAGES, makeBiosGrub } from './grub.ts';
import type { ImageRecipe } from './image-recipe.ts';

/**
 * A real Debian for servers: cloud-init with the config drive, OpenSSH, systemd-networkd. GRUB reads its configuration
 * from the root file system, which follows the kernel by Debian's own links `/vmlinuz` and `/initrd.img`, so kernel updates work.
 */
export const COMMAND_LINE = 'console=tty0 console=ttyS0,115200 quiet no_timer_check';
const ESP_BYTES = 16 * 2 ** 20;
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const grubConfigFor = (rootUuid: string) => `set timeout=0
search --no-floppy --fs-uuid --set=root ${rootUuid}
menuentry Debian {
  linux /vmlinuz root=UUID=${rootUuid} ro ${COMMAND_LINE}
  initrd /initrd.img
}
menuentry 'Debian, previous kernel' {
  linux /vmlinuz.old root=UUID=${rootUuid} ro ${COMMAND_LINE}
  initrd /initrd.img.old
}
`;

/** On the EFI system partition and behind BIOS GRUB: finds the real one. */
const chainConfigFor = (rootUuid: string) =>
  `search --no-floppy --fs-uuid --set=root ${rootUuid}\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n`;

async function makeEsp(packagesRoot: string, rootUuid: string): Promise<Buffer> {
  const files = new Map<string, Buffer>();
  for (const [path, source] of EFI_LOADERS) files.set(path, await readFile(join(packagesRoot, source)));
  files.set('EFI/debian/grub.cfg', Buffer.from(chainConfigFor(rootUuid)));
  files.set('grub/grub.cfg', Buffer.from(chainConfigFor(rootUuid)));
  return makeFatImage(ESP_BYTES, 'ESP', files);
}

export const debianImage: ImageRecipe = {
  name: 'debian',
  defaultUser: 'debian',
  sources: [
    'debian-image.ts',
    'debian/overlay.ts',
    'debian/root-tree.ts',
    'debian/root-file-system.ts',
    'grub.ts',
    'fat-image.ts',
    'disk-image.ts',
    '../../deploy-agent/gpt-codec.ts',
  ].map(here),
  async packages(cacheDirectory) {
    const kernel = await resolveKernelPackage('linux-image-amd64', cacheDirectory);
    return resolvePackages([kernel, ...PACKAGES, 'systemd', 'libc6', 'libssl3', ...LOADER_PACKAGES], cacheDirectory);
  },
  async build({ cacheDirectory, output, seed, onProgress }) {
    const work = await mkdtemp(join(cacheDirectory, 'debian-work-'));
    try {
      const rootUuid = rootUuidFrom(seed);
      const root = join(work, 'root');
      await makeRootTree({ packages: PACKAGES, root, workDirectory: work, rootUuid, grubConfig: grubConfigFor(rootUuid), onProgress });
      const fileSystemBytes = await rootFileSystemBytes(root);
      const table = planDisk(seed, [
        { type: GPT_TYPE_BIOS_BOOT, name: 'bios', sizeBytes: 2 ** 20 },
        { type: GPT_TYPE_EFI_SYSTEM, name: 'esp', sizeBytes: ESP_BYTES },
        { type: GPT_TYPE_LINUX_ROOT_X86_64, name: 'root', sizeBytes: fileSystemBytes },
      ]);
      const rootPartition = table.partitions[2]!;
      const loaders = await unpackPackages(await resolvePackages(LOADER_PACKAGES, cacheDirectory), cacheDirectory);
      const grub = await makeBiosGrub(loaders, '(,gpt2)/grub', table.partitions[0]!.firstLba);
      await (await open(output, 'w')).close();
      await writeDisk(output, table, grub.bootCode, [
        [partitionOffset(table, 1), grub.core],
        [partitionOffset(table, 2), await makeEsp(loaders, rootUuid)],
      ]);
      onProgress(`debian: writing the root file system, ${Math.round(fileSystemBytes / 2 ** 20)} MiB`);
      await makeRootFileSystem({
        root,
        uuid: rootUuid,
        output,
        offsetBytes: partitionOffset(table, 3),
        sizeBytes: (rootPartition.lastLba - rootPartition.firstLba + 1) * table.blockBytes,
      });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};

import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolveKernelPackage, resolvePackages, unpackPackages } from '../../deploy-agent/debian-packages.ts';
import { GPT_TYPE_BIOS_BOOT, GPT_TYPE_EFI_SYSTEM, GPT_TYPE_LINUX_ROOT_X86_64 } from '../../deploy-agent/gpt-codec.ts';
import { runCommand } from '../../deploy-agent/native-command.ts';
import { makeRootTree, PACKAGES } from './debian/root-tree.ts';
import { partitionOffset, planDisk, writeDisk } from './disk-image.ts';
import { makeFatImage } from './fat-image.ts';
import { EFI_LOADERS, LOADER_PACKAGES, makeBiosGrub } from './grub.ts';
import type { ImageRecipe } from './image-recipe.ts';

/**
 * A real Debian for servers: cloud-init with the config drive, OpenSSH, systemd-networkd. GRUB reads its configuration
 * from the root file system, which follows the kernel by Debian's own links `/vmlinuz` and `/initrd.img`, so kernel updates work.
 */
const COMMAND_LINE = 'console=tty0 console=ttyS0,115200 quiet no_timer_check';
const ESP_BYTES = 16 * 2 ** 20;
/** Room for the first boot's own files; the partition grows to the disk then. */
const SPARE_BYTES = 192 * 2 ** 20;
/** Inodes, bitmaps and journal of ext4 as a share of the content. */
const FILE_SYSTEM_OVERHEAD = 1.12;

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const uuidFrom = (seed: string): string => {
  const hex = createHash('sha256').update(`root ${seed}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

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
      const rootUuid = uuidFrom(seed);
      const root = join(work, 'root');
      await makeRootTree({ root, workDirectory: work, rootUuid, grubConfig: grubConfigFor(rootUuid), onProgress });
      const contentBytes = Number((await runCommand('du', ['-s', '--block-size=1', root])).toString().split('\t')[0]);
      const table = planDisk(seed, [
        { type: GPT_TYPE_BIOS_BOOT, name: 'bios', sizeBytes: 2 ** 20 },
        { type: GPT_TYPE_EFI_SYSTEM, name: 'esp', sizeBytes: ESP_BYTES },
        { type: GPT_TYPE_LINUX_ROOT_X86_64, name: 'root', sizeBytes: contentBytes * FILE_SYSTEM_OVERHEAD + SPARE_BYTES },
      ]);
      const rootPartition = table.partitions[2]!;
      const loaders = await unpackPackages(await resolvePackages(LOADER_PACKAGES, cacheDirectory), cacheDirectory);
      const grub = await makeBiosGrub(loaders, '(,gpt2)/grub', table.partitions[0]!.firstLba);
      await (await open(output, 'w')).close();
      await writeDisk(output, table, grub.bootCode, [
        [partitionOffset(table, 1), grub.core],
        [partitionOffset(table, 2), await makeEsp(loaders, rootUuid)],
      ]);
      onProgress(`debian: writing the root file system, ${Math.round(contentBytes / 2 ** 20)} MiB`);
      const blocks = ((rootPartition.lastLba - rootPartition.firstLba + 1) * table.blockBytes) / 1024;
      const fileSystem = [
        '-q',
        '-t',
        'ext4',
        '-F',
        '-U',
        rootUuid,
        '-L',
        'rootfs',
        '-m',
        '1',
        '-d',
        root,
        '-E',
        `offset=${partitionOffset(table, 3)},lazy_itable_init=1,hash_seed=${rootUuid}`,
        '-O',
        '^metadata_csum_seed,^orphan_file',
      ];
      await runCommand('mke2fs', [...fileSystem, output, `${blocks}k`]).catch(() =>
        runCommand('mke2fs', [...fileSystem.slice(0, -2), output, `${blocks}k`]),
      );
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};

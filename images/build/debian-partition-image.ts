import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolveKernelPackage, resolvePackages } from '../../deploy-agent/debian-packages.ts';
import { COMMAND_LINE } from './debian-image.ts';
import { makeRootFileSystem, rootFileSystemBytes, rootUuidFrom } from './debian/root-file-system.ts';
import { makeRootTree, PACKAGES } from './debian/root-tree.ts';
import type { ImageRecipe } from './image-recipe.ts';

/** The same Debian as a partition image: its root file system alone. It brings GRUB for BIOS and UEFI, which the agent calls to make the disk boot. */
const GRUB_PACKAGES = ['grub-pc-bin', 'grub-efi-amd64-bin', 'grub2-common'];

/** No graphics: servers without a display adapter hang in it. */
const GRUB_DEFAULTS = `GRUB_TIMEOUT=0
GRUB_TERMINAL=console
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX="${COMMAND_LINE}"
GRUB_DISABLE_OS_PROBER=true
`;

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export const debianPartitionImage: ImageRecipe = {
  name: 'debian-partition',
  defaultUser: 'debian',
  sources: ['debian-partition-image.ts', 'debian-image.ts', 'debian/overlay.ts', 'debian/root-tree.ts', 'debian/root-file-system.ts'].map(
    here,
  ),
  async packages(cacheDirectory) {
    const kernel = await resolveKernelPackage('linux-image-amd64', cacheDirectory);
    return resolvePackages([kernel, ...PACKAGES, ...GRUB_PACKAGES, 'systemd', 'libc6', 'libssl3'], cacheDirectory);
  },
  async build({ cacheDirectory, output, seed, onProgress }) {
    const work = await mkdtemp(join(cacheDirectory, 'debian-work-'));
    try {
      const rootUuid = rootUuidFrom(seed);
      const root = join(work, 'root');
      await makeRootTree({
        packages: [...PACKAGES, ...GRUB_PACKAGES],
        files: new Map([['etc/default/grub', { content: GRUB_DEFAULTS }]]),
        root,
        workDirectory: work,
        rootUuid,
        onProgress,
      });
      const sizeBytes = Math.ceil((await rootFileSystemBytes(root)) / 2 ** 20) * 2 ** 20;
      onProgress(`debian: writing the root file system, ${sizeBytes / 2 ** 20} MiB`);
      await (await open(output, 'w')).close();
      await makeRootFileSystem({ root, uuid: rootUuid, output, offsetBytes: 0, sizeBytes });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};

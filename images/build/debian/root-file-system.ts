import { createHash } from 'node:crypto';
import { runCommand } from '../../../deploy-agent/native-command.ts';

/** Room for the first boot's own files; the file system grows to the disk then. */
const SPARE_BYTES = 192 * 2 ** 20;
/** Inodes, bitmaps and journal of ext4 as a share of the content. */
const OVERHEAD = 1.12;

export const rootUuidFrom = (seed: string): string => {
  const hex = createHash('sha256').update(`root ${seed}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

/** How big the file system of this folder has to be. */
export async function rootFileSystemBytes(root: string): Promise<number> {
  const contentBytes = Number((await runCommand('du', ['-s', '--block-size=1', root])).toString().split('\t')[0]);
  return contentBytes * OVERHEAD + SPARE_BYTES;
}

export interface RootFileSystem {
  /** The folder with its content. */
  readonly root: string;
  readonly uuid: string;
  /** A file that is there. */
  readonly output: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export async function makeRootFileSystem({ root, uuid, output, offsetBytes, sizeBytes }: RootFileSystem): Promise<void> {
  const extended = `offset=${offsetBytes},lazy_itable_init=1,hash_seed=${uuid}`;
  const settings = ['-q', '-t', 'ext4', '-F', '-U', uuid, '-L', 'rootfs', '-m', '1', '-d', root, '-E', extended];
  const where = [output, `${Math.floor(sizeBytes / 1024)}k`];
  // Older loaders read neither of these; older tools do not know the second one.
  await runCommand('mke2fs', [...settings, '-O', '^metadata_csum_seed,^orphan_file', ...where]).catch(() =>
    runCommand('mke2fs', [...settings, ...where]),
  );
}

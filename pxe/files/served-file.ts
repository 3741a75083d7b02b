import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** A regular file, opened, with what HTTP and TFTP say about it. */
export interface ServedFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly etag: string;
}

/** Opens an absolute path that the model names. Undefined when there is no regular file. */
export async function openServedFile(path: string): Promise<ServedFile | undefined> {
  let handle: FileHandle;
  try {
    // NONBLOCK: opening a pipe must not hang.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ENAMETOOLONG' || code === 'ELOOP') return undefined;
    throw error;
  }
  const stat = await handle.stat({ bigint: true });
  if (!stat.isFile()) {
    await handle.close();
    return undefined;
  }
  return {
    handle,
    sizeBytes: Number(stat.size),
    modifiedMs: Number(stat.mtimeMs),
    etag: `"${stat.ino.toString(36)}-${stat.size.toString(36)}-${stat.mtimeNs.toString(36)}"`,
  };
}

/** Path segments that stay below a directory whatever they are. */
export const isSafeSegment = (segment: string): boolean =>
  segment !== '' && segment !== '.' && segment !== '..' && !/[/\\\0]/.test(segment);

/** Opens a file below `directory`; undefined when it does not exist, or a symbolic link leads out. */
export async function openBelow(directory: string, segments: readonly string[]): Promise<ServedFile | undefined> {
  if (segments.length === 0 || !segments.every(isSafeSegment)) return undefined;
  try {
    const root = await realpath(directory);
    const path = await realpath(join(root, ...segments));
    return path.startsWith(root + sep) ? await openServedFile(path) : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG' || code === 'ELOOP') return undefined;
    throw error;
  }
}

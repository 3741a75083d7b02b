import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ImageError } from './image-error.ts';
import type { ImageStore } from './image-store.ts';

/** A directory: `ab/abcdef…` by SHA-512. A name appears only when its bytes are on the disk. */
const READ_BYTES = 2 ** 20;

export function localImageStore({ id, directory }: { readonly id: string; readonly directory: string }): ImageStore {
  const pathOf = (sha512: string) => join(directory, sha512.slice(0, 2), sha512);
  return {
    id,
    kind: 'file',
    description: `files in ${directory}`,
    async put(sha512, file, { mayMove }) {
      const path = pathOf(sha512);
      if ((await stat(path).catch(() => undefined)) !== undefined) return;
      await mkdir(dirname(path), { recursive: true });
      const partial = `${path}.${process.pid}.partial`;
      const isMoved = mayMove && (await rename(file, partial).then(() => true, isOtherDisk));
      if (!isMoved) await copyFile(file, partial);
      await syncFile(partial);
      await rename(partial, path);
      await syncFile(dirname(path));
    },
    async open(sha512, { start, end }) {
      const path = pathOf(sha512);
      if ((await stat(path).catch(() => undefined)) === undefined)
        throw new ImageError(404, `The bytes of this image are not in the store ${id}.`);
      return createReadStream(path, { start, end, highWaterMark: READ_BYTES });
    },
    remove: (sha512) => rm(pathOf(sha512), { force: true }),
  };
}

function isOtherDisk(error: NodeJS.ErrnoException): false {
  if (error.code !== 'EXDEV') throw error;
  return false;
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

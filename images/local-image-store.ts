import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { createBufferFreeing } from '../core/base/free-buffers.ts';
import { ImageError } from './image-error.ts';
import type { LocalImageStore } from './image-store.ts';

/** A directory: `ab/abcdef…` by SHA-512. A name appears only when its bytes are on the disk. */
const READ_BYTES = 2 ** 20;

export function localImageStore({ id, directory }: { readonly id: string; readonly directory: string }): LocalImageStore {
  const pathOf = (sha512: string) => join(directory, sha512.slice(0, 2), sha512);
  return {
    id,
    kind: 'file',
    directory,
    pathOf,
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
      return Readable.from(piecesOf(path, start, end), { objectMode: false, highWaterMark: READ_BYTES });
    },
    async list(ageMsMin) {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
      const names = entries.filter((entry) => entry.isFile() && /^[0-9a-f]{128}$/.test(entry.name)).map(({ name }) => name);
      if (ageMsMin === 0) return names;
      const made = await Promise.all(names.map((name) => stat(pathOf(name)).catch(() => undefined)));
      return names.filter((_name, at) => made[at] !== undefined && Date.now() - made[at].mtimeMs >= ageMsMin);
    },
    remove: (sha512) => rm(pathOf(sha512), { force: true }),
  };
}

async function* piecesOf(path: string, start: number, end: number): AsyncGenerator<Buffer> {
  const passed = createBufferFreeing();
  const file = await open(path, 'r');
  try {
    for (let at = start; at <= end;) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at + 1)), 0, undefined, at);
      if (bytesRead === 0) throw new Error(`${path} ends at ${at}, before ${end}`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
      passed(bytesRead);
    }
  } finally {
    await file.close();
  }
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

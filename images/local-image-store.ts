import { copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { createBufferFreeing } from '../core/base/free-buffers.ts';
import { ImageError } from './image-error.ts';
import type { LocalImageStore } from './image-store.ts';

/** A directory: `ab/abcdef…` by SHA-512. A name appears only when its bytes are on the disk. */
const READ_BYTES = 2 ** 20;
const WHOLE = /^[0-9a-f]{128}$/;
const PARTIAL = /^[0-9a-f]{128}\.\d+\.partial$/;

export function localImageStore({ id, directory }: { readonly id: string; readonly directory: string }): LocalImageStore {
  const pathOf = (sha512: string) => join(directory, sha512.slice(0, 2), sha512);
  return {
    id,
    kind: 'file',
    directory,
    pathOf,
    description: `files in ${directory}`,
    async put(sha512, file) {
      const path = pathOf(sha512);
      if ((await stat(path).catch(() => undefined)) !== undefined) return;
      await mkdir(dirname(path), { recursive: true });
      const partial = `${path}.${process.pid}.partial`;
      await rm(partial, { force: true });
      await link(file, partial).catch((error: unknown) => copyToOtherDisk(error, file, partial));
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
    openFile: (sha512) =>
      open(pathOf(sha512), 'r').catch(() => {
        throw new ImageError(404, `The bytes of this image are not in the store ${id}.`);
      }),
    async list(ageMsMin) {
      return (await filesOf(directory, WHOLE, ageMsMin)).map(({ name }) => name);
    },
    remove: (sha512) => rm(pathOf(sha512), { force: true }),
    listIncomplete: async (ageMsMin) => (await filesOf(directory, PARTIAL, ageMsMin)).map(({ name }) => name),
    async dropIncomplete(ageMsMin) {
      for (const { path } of await filesOf(directory, PARTIAL, ageMsMin)) await rm(path, { force: true });
    },
  };
}

async function filesOf(directory: string, pattern: RegExp, ageMsMin: number): Promise<{ readonly name: string; readonly path: string }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map(({ name, parentPath }) => ({ name, path: join(parentPath, name) }));
  if (ageMsMin === 0) return files;
  // Not when its bytes were written: a link to a staged file is as old as that.
  const stats = await Promise.all(files.map(({ path }) => stat(path).catch(() => undefined)));
  return files.filter((_file, at) => stats[at] !== undefined && Date.now() - stats[at].ctimeMs >= ageMsMin);
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

async function copyToOtherDisk(error: unknown, file: string, partial: string): Promise<void> {
  if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
  await copyFile(file, partial);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createBufferFreeing } from '../../core/base/free-buffers.ts';
import { ObjectError } from '../object-error.ts';
import { UPLOAD_SILENCE_MS_MAX } from '../object-limits.ts';

/*
 * Files of objects' bytes: `ab/abcd…` by a random id, written once. An upload grows in `incoming/OWNER/ID`; when all of it is on the disk it gets
 * its name beside the one that it has, and the older name goes after the row is committed. So whatever a dead process left is found
 * in `incoming`, without looking through millions of files.
 */
export interface ReceivedFile {
  readonly id: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly md5: string;
}

const INCOMING = 'incoming';
/** One write of at least this much; smaller ones cost a system call each. */
const WRITE_BYTES = 2 ** 20;
const READ_BYTES = 2 ** 20;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const objectPath = (directory: string, id: string): string => join(directory, id.slice(0, 2), id);
const incomingPath = (directory: string, owner: string, id = ''): string => join(directory, INCOMING, owner, id);

export interface FilePlace {
  readonly directory: string;
  readonly owner: string;
}

/**
 * All of a stream onto the disk; nothing is left when it fails. No file is made for no bytes.
 * @throws ObjectError 408 for a client that falls silent, 413 past `limitBytes`
 */
export async function receiveFile(
  { directory, owner }: FilePlace,
  stream: AsyncIterable<Buffer>,
  limitBytes: number,
): Promise<ReceivedFile> {
  const id = randomUUID();
  const path = incomingPath(directory, owner, id);
  const md5 = createHash('md5');
  const passed = createBufferFreeing();
  let handle: FileHandle | undefined;
  let sizeBytes = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let writing: Promise<unknown> = Promise.resolve();
  // The next bytes come and are digested while these are written; no more than two writes' worth is in memory.
  const flush = async () => {
    const some = waiting;
    [waiting, waitingBytes] = [[], 0];
    await writing;
    if (some.length === 0) return;
    handle ??= await create(path);
    writing = handle.writev(some);
    writing.catch(() => undefined);
  };
  try {
    for await (const chunk of unlessSilent(stream)) {
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) throw new ObjectError(413, 'Your request is too large.');
      md5.update(chunk);
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= WRITE_BYTES) await flush();
      passed(chunk.length);
    }
    await flush();
    await writing;
    await handle?.datasync();
    await handle?.close();
    return { id, sizeBytes, md5: md5.digest('hex') };
  } catch (error) {
    await writing.catch(() => undefined);
    await handle?.close().catch(() => undefined);
    await rm(path, { force: true });
    throw error;
  }
}

async function create(path: string): Promise<FileHandle> {
  return open(path, 'wx').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    await mkdir(join(path, '..'), { recursive: true });
    return open(path, 'wx');
  });
}

/** Ends, with 408, the upload of a client that sends nothing any more. */
export async function* unlessSilent(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stop = (stream as { destroy?: (error: Error) => void }).destroy?.bind(stream);
  const timer = setTimeout(() => stop?.(new ObjectError(408, 'The upload fell silent.')), UPLOAD_SILENCE_MS_MAX);
  try {
    for await (const chunk of stream) {
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The file gets the name by which rows know it. */
export async function publishFile({ directory, owner }: FilePlace, id: string): Promise<void> {
  const path = objectPath(directory, id);
  const folder = join(path, '..');
  const isNew = (await mkdir(folder, { recursive: true })) !== undefined;
  await link(incomingPath(directory, owner, id), path);
  await syncFolder(folder);
  if (isNew) await syncFolder(directory);
}

/** After the row is there. */
export const forgetIncoming = ({ directory, owner }: FilePlace, id: string): Promise<void> =>
  rm(incomingPath(directory, owner, id), { force: true });

export async function discardFile(place: FilePlace, id: string): Promise<void> {
  await rm(objectPath(place.directory, id), { force: true });
  await forgetIncoming(place, id);
}

export const removeFile = (directory: string, id: string): Promise<void> => rm(objectPath(directory, id), { force: true });

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export const isThere = (directory: string, id: string): Promise<boolean> =>
  stat(objectPath(directory, id)).then(
    () => true,
    () => false,
  );

/** The file open for reading; undefined: it is gone. */
export const openFile = (directory: string, id: string): Promise<FileHandle | undefined> =>
  open(objectPath(directory, id), 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });

/** Bytes `first` to `last`, both included. Closes the file. */
export async function* readPieces(file: FileHandle, first: number, last: number): AsyncGenerator<Buffer> {
  const passed = createBufferFreeing();
  try {
    for (let at = first; at <= last;) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(Math.min(READ_BYTES, last - at + 1)), 0, undefined, at);
      if (bytesRead === 0) throw new Error(`A file of an object ends at ${at}, before ${last}`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
      passed(bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Unfinished uploads, by the process that took them. */
export async function listIncoming(directory: string): Promise<Map<string, string[]>> {
  const owners = await readdir(join(directory, INCOMING)).catch(() => [] as string[]);
  const found = owners.map(async (owner) => [owner, await readdir(incomingPath(directory, owner)).catch(() => [] as string[])] as const);
  return new Map(await Promise.all(found));
}

export const removeIncomingFolder = (directory: string, owner: string): Promise<void> =>
  rm(incomingPath(directory, owner), { recursive: true, force: true });

/** Ids of all files that are there, but what came in the last so many milliseconds. For the audit: it looks at every file. */
export async function listFiles(directory: string, ageMsMin: number): Promise<string[]> {
  const folders = (await readdir(directory).catch(() => [] as string[])).filter((name) => /^[0-9a-f]{2}$/.test(name));
  const names = (await Promise.all(folders.map((folder) => readdir(join(directory, folder))))).flat().filter((name) => ID.test(name));
  if (ageMsMin === 0) return names;
  const stats = await Promise.all(names.map((name) => stat(objectPath(directory, name)).catch(() => undefined)));
  return names.filter((_name, at) => stats[at] !== undefined && Date.now() - stats[at].ctimeMs >= ageMsMin);
}

import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isMalformed } from '../../core/base/malformed.ts';
import type { LeaseRecord } from '../boot-model.ts';
import { decodeJournalLine, encodeJournalLine, type JournalEntry } from './lease-record-codec.ts';

/**
 * The append-only file that makes a lease durable before its ACK. Everything handed in during one turn of the event loop, or while
 * the disk is busy enough, shares one durable write; a few small ones are on their way at once, so that a lease need not wait for a
 * slow one that went before. A write that fails leaves no half line behind: the file is cut back, and after a failed sync (whose pages
 * the kernel may have dropped) written anew. A crash leaves zeros or half lines where a write was on its way, before whole lines of others.
 */
export interface LeaseJournal {
  /** Resolves once the leases are on disk; rejects when they are not and will not be. */
  append(leases: readonly LeaseRecord[]): Promise<void>;
  /** Notes how far leases have reached the control plane. Needs no sync: replays are harmless. */
  noteStored(sequence: number): void;
  readonly counters: { writes: number; compactions: number; failures: number };
  close(): Promise<void>;
}

export interface LoadedJournal {
  readonly journal: LeaseJournal;
  readonly leases: readonly LeaseRecord[];
  readonly storedThrough: number;
  /** Lines that could not be read; a torn last line after a crash is one. */
  readonly damagedLines: number;
}

const FILE_NAME = 'leases.journal';
/**
 * Zeros written ahead of the lines, for some 600 leases: a sync of bytes that the file has already costs the disk one write,
 * one of a file that grew also the file system's own journal.
 */
const AHEAD_BYTES = 128 * 1024;
const ZEROS = Buffer.alloc(AHEAD_BYTES);
/** Below this a compaction saves nothing worth its sync. */
const COMPACT_BYTES_MIN = 1 << 20;
/** Compacted when the file is this many times what it held after the last compaction. */
const COMPACT_GROWTH = 4;

/** More do not shorten the wait, and libuv has four threads for the files of the whole process: one is left to others. */
const WRITES_AT_ONCE = 3;
/** Above this the disk is kept busy by what is on its way: what comes then waits and shares a write, which costs less. */
const LINES_AT_ONCE = 8;

interface Waiting {
  readonly lines: string;
  readonly leases: readonly LeaseRecord[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface JournalState {
  readonly directory: string;
  /** The latest record of every address: what a compacted file holds. */
  readonly latest: Map<string, LeaseRecord>;
  storedThrough: number;
  file: FileHandle;
  /** The same file, where a write returns when it is on the disk: one call instead of two, for bytes that overwrite zeros. */
  durable: FileHandle;
  /** Where the next lines go: before it are lines that are whole, or on their way. */
  goodBytes: number;
  /** Up to where the file has bytes: lines, then zeros. */
  aheadBytes: number;
  compactedBytes: number;
  /** Set when the file cannot be trusted and must be written anew before the next line. */
  broken: boolean;
  readonly counters: { writes: number; compactions: number; failures: number };
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes every byte: a full disk may take a part of them and say so only by the count. */
async function writeWhole(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw new Error('the disk took no more bytes');
    done += bytesWritten;
  }
}

const openDurable = (directory: string): Promise<FileHandle> => open(join(directory, FILE_NAME), constants.O_WRONLY | constants.O_DSYNC);

async function compact(state: JournalState): Promise<void> {
  const temporary = join(state.directory, `${FILE_NAME}.new`);
  const lines = [encodeJournalLine({ storedThrough: state.storedThrough })];
  for (const lease of state.latest.values()) lines.push(encodeJournalLine({ lease }));
  const bytes = Buffer.from(lines.join(''));
  const file = await open(temporary, 'w', 0o600);
  try {
    await writeWhole(file, bytes, 0);
    await file.datasync();
    await rename(temporary, join(state.directory, FILE_NAME));
    await syncDirectory(state.directory);
  } catch (cause) {
    await file.close();
    throw cause;
  }
  await Promise.allSettled([state.file.close(), state.durable.close()]);
  state.file = file;
  state.durable = await openDurable(state.directory);
  state.goodBytes = bytes.length;
  state.aheadBytes = bytes.length;
  state.compactedBytes = bytes.length;
  state.broken = false;
  state.counters.compactions += 1;
}

async function cutBack(state: JournalState, sizeBytes: number): Promise<void> {
  state.aheadBytes = sizeBytes;
  await state.file.truncate(sizeBytes).catch(() => {
    state.broken = true;
  });
}

/** A disk without that much room still takes lines. */
async function writeAhead(state: JournalState, from: number): Promise<void> {
  try {
    await writeWhole(state.file, ZEROS, from);
    state.aheadBytes = from + AHEAD_BYTES;
  } catch {
    await cutBack(state, from);
  }
}

async function grow(state: JournalState, bytes: Buffer): Promise<void> {
  try {
    await writeWhole(state.file, bytes, state.goodBytes);
  } catch (cause) {
    await cutBack(state, state.goodBytes);
    throw cause;
  }
  await writeAhead(state, state.goodBytes + bytes.length);
}

const isTooLong = (state: JournalState) => state.goodBytes > Math.max(COMPACT_BYTES_MIN, state.compactedBytes * COMPACT_GROWTH);

/** Whether nothing else may be on its way: the file is written anew, or grows. */
const needsTheFile = (state: JournalState, bytes: Buffer) =>
  state.broken || isTooLong(state) || state.goodBytes + bytes.length > state.aheadBytes;

async function commitAlone(state: JournalState, bytes: Buffer): Promise<void> {
  if (state.broken || isTooLong(state)) await compact(state);
  await grow(state, bytes);
  try {
    await state.file.datasync();
  } catch (cause) {
    state.broken = true;
    throw cause;
  }
  state.goodBytes += bytes.length;
}

async function commitBeside(state: JournalState, bytes: Buffer): Promise<void> {
  const position = state.goodBytes;
  state.goodBytes += bytes.length;
  try {
    await writeWhole(state.durable, bytes, position);
  } catch (cause) {
    state.broken = true;
    throw cause;
  }
}

function parseJournal(bytes: Buffer): { entries: JournalEntry[]; damagedLines: number; goodBytes: number } {
  const entries: JournalEntry[] = [];
  const goodBytes = bytes.lastIndexOf(10) + 1;
  let damagedLines = bytes.subarray(goodBytes).some((byte) => byte !== 0) ? 1 : 0;
  for (const line of bytes.toString('utf8', 0, goodBytes).split('\n').slice(0, -1)) {
    const text = line.replaceAll('\0', '');
    if (text === '') continue;
    const entry = decodeJournalLine(text);
    if (isMalformed(entry)) damagedLines += 1;
    else entries.push(entry);
  }
  return { entries, damagedLines, goodBytes };
}

async function readJournal(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

function noteLatest({ latest }: JournalState, leases: readonly LeaseRecord[]): void {
  for (const lease of leases) {
    const known = latest.get(lease.ipAddress);
    if (known === undefined || known.sequence < lease.sequence) latest.set(lease.ipAddress, lease);
  }
}

function startCommitting(state: JournalState): LeaseJournal {
  let waiting: Waiting[] = [];
  let scheduled = false;
  const flying = new Map<Promise<void>, number>();
  let isAlone = false;
  const commit = async (group: readonly Waiting[], bytes: Buffer): Promise<void> => {
    try {
      await (isAlone ? commitAlone(state, bytes) : commitBeside(state, bytes));
      state.counters.writes += 1;
      for (const { leases, resolve } of group) {
        // Before anything else is begun: a compaction keeps what is known here.
        noteLatest(state, leases);
        resolve();
      }
    } catch (cause) {
      state.counters.failures += 1;
      for (const { reject } of group) reject(cause as Error);
    }
  };
  const commitWaiting = (): void => {
    const lines = [...flying.values()].reduce((sum, count) => sum + count, 0);
    if (waiting.length === 0 || isAlone || flying.size >= WRITES_AT_ONCE || lines > LINES_AT_ONCE) return;
    // Half a line of a write that a crash ends must not run into these.
    const bytes = Buffer.from((flying.size > 0 ? '\n' : '') + waiting.map((w) => w.lines).join(''));
    const mustBeAlone = needsTheFile(state, bytes);
    if (mustBeAlone && flying.size > 0) return;
    const group = waiting;
    waiting = [];
    isAlone = mustBeAlone;
    const done = commit(group, bytes).finally(() => {
      flying.delete(done);
      isAlone = false;
      commitWaiting();
    });
    flying.set(done, group.length);
  };
  const enqueue = (leases: readonly LeaseRecord[], lines: string): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ lines, leases, resolve, reject });
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        commitWaiting();
      });
    });
  return {
    counters: state.counters,
    append: (leases) => enqueue(leases, leases.map((lease) => encodeJournalLine({ lease })).join('')),
    noteStored(sequence) {
      state.storedThrough = sequence;
      // A lost watermark costs a harmless replay after the next start, and the leases' own appends report a broken disk.
      enqueue([], encodeJournalLine({ storedThrough: sequence })).catch(() => {});
    },
    async close() {
      while (scheduled || flying.size > 0) await (flying.size > 0 ? Promise.race(flying.keys()) : new Promise(setImmediate));
      await state.file.truncate(state.goodBytes).catch(() => {});
      await Promise.all([state.file.close(), state.durable.close()]);
    },
  };
}

/** Reads what an earlier process left, however it ended, and goes on from there. */
export async function openLeaseJournal(directory: string): Promise<LoadedJournal> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, FILE_NAME);
  const { entries, damagedLines, goodBytes } = parseJournal(await readJournal(path));
  const latest = new Map<string, LeaseRecord>();
  let storedThrough = 0;
  for (const entry of entries) {
    if ('storedThrough' in entry) storedThrough = Math.max(storedThrough, entry.storedThrough);
    else if ((latest.get(entry.lease.ipAddress)?.sequence ?? -1) < entry.lease.sequence) latest.set(entry.lease.ipAddress, entry.lease);
  }
  const file = await open(path, 'a+', 0o600);
  await file.close();
  const state: JournalState = {
    directory,
    latest,
    storedThrough,
    file: await open(path, 'r+'),
    durable: await openDurable(directory),
    goodBytes,
    aheadBytes: goodBytes,
    compactedBytes: 0,
    broken: false,
    counters: { writes: 0, compactions: 0, failures: 0 },
  };
  await state.file.truncate(goodBytes);
  await syncDirectory(directory);
  return { journal: startCommitting(state), leases: [...latest.values()], storedThrough, damagedLines };
}

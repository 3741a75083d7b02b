/*
 * What machines that deploy the same image and their boot server say to each other, so that the image crosses the server's link about once: the
 * server tells the digests of its chunks and who has which; machines fetch chunks from each other and from the server.
 *
 *   GET  /spread/<boot token>/<image>            the chunk list
 *   GET  /spread/<boot token>/<image>?chunk=N    a chunk, from the server
 *   POST /spread/<boot token>/<image>            a report of what a machine has and wants; the answer says where to fetch
 *   GET  http://<machine>:<port>/<key>/N         a chunk, from a machine
 *
 * Every chunk is checked against the list before it is used or passed on; the whole is checked by the digest that the control plane gave.
 */
export const SPREAD_CHUNK_BYTES = 2 * 2 ** 20;

export interface ChunkList {
  readonly sizeBytes: number;
  readonly chunkBytes: number;
  /** SHA-256 of each chunk, one after the other, in base64. */
  readonly digests: string;
}

export type FetchFailure = 'slow' | 'corrupt' | 'gone';

export interface SpreadReport {
  /** Where this machine gives chunks to others: its port, and the first segment of the path. */
  readonly port: number;
  readonly key: string;
  /** Which chunks it gives: a bit for each, lowest first, in hex. */
  readonly held: string;
  /** Which it is fetching. */
  readonly fetching: readonly number[];
  /** Which it wants next, the most urgent first. */
  readonly wants: readonly number[];
  readonly failed: readonly { readonly source: string; readonly why: FetchFailure }[];
  /** Bytes so far, for the timeline: from the server, and from other machines. */
  readonly fromServer: number;
  readonly fromMachines: number;
  readonly isDone: boolean;
}

export interface SpreadAnswer {
  readonly fetch: readonly { readonly index: number; readonly from: 'server' | ChunkSource }[];
  /** When to ask again for what was not given. */
  readonly retryMs: number;
  /** It is held back until others are nearer, so that they find in its memory what it got from the server. */
  readonly isAhead?: true;
}

export interface ChunkSource {
  /** Names the machine in reports. */
  readonly source: string;
  readonly host: string;
  readonly port: number;
  readonly key: string;
}

export const chunkCount = ({ sizeBytes, chunkBytes }: Pick<ChunkList, 'sizeBytes' | 'chunkBytes'>): number =>
  Math.ceil(sizeBytes / chunkBytes);

export const chunkRange = (list: Pick<ChunkList, 'sizeBytes' | 'chunkBytes'>, index: number) => ({
  start: index * list.chunkBytes,
  length: Math.min(list.chunkBytes, list.sizeBytes - index * list.chunkBytes),
});

export function encodeHeld(indices: Iterable<number>, count: number): string {
  const bits = Buffer.alloc(Math.ceil(count / 8));
  for (const index of indices) bits[index >> 3]! |= 1 << (index & 7);
  return bits.toString('hex');
}

export const holds = (held: Buffer, index: number): boolean => ((held[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

/** A machine wants this many at once at most, and has this many failures to tell. */
const LIST_MAX = 64;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown, below: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < below;

/** A report as it came, or what is wrong with it. */
export function parseSpreadReport(value: unknown, chunks: number): SpreadReport | { readonly reason: string } {
  if (!isObject(value)) return { reason: 'the report is not an object' };
  const { port, key, held, fetching, wants, failed, fromServer, fromMachines, isDone } = value;
  if (!isCount(port, 65_536)) return { reason: 'port is not a port' };
  if (typeof key !== 'string' || !/^[0-9a-f]{32}$/.test(key)) return { reason: 'key is not 32 hex digits' };
  if (typeof held !== 'string' || held.length !== Math.ceil(chunks / 8) * 2 || !/^[0-9a-f]*$/.test(held))
    return { reason: `held is not a bit for each of ${chunks} chunks` };
  for (const [name, list] of Object.entries({ fetching, wants }))
    if (!Array.isArray(list) || list.length > LIST_MAX || !list.every((index) => isCount(index, chunks)))
      return { reason: `${name} is not a list of at most ${LIST_MAX} chunks` };
  const isFailure = (one: unknown) =>
    isObject(one) && typeof one['source'] === 'string' && ['slow', 'corrupt', 'gone'].includes(String(one['why']));
  if (!Array.isArray(failed) || failed.length > LIST_MAX || !failed.every(isFailure))
    return { reason: 'failed is not a list of sources and reasons' };
  if (!isCount(fromServer, Infinity) || !isCount(fromMachines, Infinity)) return { reason: 'fromServer and fromMachines are not bytes' };
  return { ...(value as unknown as SpreadReport), isDone: isDone === true };
}

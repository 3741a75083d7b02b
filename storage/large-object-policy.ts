import type { Segment } from './object-storage.ts';

/** Large objects as pieces of files, and what a client may say in a static one's manifest. */
export interface Piece {
  /** Bytes that are in the manifest itself have none. */
  readonly blobId: string | null;
  readonly data?: Buffer;
  readonly first: number;
  /** Included. */
  readonly last: number;
}

export const lengthOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { first, last }) => sum + last - first + 1, 0);

/** The pieces that hold bytes `first` to `last`, both included, of all of them together. */
export function slicePieces(pieces: readonly Piece[], first: number, last: number): Piece[] {
  const found: Piece[] = [];
  let start = 0;
  for (const piece of pieces) {
    const end = start + piece.last - piece.first;
    if (end >= first && start <= last)
      found.push({ ...piece, first: piece.first + Math.max(0, first - start), last: piece.last - Math.max(0, end - last) });
    start = end + 1;
  }
  return found;
}

/** A line of the manifest as a client sends it. */
export interface WantedSegment {
  readonly path?: string;
  readonly data?: string;
  readonly etag?: string;
  readonly bytes?: number;
  readonly range?: string;
}

export type WantedManifest = { readonly segments: readonly WantedSegment[] } | { readonly errors: readonly string[] };

const KEYS = new Set(['path', 'data', 'etag', 'size_bytes', 'range']);

/** @param self `/container/object` of the manifest */
export function readManifest(text: string, self: string, segmentsMax: number): WantedManifest {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { errors: ['Manifest must be valid JSON.'] };
  }
  if (!Array.isArray(body)) return { errors: ['Manifest must be a list.'] };
  if (body.length === 0) return { errors: ['Manifest must have at least one segment.'] };
  const paths = body.filter((one) => typeof one === 'object' && one !== null && 'path' in one).length;
  if (paths > segmentsMax) return { errors: [`Number of object-backed segments must be <= ${segmentsMax}`] };
  const read = body.map((one: unknown, at) => readSegment(one, at, self));
  const errors = read.flatMap((one) => (typeof one === 'string' ? [one] : []));
  if (errors.length === 0 && paths === 0) errors.push('Inline data segments require at least one object-backed segment.');
  return errors.length > 0 ? { errors } : { segments: read as WantedSegment[] };
}

function readSegment(value: unknown, at: number, self: string): WantedSegment | string {
  const wrong = (what: string) => `Index ${at}: ${what}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong('not a JSON object');
  const extra = Object.keys(value).filter((key) => !KEYS.has(key));
  if (extra.length > 0) return wrong(`extraneous keys ${extra.map((key) => `"${key}"`).join(', ')}`);
  const { path, data, etag, size_bytes: size, range } = value as Record<string, unknown>;
  if (data !== undefined) return path === undefined ? readInline(data, wrong) : wrong('both "path" and "data" are given');
  if (path === undefined) return wrong('expected keys to include one of "path" or "data"');
  if (typeof path !== 'string') return wrong('"path" must be a string');
  const plain = `/${path.replace(/^\/+/, '')}`;
  if (!/^\/[^/]+\/./s.test(plain)) return wrong('path does not refer to an object. Path must be of the form /container/object.');
  if (plain === self) return wrong('manifest must not include itself as a segment');
  if (etag !== undefined && etag !== null && typeof etag !== 'string') return wrong('etag must be a string or null (if provided)');
  const bytes = size === undefined || size === null ? undefined : Number(size);
  if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes >= 0)) return wrong('invalid size_bytes');
  if (bytes !== undefined && bytes < 1) return wrong('too small; each segment must be at least 1 byte.');
  if (range !== undefined && range !== null && (typeof range !== 'string' || !/^\s*(\d+-\d*|-\d+)\s*$/.test(range)))
    return wrong('invalid range');
  return {
    path: plain,
    ...(typeof etag === 'string' ? { etag: etag.replaceAll('"', '') } : {}),
    ...(bytes === undefined ? {} : { bytes }),
    ...(typeof range === 'string' ? { range } : {}),
  };
}

function readInline(data: unknown, wrong: (what: string) => string): WantedSegment | string {
  if (typeof data !== 'string') return wrong('data must be valid base64');
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length === 0 || bytes.toString('base64').replace(/=+$/, '') !== data.replaceAll(/\s|=+$/g, ''))
    return wrong('data must be valid base64');
  return { data: bytes.toString('base64') };
}

/** What the ETag of the whole is made from. */
export const etagPart = ({ etag, range }: Segment): string => (range === undefined ? etag : `${etag}:${range[0]}-${range[1]};`);

export const usedBytes = ({ bytes, range }: Segment): number => (range === undefined ? bytes : range[1] - range[0] + 1);

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { readRanges } from './byte-range-policy.ts';
import { etagPart, lengthOf, slicePieces, usedBytes, type Piece, type WantedSegment } from './large-object-policy.ts';
import { ObjectError } from './object-error.ts';
import { OBJECT_LIMITS } from './object-limits.ts';
import type { Container, Item, ObjectStorage, Segment } from './object-storage.ts';
import { findContainer, findItems, findSegments } from './object-store.ts';
import { openFile, readPieces } from './object/object-files.ts';

/*
 * The bytes of an object, be it one file, a prefix whose objects follow each other (dynamic), or a list of segments (static). Segments are looked up when
 * they are read; a static one is refused before its first byte when one is gone or changed.
 */
export interface ObjectContent {
  readonly pieces: readonly Piece[];
  readonly size: number;
  /** As the header has it: of a large object in quotation marks. */
  readonly etag: string;
  readonly isLarge: boolean;
}

export interface Reading {
  readonly storage: ObjectStorage;
  readonly account: string;
  /** May the caller read this container? Segments may be in others than the object. */
  readonly mayRead: (container: Container) => boolean;
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const conflict = (why: string) => new ObjectError(409, why);

/** `container/prefix` of a dynamic large object. */
export function dynamicManifest({ headers }: Item): { readonly container: string; readonly prefix: string } | undefined {
  const value = headers['x-object-manifest'];
  const match = value === undefined ? null : /^\/*([^/]+)\/(.+)$/s.exec(decodeLoosely(value));
  return match === null ? undefined : { container: match[1]!, prefix: match[2]! };
}

function decodeLoosely(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** @throws ObjectError 403 for segments that the caller may not read, 409 for a static one that is not whole */
export async function contentOf(reading: Reading, item: Item): Promise<ObjectContent> {
  const dynamic = dynamicManifest(item);
  if (item.manifest === null && dynamic === undefined)
    return { pieces: plainPieces(item), size: item.size, etag: item.etag, isLarge: false };
  if (item.manifest !== null)
    return { pieces: await piecesOf(reading, item, 1), size: item.wholeSize!, etag: `"${item.wholeEtag}"`, isLarge: true };
  const segments = await dynamicSegments(reading, dynamic!);
  const pieces = (await Promise.all(segments.map((segment) => piecesOf(reading, segment, 2)))).flat();
  return {
    pieces,
    size: lengthOf(pieces),
    etag: `"${md5(segments.map(({ etag, wholeEtag }) => wholeEtag ?? etag).join(''))}"`,
    isLarge: true,
  };
}

async function dynamicSegments(reading: Reading, { container: name, prefix }: { container: string; prefix: string }): Promise<Item[]> {
  const container = await findContainer(reading.storage.db, reading.account, name);
  if (container === undefined) return [];
  if (!reading.mayRead(container)) throw new ObjectError(403, 'Access was denied to the segments of this object.');
  return findSegments(reading.storage.db, container.id, prefix);
}

const plainPieces = ({ blobId, size }: Item): Piece[] => (size === 0 ? [] : [{ blobId, first: 0, last: size - 1 }]);

async function piecesOf(reading: Reading, item: Item, depth: number): Promise<Piece[]> {
  if (item.manifest === null) return plainPieces(item);
  if (depth > OBJECT_LIMITS.manifestDepthMax) throw conflict('Max recursion depth exceeded');
  const found = await findSegmentItems(reading, item.manifest);
  const pieces: Piece[] = [];
  for (const segment of item.manifest) {
    if (segment.data !== undefined) {
      const data = Buffer.from(segment.data, 'base64');
      pieces.push({ blobId: null, data, first: 0, last: data.length - 1 });
      continue;
    }
    const there = found.get(segment.path!.slice(1));
    if (there === undefined || etagOf(there) !== segment.etag || sizeOf(there) !== segment.bytes)
      throw conflict(`The segment ${segment.path} of this object is gone or changed.`);
    const whole = await piecesOf(reading, there, depth + 1);
    pieces.push(...(segment.range === undefined ? whole : slicePieces(whole, ...segment.range)));
  }
  return pieces;
}

const etagOf = ({ etag, wholeEtag }: Item): string => wholeEtag ?? etag;
const sizeOf = ({ size, wholeSize }: Item): number => wholeSize ?? size;

/** Only from containers that the caller may read: the others are as if they were not there. */
async function findSegmentItems(
  { storage, account, mayRead }: Reading,
  segments: readonly { readonly path?: string }[],
): Promise<Map<string, Item>> {
  const paths = segments.flatMap(({ path }) => (path === undefined ? [] : [splitPath(path)]));
  const names = [...new Set(paths.map(([container]) => container))];
  const containers = await Promise.all(names.map((name) => findContainer(storage.db, account, name)));
  const readable = new Set(containers.flatMap((one) => (one !== undefined && mayRead(one) ? [one.name] : [])));
  return findItems(
    storage.db,
    account,
    paths.filter(([container]) => readable.has(container)),
  );
}

/** `/container/object` */
export function splitPath(path: string): readonly [container: string, name: string] {
  const at = path.indexOf('/', 1);
  return [path.slice(1, at), path.slice(at + 1)];
}

/** Bytes `first` to `last`, both included. */
async function* readContent({ directory }: ObjectStorage, content: ObjectContent, first: number, last: number): AsyncGenerator<Buffer> {
  for (const { blobId, data, first: from, last: to } of slicePieces(content.pieces, first, last)) {
    if (data !== undefined) yield data.subarray(from, to + 1);
    if (blobId === null) continue;
    const file = await openFile(directory, blobId);
    if (file === undefined) throw new FileGone(blobId);
    yield* readPieces(file, from, to);
  }
}

/** The row was read, then the object was replaced and swept before its file was open. */
class FileGone extends Error {
  constructor(id: string) {
    super(`the file ${id} of an object is gone`);
  }
}

/** Its first bytes are read, so the file is open whatever happens to the name meanwhile; undefined: that was too late. */
export async function startReading(
  storage: ObjectStorage,
  content: ObjectContent,
  first: number,
  last: number,
): Promise<Readable | undefined> {
  const pieces = readContent(storage, content, first, last);
  try {
    return streamOf(pieces, await pieces.next());
  } catch (error) {
    if (error instanceof FileGone) return undefined;
    throw error;
  }
}

function streamOf(pieces: AsyncGenerator<Buffer>, start: IteratorResult<Buffer>): Readable {
  let begun: IteratorResult<Buffer> | undefined = start;
  return new Readable({
    highWaterMark: STREAM_BYTES_AHEAD,
    read() {
      const next = begun === undefined ? pieces.next() : Promise.resolve(begun);
      begun = undefined;
      next.then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      const end = () => done(error);
      void pieces.return(undefined).then(end, end);
    },
  });
}

/** One piece is on its way while the next is read. */
const STREAM_BYTES_AHEAD = 2 ** 20;

export interface BuiltManifest {
  readonly manifest: readonly Segment[];
  readonly wholeSize: number;
  readonly wholeEtag: string;
}

/** Looks every segment up. `problems`: a path and what is wrong with it, as the client is told. */
export async function buildManifest(
  reading: Reading,
  wanted: readonly WantedSegment[],
): Promise<BuiltManifest | { readonly problems: readonly (readonly [path: string, why: string])[] }> {
  const found = await findSegmentItems(reading, wanted);
  const problems: [string, string][] = [];
  const manifest = wanted.flatMap((segment): Segment[] => {
    const built = segment.data === undefined ? segmentOf(segment, found.get(segment.path!.slice(1))) : inline(segment.data);
    if (typeof built !== 'string') return [built];
    problems.push([segment.path ?? '', built]);
    return [];
  });
  if (problems.length > 0) return { problems };
  const wholeSize = manifest.reduce((sum, segment) => sum + usedBytes(segment), 0);
  return { manifest, wholeSize, wholeEtag: md5(manifest.map(etagPart).join('')) };
}

function inline(data: string): Segment {
  const bytes = Buffer.from(data, 'base64');
  return { data, etag: createHash('md5').update(bytes).digest('hex'), bytes: bytes.length };
}

function segmentOf(wanted: WantedSegment, item: Item | undefined): Segment | string {
  if (item === undefined) return '404 Not Found';
  const bytes = sizeOf(item);
  if (bytes < 1) return 'Too small; each segment must be at least 1 byte.';
  if (wanted.bytes !== undefined && wanted.bytes !== bytes) return 'Size Mismatch';
  if (wanted.etag !== undefined && wanted.etag !== etagOf(item)) return 'Etag Mismatch';
  const verdict = wanted.range === undefined ? 'ignored' : readRanges(`bytes=${wanted.range}`, bytes, 1);
  if (verdict === 'unsatisfiable') return 'Unsatisfiable Range';
  const range = verdict === 'ignored' ? undefined : verdict.ranges[0]!;
  return {
    path: wanted.path!,
    etag: etagOf(item),
    bytes,
    contentType: item.contentType,
    modifiedUs: item.modifiedUs,
    ...(range === undefined || (range.first === 0 && range.last === bytes - 1) ? {} : { range: [range.first, range.last] as const }),
    ...(item.manifest === null ? {} : { isManifest: true as const }),
  };
}

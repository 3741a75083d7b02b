import { open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createBufferFreeing } from '../core/base/free-buffers.ts';
import { ImageError } from './image-error.ts';
import type { ImageStore } from './image-store.ts';
import { decodeObjects, decodeUploads, type Listing } from './s3/listing-codec.ts';
import { readS3Credentials, s3Client, S3Error, type S3Client } from './s3/s3-client.ts';

/*
 * A bucket of an S3 server: `PREFIXabcdef…` by SHA-512. A key appears only when all its bytes are there: large ones are uploaded in parts. A process that
 * dies in between leaves an incomplete upload, which the next one of the same bytes or `dropIncomplete` ends.
 */
export interface S3StoreOptions {
  readonly id: string;
  readonly endpoint: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly region: string;
  /** In the form of AWS's tools. */
  readonly credentialsFile: string;
  readonly ca?: string;
}

/** Parts of at least this much, and no more than S3's 10,000 of them; so many are in memory at once. */
const PART_BYTES_MIN = 16 * 2 ** 20;
const PARTS_MAX = 10_000;
const PARTS_AT_ONCE = 3;
/** Connections that end in the middle of a download, in a row without a byte in between. */
const INTERRUPTIONS_MAX = 5;

export function s3ImageStore(options: S3StoreOptions): ImageStore {
  const { id, endpoint, bucket, prefix, region, credentialsFile, ca } = options;
  const client = s3Client({
    endpoint,
    bucket,
    region,
    credentials: readS3Credentials(credentialsFile),
    ...(ca === undefined ? {} : { ca }),
  });
  const keyOf = (sha512: string) => `${prefix}${sha512}`;
  const sizeOf = (sha512: string) => readSize(client, keyOf(sha512));
  const incomplete = async (ageMsMin: number) => {
    const found = await listAll(client, { uploads: '', prefix }, decodeUploads);
    return found.filter(({ key, madeMs }) => isOurs(key, prefix) && !isYounger(madeMs, ageMsMin));
  };
  const drop = async (uploads: Awaited<ReturnType<typeof incomplete>>) => {
    for (const { key, uploadId } of uploads) await abortUpload(client, key, uploadId);
  };
  return {
    id,
    kind: 's3',
    description: `objects in the bucket ${bucket} at ${new URL(endpoint).host}`,
    async put(sha512, file, { sizeBytes, signal }) {
      if ((await sizeOf(sha512)) === sizeBytes) return;
      // Whoever else stores these bytes waits for their row: what is here is of a process that died.
      await drop((await incomplete(0)).filter(({ key }) => key === keyOf(sha512)));
      await upload(client, keyOf(sha512), file, sizeBytes, signal);
    },
    async open(sha512, range) {
      const size = await sizeOf(sha512);
      if (size === undefined) throw new ImageError(404, `The bytes of this image are not in the store ${id}.`);
      return Readable.from(piecesOf(client, keyOf(sha512), range), { objectMode: false, highWaterMark: 2 ** 20 });
    },
    async list(ageMsMin) {
      const found = await listAll(client, { 'list-type': '2', prefix }, decodeObjects);
      return found
        .filter(({ key, madeMs }) => isOurs(key, prefix) && !isYounger(madeMs, ageMsMin))
        .map(({ key }) => key.slice(prefix.length));
    },
    async remove(sha512) {
      // A transaction waits for it; what stays is swept later.
      await client.text({ method: 'DELETE', key: keyOf(sha512), attempts: 2 }).catch(unlessMissing);
    },
    listIncomplete: async (ageMsMin) => (await incomplete(ageMsMin)).map(({ key, uploadId }) => `${key} (${uploadId})`),
    dropIncomplete: async (ageMsMin) => drop(await incomplete(ageMsMin)),
  };
}

const isOurs = (key: string, prefix: string) => /^[0-9a-f]{128}$/.test(key.slice(prefix.length));
/** A server that does not say when is not asked again: what it has counts as old. */
const isYounger = (madeMs: number, ageMsMin: number) => Date.now() - madeMs < ageMsMin;

function unlessMissing(error: unknown): undefined {
  if (error instanceof S3Error && error.status === 404) return undefined;
  throw error;
}

async function readSize(client: S3Client, key: string): Promise<number | undefined> {
  const answer = await client.call({ method: 'HEAD', key }).catch(unlessMissing);
  if (answer === undefined) return undefined;
  await answer.body.dump();
  return Number(answer.headers['content-length']);
}

async function listAll<Entry>(
  client: S3Client,
  query: Readonly<Record<string, string>>,
  decode: (xml: string) => Listing<Entry>,
): Promise<Entry[]> {
  const found: Entry[] = [];
  for (let more: Listing<Entry>['next'] = {}; more !== undefined;) {
    const page: Listing<Entry> = decode(await client.text({ method: 'GET', query: { ...query, ...more } }));
    found.push(...page.entries);
    more = page.next;
  }
  return found;
}

async function upload(client: S3Client, key: string, path: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
  const file = await open(path, 'r');
  try {
    if (sizeBytes <= PART_BYTES_MIN) {
      await client.text({ method: 'PUT', key, body: await readPart(file, 0, sizeBytes), signal });
      return;
    }
    const begun = await client.text({ method: 'POST', key, query: { uploads: '' }, signal });
    const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(begun)?.[1];
    if (uploadId === undefined) throw new Error('The S3 server began an upload without saying its id.');
    try {
      const tags = await uploadParts(client, { key, uploadId, file, sizeBytes, signal });
      await completeUpload(client, { key, uploadId, tags, signal });
    } catch (error) {
      await abortUpload(client, key, uploadId).catch(() => undefined);
      throw error;
    }
  } finally {
    await file.close();
  }
}

interface PartialUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly file: FileHandle;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

async function uploadParts(client: S3Client, { key, uploadId, file, sizeBytes, signal }: PartialUpload): Promise<string[]> {
  const partBytes = Math.max(PART_BYTES_MIN, Math.ceil(sizeBytes / PARTS_MAX));
  const count = Math.ceil(sizeBytes / partBytes);
  const tags: string[] = [];
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const passed = createBufferFreeing();
  let next = 0;
  const work = async () => {
    for (let at = next++; at < count; at = next++) {
      const body = await readPart(file, at * partBytes, Math.min(partBytes, sizeBytes - at * partBytes));
      const query = { partNumber: String(at + 1), uploadId };
      const answer = await client.call({ method: 'PUT', key, query, body, signal: either });
      await answer.body.dump();
      tags[at] = String(answer.headers['etag']);
      passed(body.length);
    }
  };
  const workers = Array.from({ length: PARTS_AT_ONCE }, () =>
    work().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  // All have ended before the upload is given up: a late part would be kept for ever.
  const ends = await Promise.allSettled(workers);
  const lost = ends.find((end) => end.status === 'rejected');
  if (lost !== undefined) throw (failed.signal.reason ?? lost.reason) as Error;
  return tags;
}

async function completeUpload(
  client: S3Client,
  upload: { readonly key: string; readonly uploadId: string; readonly tags: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  const { key, uploadId, tags, signal } = upload;
  const parts = tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag.replaceAll('"', '&quot;')}</ETag></Part>`);
  const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
  const text = await client.text({ method: 'POST', key, query: { uploadId }, body, signal });
  // The status comes before the work is done: a failure is told in the body (API Reference, CompleteMultipartUpload).
  if (/<Error>/.test(text)) throw new Error(`The S3 server could not complete the upload: ${text.slice(0, 500)}`);
}

async function abortUpload(client: S3Client, key: string, uploadId: string): Promise<void> {
  await client.text({ method: 'DELETE', key, query: { uploadId } }).catch(unlessMissing);
}

async function readPart(file: FileHandle, start: number, bytes: number): Promise<Buffer> {
  const part = Buffer.allocUnsafeSlow(bytes);
  for (let read = 0; read < bytes;) {
    const { bytesRead } = await file.read(part, read, bytes - read, start + read);
    if (bytesRead === 0) throw new Error('The file became shorter while it was uploaded.');
    read += bytesRead;
  }
  return part;
}

/** In order, through connections that end in the middle. */
async function* piecesOf(client: S3Client, key: string, { start, end }: { start: number; end: number }): AsyncGenerator<Buffer> {
  const passed = createBufferFreeing();
  let interruptions = 0;
  for (let at = start; at <= end;) {
    const answer = await client.call({ method: 'GET', key, headers: { range: `bytes=${at}-${end}` } });
    try {
      for await (const piece of answer.body) {
        const chunk = piece as Buffer;
        at += chunk.length;
        interruptions = 0;
        yield chunk;
        passed(chunk.length);
      }
      if (at <= end) throw new Error(`The S3 server's answer ended at ${at}, before ${end}.`);
    } catch (error) {
      interruptions += 1;
      if (interruptions > INTERRUPTIONS_MAX) throw error;
    } finally {
      answer.body.destroy();
    }
  }
}

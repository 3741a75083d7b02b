import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { readRanges, type ByteRange } from '../../storage/byte-range-policy.ts';
import { contentOf, startReading, type ObjectContent } from '../../storage/large-object-service.ts';
import { rangeHolds, unmetCondition } from '../../storage/object-conditions-policy.ts';
import { notFound } from '../../storage/object-error.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import type { Item } from '../../storage/object-storage.ts';
import { findItem } from '../../storage/object-store.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { manifestText } from './manifest-view.ts';
import { headerOf, httpDate, itemHeaders, timestamp } from './object-headers.ts';
import { mayReadContainer, mustHaveContainer, readingOf, requireThat, type Visit } from './object-visit.ts';

/** GET and HEAD of objects: whole, in part, or not at all when the client has it already. */

/** As often as an object may be replaced between its row and its file. */
const ATTEMPTS_MAX = 5;

export async function getObject(visit: Visit): Promise<Answer> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const { item, content } = await found(visit);
    const answer = await answerWith(visit, item, content);
    if (answer !== undefined) return answer;
  }
  throw notFound();
}

/** What a GET of the object is about: with `multipart-manifest=get` the manifest itself. @throws Refusal, ObjectError */
export async function found(visit: Visit): Promise<{ readonly item: Item; readonly content: ObjectContent }> {
  requireThat(mayReadContainer(visit, visit.container, 'object'), visit);
  const container = mustHaveContainer(visit);
  const item = await findItem(visit.storage.db, container.id, visit.target.object!);
  if (item === undefined) throw notFound();
  const content = asManifest(visit, item) ?? (await contentOf(readingOf(visit), item));
  return { item, content };
}

function asManifest({ call }: Visit, item: Item): ObjectContent | undefined {
  if (call.query.get('multipart-manifest') !== 'get') return undefined;
  if (item.manifest === null) {
    const pieces = item.size === 0 ? [] : [{ blobId: item.blobId, first: 0, last: item.size - 1 }];
    return { pieces, size: item.size, etag: item.etag, isLarge: false };
  }
  const data = Buffer.from(manifestText(item.manifest, call.query.get('format') === 'raw'));
  return { pieces: [{ blobId: null, data, first: 0, last: data.length - 1 }], size: data.length, etag: item.etag, isLarge: false };
}

async function answerWith(visit: Visit, item: Item, content: ObjectContent): Promise<Answer | undefined> {
  const { call } = visit;
  const headers = {
    ...itemHeaders(item),
    ...(item.manifest !== null && call.query.get('multipart-manifest') === 'get'
      ? { 'content-type': 'application/json; charset=utf-8' }
      : {}),
    etag: content.etag,
  };
  const unmet = unmetCondition(conditionsOf(visit), content.etag, item.modifiedUs);
  if (unmet === 304) return { status: 304, headers };
  if (unmet === 412)
    throw new Refusal(412, 'A precondition for this request was not met.', {
      headers: { etag: content.etag, 'last-modified': httpDate(item.modifiedUs), 'x-timestamp': timestamp(item.modifiedUs) },
    });
  if (call.method === 'HEAD') return { status: 200, headers: { ...headers, 'content-length': String(content.size) } };
  const range = rangeHolds(headerOf(call.headers, 'if-range'), content.etag, item.modifiedUs) ? call.headers.range : undefined;
  const verdict = readRanges(range, content.size, OBJECT_LIMITS.rangesMax);
  if (verdict === 'unsatisfiable')
    throw new Refusal(416, 'The Range requested is not available.', {
      headers: { 'content-range': `bytes */${content.size}`, 'accept-ranges': 'bytes', etag: content.etag },
    });
  if (verdict === 'ignored') return wholeAnswer(visit, content, headers);
  return verdict.ranges.length === 1
    ? partAnswer(visit, content, headers, verdict.ranges[0]!)
    : partsAnswer(visit, content, headers, verdict.ranges);
}

export const conditionsOf = ({ call: { headers } }: Visit) => ({
  ifMatch: headers['if-match'],
  ifNoneMatch: headers['if-none-match'],
  ifModifiedSince: headers['if-modified-since'],
  ifUnmodifiedSince: headers['if-unmodified-since'],
});

type Told = Readonly<Record<string, string>>;

async function wholeAnswer({ storage }: Visit, content: ObjectContent, headers: Told): Promise<Answer | undefined> {
  const told = { ...headers, 'content-length': String(content.size) };
  if (content.size === 0) return { status: 200, headers: told };
  const body = await startReading(storage, content, 0, content.size - 1);
  return body === undefined ? undefined : { status: 200, body, headers: told };
}

async function partAnswer(
  { storage }: Visit,
  content: ObjectContent,
  headers: Told,
  { first, last }: ByteRange,
): Promise<Answer | undefined> {
  const body = await startReading(storage, content, first, last);
  if (body === undefined) return undefined;
  const told = { ...headers, 'content-length': String(last - first + 1), 'content-range': `bytes ${first}-${last}/${content.size}` };
  return { status: 206, body, headers: told };
}

/** RFC 9110, section 14.6: a part for each range. */
async function partsAnswer(visit: Visit, content: ObjectContent, headers: Told, ranges: readonly ByteRange[]): Promise<Answer | undefined> {
  const boundary = randomUUID().replaceAll('-', '');
  const head = ({ first, last }: ByteRange) =>
    Buffer.from(
      `--${boundary}\r\nContent-Type: ${headers['content-type']}\r\nContent-Range: bytes ${first}-${last}/${content.size}\r\n\r\n`,
      'latin1',
    );
  const end = Buffer.from(`--${boundary}--`);
  const size = ranges.reduce((sum, range) => sum + head(range).length + range.last - range.first + 1 + 2, end.length);
  const firstPart = await startReading(visit.storage, content, ranges[0]!.first, ranges[0]!.last);
  if (firstPart === undefined) return undefined;
  async function* parts() {
    for (const [at, range] of ranges.entries()) {
      yield head(range);
      const part = at === 0 ? firstPart : await startReading(visit.storage, content, range.first, range.last);
      if (part === undefined) throw new Error('an object was replaced while parts of it were read');
      yield* part as AsyncIterable<Buffer>;
      yield Buffer.from('\r\n');
    }
    yield end;
  }
  const body = Readable.from(parts(), { objectMode: false });
  body.on('close', () => firstPart.destroy());
  return {
    status: 206,
    body,
    headers: { ...headers, 'content-type': `multipart/byteranges; boundary=${boundary}`, 'content-length': String(size) },
  };
}

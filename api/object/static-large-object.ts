import { createHash } from 'node:crypto';
import { readManifest } from '../../storage/large-object-policy.ts';
import { buildManifest, splitPath } from '../../storage/large-object-service.ts';
import { ObjectError } from '../../storage/object-error.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import { deleteObject, putManifest, unlessSilent } from '../../storage/object-service.ts';
import type { Container, Item } from '../../storage/object-storage.ts';
import { findContainer, findItem } from '../../storage/object-store.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { bulkAnswer, type BulkResult } from './bulk-result.ts';
import { formatOf } from './listing-view.ts';
import { headerOf, httpDate, objectHeaders } from './object-headers.ts';
import { manifestText } from './manifest-view.ts';
import { empty, mayWriteContainer, mustHaveContainer, readingOf, requireThat, type Visit } from './object-visit.ts';

/** Static large objects: `?multipart-manifest=put`, `get` and `delete`. */
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** All of a body as text. @throws Refusal 413 */
export async function readText({ call }: Visit, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of unlessSilent(call.stream as AsyncIterable<Buffer>)) {
    size += chunk.length;
    if (size > bytesMax) throw new Refusal(413, `The body is longer than ${bytesMax} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

export async function putStatic(visit: Visit): Promise<Answer> {
  const { call, storage, target } = visit;
  if (call.query.has('heartbeat')) throw new Refusal(400, 'Heartbeats are not there: the answer comes at once.');
  const container = mustHaveContainer(visit);
  const { headers, deleteAt, contentType } = objectHeaders(call.headers);
  if (headers['x-object-manifest'] !== undefined) throw new Refusal(400, 'A static large object can not be a dynamic one too.');
  const read = readManifest(
    await readText(visit, OBJECT_LIMITS.manifestBytesMax),
    `/${container.name}/${target.object}`,
    OBJECT_LIMITS.segmentsMax,
  );
  if ('errors' in read) throw new Refusal(400, read.errors.join('\n'), { type: 'text' });
  const built = await buildManifest(readingOf(visit), read.segments);
  if ('problems' in built)
    throw new Refusal(400, `Errors:\n${built.problems.map(([path, why]) => `${path}, ${why}\n`).join('')}`, { type: 'text' });
  const wanted = headerOf(call.headers, 'etag')?.replaceAll('"', '');
  if (wanted !== undefined && wanted !== built.wholeEtag) throw new Refusal(422, 'The ETag does not match the segments.');
  const text = manifestText(built.manifest, false);
  const item = await putManifest(storage, {
    container,
    name: target.object!,
    headers,
    deleteAt,
    contentType: contentType ?? 'application/octet-stream',
    isOnlyNew: call.headers['if-none-match'] === '*',
    largeObject: { ...built, text, md5: md5(text) },
  });
  return empty(201, { etag: `"${built.wholeEtag}"`, 'last-modified': httpDate(item.modifiedUs) });
}

/** The segments first, the manifest last: whoever is interrupted can go on. */
export async function deleteStatic(visit: Visit): Promise<Answer> {
  const { storage, target } = visit;
  const result: BulkResult = { done: 0, notFound: 0, errors: [] };
  const item = visit.container === undefined ? undefined : await findItem(storage.db, visit.container.id, target.object!);
  requireThat(mayWriteContainer(visit, visit.container), visit);
  if (item === undefined) result.notFound += 1;
  else if (item.manifest === null) result.errors.push([`/${target.container}/${target.object}`, '400 Bad Request']);
  else await deleteAll(visit, visit.container!, item, result, 1);
  return bulkAnswer(result, 'delete', formatOf(visit.call));
}

async function deleteAll(visit: Visit, container: Container, item: Item, result: BulkResult, depth: number): Promise<void> {
  const { storage, target } = visit;
  const nested = depth < OBJECT_LIMITS.manifestDepthMax;
  for (const { path } of item.manifest ?? []) {
    if (path === undefined) continue;
    const [containerName, name] = splitPath(path);
    const place = await findContainer(storage.db, target.account, containerName);
    const segment = place === undefined ? undefined : await findItem(storage.db, place.id, name);
    if (place === undefined || segment === undefined) result.notFound += 1;
    else if (!mayWriteContainer(visit, place)) result.errors.push([path, '403 Forbidden']);
    else if (segment.manifest !== null && nested) await deleteAll(visit, place, segment, result, depth + 1);
    else await remove(visit, place, name, result);
  }
  await remove(visit, container, item.name, result);
}

async function remove({ storage }: Visit, container: Container, name: string, result: BulkResult): Promise<void> {
  try {
    await deleteObject(storage, container, name);
    result.done += 1;
  } catch (error) {
    if (!(error instanceof ObjectError)) throw error;
    if (error.status === 404) result.notFound += 1;
    else result.errors.push([`/${container.name}/${name}`, String(error.status)]);
  }
}

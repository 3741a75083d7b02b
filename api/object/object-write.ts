import { ObjectError } from '../../storage/object-error.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import { guessContentType } from '../../storage/object-metadata-policy.ts';
import { deleteObject, discardReceived, putObject, receiveObject, requireRoom, updateObject } from '../../storage/object-service.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { isForm, postForm } from './form-post.ts';
import { copyHere } from './object-copy.ts';
import { headerOf, httpDate, isTrue, objectHeaders, type ObjectHeaders } from './object-headers.ts';
import { empty, mayWriteContainer, mustHaveContainer, requireNames, requireThat, type Visit } from './object-visit.ts';
import { deleteStatic, putStatic } from './static-large-object.ts';

/** PUT, POST and DELETE of objects. */
export async function putTheObject(visit: Visit): Promise<Answer> {
  const { call, target } = visit;
  requireThat(mayWriteContainer(visit, visit.container), visit);
  requireNames(target);
  mustHaveContainer(visit);
  requireIfNoneMatch(headerOf(call.headers, 'if-none-match'));
  if (call.headers['x-copy-from'] !== undefined)
    return copyHere(visit, headerOf(call.headers, 'x-copy-from')!, headerOf(call.headers, 'x-copy-from-account'));
  const length = announcedLength(visit);
  return call.query.get('multipart-manifest') === 'put' ? putStatic(visit) : receive(visit, length);
}

/** Only "is it new" makes sense of what is not there yet. @throws Refusal 400 */
function requireIfNoneMatch(value: string | undefined): void {
  if (value !== undefined && value !== '*') throw new Refusal(400, 'If-None-Match only supports *');
}

/** Undefined for a body in chunks. @throws Refusal 411, 413 */
function announcedLength({ call }: Visit): number | undefined {
  const length = headerOf(call.headers, 'content-length');
  if (length === undefined && call.headers['transfer-encoding'] === undefined) throw new Refusal(411, 'Missing Content-Length header.');
  if (length !== undefined && Number(length) > OBJECT_LIMITS.objectBytesMax) throw new Refusal(413, 'Your request is too large.');
  return length === undefined ? undefined : Number(length);
}

async function receive(visit: Visit, length: number | undefined): Promise<Answer> {
  const { call, storage, target } = visit;
  const container = mustHaveContainer(visit);
  const said = objectHeaders(call.headers);
  if (length !== undefined) await requireRoom(storage, container, target.object!, length);
  const received = await receiveObject(storage, call.stream as AsyncIterable<Buffer>, OBJECT_LIMITS.objectBytesMax);
  const wanted = headerOf(call.headers, 'etag')?.replaceAll('"', '').toLowerCase();
  if (wanted !== undefined && wanted !== '' && wanted !== received.md5) {
    await discardReceived(storage, received);
    throw new Refusal(422, 'Unable to process the contained instructions: the ETag does not match the bytes.');
  }
  const item = await putObject(storage, received, {
    container,
    name: target.object!,
    headers: said.headers,
    deleteAt: said.deleteAt,
    contentType: contentTypeOf(visit, said),
    isOnlyNew: call.headers['if-none-match'] === '*',
  });
  return empty(201, { etag: item.etag, 'last-modified': httpDate(item.modifiedUs) });
}

export const contentTypeOf = ({ call, target }: Visit, { contentType }: ObjectHeaders): string =>
  contentType === undefined || contentType === '' || isTrue(headerOf(call.headers, 'x-detect-content-type'))
    ? guessContentType(target.object!)
    : contentType;

export async function postObject(visit: Visit): Promise<Answer> {
  if (isForm(visit.call)) return postForm(visit);
  const { call, storage, target } = visit;
  requireThat(mayWriteContainer(visit, visit.container), visit);
  const said = objectHeaders(call.headers);
  await updateObject(storage, mustHaveContainer(visit), target.object!, (item) => ({
    headers: said.headers,
    deleteAt: said.deleteAt,
    contentType: said.contentType === undefined || said.contentType === '' ? item.contentType : said.contentType,
  }));
  return empty(202);
}

export async function deleteTheObject(visit: Visit): Promise<Answer> {
  if (visit.call.query.get('multipart-manifest') === 'delete') return deleteStatic(visit);
  requireThat(mayWriteContainer(visit, visit.container), visit);
  await deleteObject(visit.storage, mustHaveContainer(visit), visit.target.object!);
  return empty(204);
}

/** What a part of a bulk request ended with. */
export const statusOf = (error: unknown): number => {
  if (error instanceof ObjectError || error instanceof Refusal) return error.status;
  throw error;
};

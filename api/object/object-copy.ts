import { readRanges } from '../../storage/byte-range-policy.ts';
import { startReading, type ObjectContent } from '../../storage/large-object-service.ts';
import { unmetCondition } from '../../storage/object-conditions-policy.ts';
import { notFound } from '../../storage/object-error.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import { copyObject, putManifest, putObject, receiveObject, requireRoom, type NewItem } from '../../storage/object-service.ts';
import type { Item } from '../../storage/object-storage.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { manifestText } from './manifest-view.ts';
import { decodeName, headerOf, httpDate, isTrue, objectHeaders } from './object-headers.ts';
import { conditionsOf, found } from './object-read.ts';
import {
  empty,
  mayReadContainer,
  mayWriteContainer,
  mustHaveContainer,
  requireNames,
  requireThat,
  visitElsewhere,
  type Target,
  type Visit,
} from './object-visit.ts';

/*
 * `COPY` with `Destination`, and `PUT` with `X-Copy-From`. One file gets a second name without a byte being moved; a part of one, or a large
 * object that is to become a plain one, is read and written.
 */
function placeOf(account: string, path: string, header: string): Target {
  const match = /^\/?([^/]+)\/(.+)$/s.exec(decodeName(path));
  if (match === null) throw new Refusal(412, `${header} header must be of the form <container name>/<object name>`);
  return { account, container: match[1]!, object: match[2]!, path: `/v1/${account}/${match[1]}/${match[2]}` };
}

export async function copyThere(visit: Visit): Promise<Answer> {
  const { call, target } = visit;
  requireThat(mayReadContainer(visit, visit.container, 'object'), visit);
  const destination = headerOf(call.headers, 'destination');
  if (destination === undefined) throw new Refusal(412, 'Destination header required');
  const account = headerOf(call.headers, 'destination-account') ?? target.account;
  const place = placeOf(decodeName(account), destination, 'Destination');
  const there = await visitElsewhere(visit, place);
  requireThat(mayWriteContainer(there, there.container), there);
  requireNames(place);
  return copy(visit, there);
}

/** @param from `container/object` */
export async function copyHere(visit: Visit, from: string, account: string | undefined): Promise<Answer> {
  if (Number(visit.call.headers['content-length'] ?? 0) > 0) throw new Refusal(400, 'Copy requests require a zero byte body');
  const place = placeOf(account === undefined ? visit.target.account : decodeName(account), from, 'X-Copy-From');
  return copy(await visitElsewhere(visit, place), visit);
}

async function copy(source: Visit, destination: Visit): Promise<Answer> {
  const { call } = destination;
  const container = mustHaveContainer(destination);
  const { item, content } = await found(source);
  const unmet = unmetCondition(conditionsOf(source), content.etag, item.modifiedUs);
  if (unmet !== undefined) throw new Refusal(unmet, 'A precondition for this request was not met.');
  const fresh = isTrue(headerOf(call.headers, 'x-fresh-metadata'));
  const isWhole = call.query.get('multipart-manifest') === 'get';
  const said = objectHeaders(call.headers);
  const inherited = Object.entries(fresh ? {} : item.headers).filter(([name]) => isWhole || name !== 'x-object-manifest');
  const wanted: NewItem = {
    container,
    name: destination.target.object!,
    headers: { ...Object.fromEntries(inherited), ...said.headers },
    deleteAt: said.deleteAt ?? (fresh ? null : item.deleteAt),
    contentType: said.contentType || item.contentType,
    isOnlyNew: call.headers['if-none-match'] === '*' && call.method === 'PUT',
  };
  const copied = await write(source, item, content, wanted);
  const { account, container: from, object } = source.target;
  const meta = Object.entries(copied.headers).filter(([name]) => name.startsWith('x-object-meta-'));
  return empty(201, {
    ...Object.fromEntries(meta),
    etag: copied.wholeEtag === null ? copied.etag : `"${copied.wholeEtag}"`,
    'last-modified': httpDate(copied.modifiedUs),
    'x-copied-from': `${encodeURIComponent(from!)}/${object!.split('/').map(encodeURIComponent).join('/')}`,
    'x-copied-from-account': encodeURIComponent(account),
    'x-copied-from-last-modified': httpDate(item.modifiedUs),
  });
}

async function write(source: Visit, item: Item, content: ObjectContent, wanted: NewItem): Promise<Item> {
  const { call, storage } = source;
  if (item.manifest !== null && call.query.get('multipart-manifest') === 'get') {
    const { manifest, wholeSize, wholeEtag } = item;
    const largeObject = { manifest, text: manifestText(manifest, false), md5: item.etag, wholeSize: wholeSize!, wholeEtag: wholeEtag! };
    return putManifest(storage, { ...wanted, largeObject });
  }
  const verdict = readRanges(call.headers.range, content.size, OBJECT_LIMITS.rangesMax);
  if (verdict === 'unsatisfiable') throw new Refusal(416, 'The Range requested is not available.');
  if (verdict === 'ignored' && !content.isLarge) return copyObject(storage, item, wanted);
  const { first, last } = verdict === 'ignored' ? { first: 0, last: content.size - 1 } : verdict.ranges[0]!;
  if (last - first + 1 > OBJECT_LIMITS.objectBytesMax) throw new Refusal(413, 'Your request is too large.');
  await requireRoom(storage, wanted.container, wanted.name, last - first + 1);
  const bytes = last < first ? undefined : await startReading(storage, content, first, last);
  if (last >= first && bytes === undefined) throw notFound();
  const received = await receiveObject(storage, (bytes ?? []) as AsyncIterable<Buffer>, OBJECT_LIMITS.objectBytesMax);
  return putObject(storage, received, wanted);
}

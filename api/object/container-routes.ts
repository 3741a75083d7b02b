import { deleteContainer, putContainer, updateContainer } from '../../storage/object-container-service.ts';
import { listItems } from '../../storage/object-listing.ts';
import { usageOfContainer } from '../../storage/object-store.ts';
import type { Answer } from '../service-plugin.ts';
import { extractArchive } from './extract-archive.ts';
import { isForm, postForm } from './form-post.ts';
import { formatOf, itemListing, listingQuery } from './listing-view.ts';
import { containerChanges, containerHeaders, requireMetadata } from './object-headers.ts';
import { empty, isOwner, mayReadContainer, mustHaveContainer, requireNames, requireThat, type Visit } from './object-visit.ts';

/** Containers: names of objects, and what holds for all of them. */
async function headersOf(visit: Visit): Promise<Record<string, string>> {
  const container = mustHaveContainer(visit);
  const usage = await usageOfContainer(visit.storage.db, container.id);
  return {
    ...containerHeaders(container, isOwner(visit)),
    'x-container-object-count': String(usage.objects),
    'x-container-bytes-used': String(usage.bytes),
    'accept-ranges': 'bytes',
  };
}

export async function getContainer(visit: Visit): Promise<Answer> {
  requireThat(mayReadContainer(visit, visit.container, 'list'), visit);
  const container = mustHaveContainer(visit);
  const format = formatOf(visit.call);
  const query = listingQuery(visit.call);
  const [headers, lines] = await Promise.all([headersOf(visit), listItems(visit.storage.db, container.id, query)]);
  return itemListing(container.name, lines, format, headers);
}

export async function headContainer(visit: Visit): Promise<Answer> {
  requireThat(mayReadContainer(visit, visit.container, 'list'), visit);
  return empty(204, { ...(await headersOf(visit)), 'content-type': 'text/plain; charset=utf-8' });
}

export async function putTheContainer(visit: Visit): Promise<Answer> {
  const { call, storage, target } = visit;
  requireThat(isOwner(visit), visit);
  if (call.query.has('extract-archive')) return extractArchive(visit);
  requireNames(target);
  const changes = containerChanges(call.headers);
  const { isNew } = await putContainer(storage, target.account, target.container!, changes, requireContainerMetadata);
  return empty(isNew ? 201 : 202);
}

export async function postContainer(visit: Visit): Promise<Answer> {
  if (isForm(visit.call)) return postForm(visit);
  requireThat(isOwner(visit), visit);
  await updateContainer(visit.storage, mustHaveContainer(visit), containerChanges(visit.call.headers), requireContainerMetadata);
  return empty(204);
}

export async function deleteTheContainer(visit: Visit): Promise<Answer> {
  requireThat(isOwner(visit), visit);
  await deleteContainer(visit.storage, mustHaveContainer(visit));
  return empty(204);
}

const requireContainerMetadata = (headers: Readonly<Record<string, string>>) => requireMetadata('container', headers);

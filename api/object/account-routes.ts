import { updateAccount } from '../../storage/object-container-service.ts';
import { listContainers } from '../../storage/object-listing.ts';
import { findAccount, usageOfAccount } from '../../storage/object-store.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { bulkDelete } from './bulk-delete.ts';
import { extractArchive } from './extract-archive.ts';
import { containerListing, formatOf, listingQuery } from './listing-view.ts';
import { accountChanges, requireMetadata, shownHeaders, STORAGE_POLICY, timestamp } from './object-headers.ts';
import { empty, isOwner, mayReadAccount, requireNames, requireThat, type Visit } from './object-visit.ts';

/** Accounts: one for a project, there before anything is in it. */
async function accountHeaders(visit: Visit): Promise<Record<string, string>> {
  const { storage, target } = visit;
  const [account, usage] = await Promise.all([findAccount(storage.db, target.account), usageOfAccount(storage.db, target.account)]);
  const counts = (prefix: string) => ({
    [`${prefix}-bytes-used`]: String(usage.bytes),
    [`${prefix}-object-count`]: String(usage.objects),
    [`${prefix}-container-count`]: String(usage.containers),
  });
  return {
    ...shownHeaders(account?.headers ?? {}, isOwner(visit)),
    ...counts('x-account'),
    ...(usage.containers === 0 ? {} : counts(`x-account-storage-policy-${STORAGE_POLICY.toLowerCase()}`)),
    'x-timestamp': timestamp(account?.createdUs ?? 0),
    'accept-ranges': 'bytes',
  };
}

export async function getAccount(visit: Visit): Promise<Answer> {
  requireThat(mayReadAccount(visit), visit);
  const { call, storage, target } = visit;
  const format = formatOf(call);
  const query = listingQuery(call);
  const [headers, lines] = await Promise.all([accountHeaders(visit), listContainers(storage.db, target.account, query)]);
  return containerListing(target.account, lines, format, headers);
}

export async function headAccount(visit: Visit): Promise<Answer> {
  requireThat(mayReadAccount(visit), visit);
  return empty(204, { ...(await accountHeaders(visit)), 'content-type': 'text/plain; charset=utf-8' });
}

export async function postAccount(visit: Visit): Promise<Answer> {
  const { call, storage, target } = visit;
  requireThat(isOwner(visit), visit);
  if (call.query.has('bulk-delete')) return bulkDelete(visit);
  requireNames(target);
  const changes = accountChanges(call.headers);
  // Who could lift a quota has none.
  if ('x-account-meta-quota-bytes' in changes) requireThat(visit.standing === 'reseller', visit);
  await updateAccount(storage, target.account, changes, (headers) => requireMetadata('account', headers));
  return empty(204);
}

const refuse = (method: string) =>
  new Refusal(405, `The method ${method} is not allowed for this resource.`, { headers: { allow: 'GET, HEAD, POST, OPTIONS' } });

/** Accounts come and go with their projects. @throws Refusal 405 but for an archive */
export async function putAccount(visit: Visit): Promise<Answer> {
  requireThat(isOwner(visit), visit);
  if (visit.call.query.has('extract-archive')) return extractArchive(visit);
  throw refuse('PUT');
}

export async function deleteAccount(visit: Visit): Promise<Answer> {
  requireThat(isOwner(visit), visit);
  if (visit.call.query.has('bulk-delete')) return bulkDelete(visit);
  throw refuse('DELETE');
}

import { changeMetadata, changeTags, requireUnlocked } from '../../compute/server-service.ts';
import { findAction, eventsOf, listActions, type ServerActionRow } from '../../compute/server-action-service.ts';
import { lockServer } from '../../compute/server-store.ts';
import { noContent, ok, Refusal, type Answer } from '../service-plugin.ts';
import { METADATA, readBody, requireValid, wrapped } from './compute-body.ts';
import { dbOf, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { plainTime, readPage, requireKnownQuery } from './compute-page.ts';
import { findServer, rightsOf } from './server-access.ts';
import { TAG_SCHEMA, TAGS } from './server-body.ts';
import { readTime } from './server-query.ts';
import { addressView } from './server-view.ts';

/** What hangs on a server: metadata, tags, addresses, what was done with it. */
type Metadata = Readonly<Record<string, string>>;
const SERVER = '/v2.1/servers/:server_id';

async function writeMetadata(call: ComputeCall, rule: string, change: (before: Metadata) => Metadata): Promise<Metadata> {
  const server = await findServer(call, `server-metadata:${rule}`);
  return dbOf(call)
    .transaction()
    .execute(async (trx) => {
      requireUnlocked(await lockServer(trx, server.uuid), rightsOf(call));
      return changeMetadata(trx, server.uuid, change);
    });
}

const metadataBody = (call: ComputeCall) => readBody<{ metadata: Metadata }>(call, wrapped('metadata', METADATA)).metadata;
const noKey = () => new Refusal(404, 'Metadata item was not found');

async function showMeta(call: ComputeCall): Promise<Answer> {
  const { metadata } = await findServer(call, 'server-metadata:show');
  const key = call.params['key']!;
  if (!Object.hasOwn(metadata, key)) throw noKey();
  return ok({ meta: { [key]: metadata[key] } });
}

async function putMeta(call: ComputeCall): Promise<Answer> {
  const { meta } = readBody<{ meta: Metadata }>(call, wrapped('meta', { ...METADATA, minProperties: 1 }));
  const key = call.params['key']!;
  if (Object.keys(meta).length > 1) throw new Refusal(400, 'Request body contains too many items');
  if (!Object.hasOwn(meta, key)) throw new Refusal(400, 'Request body and URI mismatch');
  await writeMetadata(call, 'update', (before) => ({ ...before, ...meta }));
  return ok({ meta });
}

async function dropMeta(call: ComputeCall): Promise<Answer> {
  const key = call.params['key']!;
  await writeMetadata(call, 'delete', (before) => {
    if (!Object.hasOwn(before, key)) throw noKey();
    return Object.fromEntries(Object.entries(before).filter(([name]) => name !== key));
  });
  return noContent;
}

const metadataRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: `${SERVER}/metadata`,
    handle: async (call) => ok({ metadata: (await findServer(call, 'server-metadata:index')).metadata }),
  },
  {
    method: 'POST',
    path: `${SERVER}/metadata`,
    async handle(call) {
      const given = metadataBody(call);
      return ok({ metadata: await writeMetadata(call, 'create', (before) => ({ ...before, ...given })) });
    },
  },
  {
    method: 'PUT',
    path: `${SERVER}/metadata`,
    async handle(call) {
      const given = metadataBody(call);
      return ok({ metadata: await writeMetadata(call, 'update_all', () => given) });
    },
  },
  { method: 'GET', path: `${SERVER}/metadata/:key`, handle: showMeta },
  { method: 'PUT', path: `${SERVER}/metadata/:key`, handle: putMeta },
  { method: 'DELETE', path: `${SERVER}/metadata/:key`, handle: dropMeta },
];

const TAGS_SINCE = 26;
const TAGS_MAX = 50;

async function writeTags(
  call: ComputeCall,
  rule: string,
  change: (before: readonly string[]) => readonly string[],
): Promise<readonly string[]> {
  const server = await findServer(call, `os-server-tags:${rule}`);
  return dbOf(call)
    .transaction()
    .execute((trx) => changeTags(trx, server.uuid, change));
}

const tagOf = (call: ComputeCall) => call.params['tag']!;
const noTag = (call: ComputeCall) => new Refusal(404, `Server ${call.params['server_id']} has no tag '${tagOf(call)}'`);

async function addTag(call: ComputeCall): Promise<Answer> {
  const tag = tagOf(call);
  requireValid(TAG_SCHEMA, tag);
  let isNew = false;
  await writeTags(call, 'update', (before) => {
    isNew = !before.includes(tag);
    if (isNew && before.length >= TAGS_MAX) throw new Refusal(400, `The number of tags exceeded the per-server limit ${TAGS_MAX}`);
    return isNew ? [...before, tag] : before;
  });
  return isNew ? { status: 201, headers: { location: `${call.base}${call.url.replace(/^\/compute/, '')}` } } : noContent;
}

const tagRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: `${SERVER}/tags`,
    since: TAGS_SINCE,
    handle: async (call) => ok({ tags: (await findServer(call, 'os-server-tags:index')).tags }),
  },
  {
    method: 'PUT',
    path: `${SERVER}/tags`,
    since: TAGS_SINCE,
    async handle(call) {
      const { tags } = readBody<{ tags: string[] }>(call, wrapped('tags', TAGS));
      return ok({ tags: await writeTags(call, 'update_all', () => [...new Set(tags)]) });
    },
  },
  {
    method: 'DELETE',
    path: `${SERVER}/tags`,
    since: TAGS_SINCE,
    async handle(call) {
      await writeTags(call, 'delete_all', () => []);
      return noContent;
    },
  },
  {
    method: 'GET',
    path: `${SERVER}/tags/:tag`,
    since: TAGS_SINCE,
    async handle(call) {
      if (!(await findServer(call, 'os-server-tags:show')).tags.includes(tagOf(call))) throw noTag(call);
      return noContent;
    },
  },
  { method: 'PUT', path: `${SERVER}/tags/:tag`, since: TAGS_SINCE, handle: addTag },
  {
    method: 'DELETE',
    path: `${SERVER}/tags/:tag`,
    since: TAGS_SINCE,
    async handle(call) {
      await writeTags(call, 'delete', (before) => {
        if (!before.includes(tagOf(call))) throw noTag(call);
        return before.filter((tag) => tag !== tagOf(call));
      });
      return noContent;
    },
  },
];

const addressRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: `${SERVER}/ips`,
    handle: async (call) => ok({ addresses: addressView((await findServer(call, 'ips:index')).addresses, false) }),
  },
  {
    method: 'GET',
    path: `${SERVER}/ips/:network`,
    async handle(call) {
      const shown = addressView((await findServer(call, 'ips:show')).addresses, false);
      const network = call.params['network']!;
      if (!Object.hasOwn(shown, network)) throw new Refusal(404, 'Network label not found');
      return ok({ [network]: shown[network] });
    },
  },
];

/** Instance actions: of deleted servers too from 2.21 on, in pages from 2.58 on. */
const DELETED_SINCE = 21;
const PAGES_SINCE = 58;
const EVENT_DETAILS_SINCE = 84;
const ACTION_QUERY = ['limit', 'marker', 'changes-since', 'changes-before'];

const actionView = (call: ComputeCall, action: ServerActionRow) => ({
  action: action.action,
  request_id: action.request_id,
  user_id: action.user_id,
  project_id: action.project_id,
  start_time: plainTime(action.started_at),
  message: action.message,
  instance_uuid: action.server_uuid,
  ...(call.minor >= PAGES_SINCE ? { updated_at: plainTime(action.updated_at) } : {}),
});

async function listServerActions(call: ComputeCall): Promise<Answer> {
  const server = await findServer(call, 'os-instance-actions:list', { deletedToo: call.minor >= DELETED_SINCE });
  const paged = call.minor >= PAGES_SINCE;
  requireKnownQuery(call, ACTION_QUERY);
  const page = paged ? readPage(call) : { limit: 1000, marker: undefined };
  const since = paged ? readTime('changes-since', call.query.get('changes-since') ?? undefined) : undefined;
  const before = call.minor >= 66 ? readTime('changes-before', call.query.get('changes-before') ?? undefined) : undefined;
  const found = await listActions(dbOf(call), server.uuid, { ...page, since, before });
  if (found === undefined) throw new Refusal(400, `Marker ${page.marker?.slice(0, 60)} could not be found.`);
  const last = found.at(-1);
  const next = new URLSearchParams(call.query);
  if (last !== undefined) next.set('marker', last.request_id);
  const links = [{ rel: 'next', href: `${call.base}/v2.1/servers/${server.uuid}/os-instance-actions?${next.toString()}` }];
  return ok({
    instanceActions: found.map((action) => actionView(call, action)),
    ...(paged && found.length === page.limit ? { links } : {}),
  });
}

async function showServerAction(call: ComputeCall): Promise<Answer> {
  const server = await findServer(call, 'os-instance-actions:show', { deletedToo: call.minor >= DELETED_SINCE });
  const action = await findAction(dbOf(call), server.uuid, call.params['request_id']!);
  if (action === undefined)
    throw new Refusal(404, `Action for request_id ${call.params['request_id']} on instance ${server.uuid} not found`);
  const seesEvents = call.minor >= 51 || call.allows('os_compute_api:os-instance-actions:events');
  const seesTraceback = call.allows('os_compute_api:os-instance-actions:events');
  const events = seesEvents ? await eventsOf(dbOf(call), action.id) : [];
  const hostOf = (host: string | null) => (call.minor >= 62 ? { ...(seesTraceback ? { host } : {}), hostId: '' } : {});
  const shown = events.map(({ event, started_at, finished_at, result, details, host }) => ({
    event,
    start_time: plainTime(started_at),
    finish_time: plainTime(finished_at),
    result,
    ...(seesTraceback ? { traceback: details } : {}),
    ...hostOf(host),
    ...(call.minor >= EVENT_DETAILS_SINCE && call.allows('os_compute_api:os-instance-actions:events:details') ? { details } : {}),
  }));
  return ok({ instanceAction: { ...actionView(call, action), ...(seesEvents ? { events: shown } : {}) } });
}

const actionRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: `${SERVER}/os-instance-actions`, query: ACTION_QUERY, handle: listServerActions },
  { method: 'GET', path: `${SERVER}/os-instance-actions/:request_id`, handle: showServerAction },
];

export const serverDetailRoutes: readonly ComputeRoute[] = [...metadataRoutes, ...tagRoutes, ...addressRoutes, ...actionRoutes];

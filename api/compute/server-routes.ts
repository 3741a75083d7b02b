import { changeServer, type ServerChange } from '../../compute/server-service.ts';
import { listServers, lockServer, readServer } from '../../compute/server-store.ts';
import type { ShownServer } from '../../compute/server-record.ts';
import { orderDelete } from '../../flows/server-verbs.ts';
import { waitingForOf } from '../../flows/server-flows.ts';
import { noContent, ok, Refusal, type Answer } from '../service-plugin.ts';
import { readBody, wrapped } from './compute-body.ts';
import { dbOf, doerOf, ownTarget, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { nextLink, readPage } from './compute-page.ts';
import { findServer, rightsOf, targetOf } from './server-access.ts';
import { readAccessAddress, updateSchema } from './server-body.ts';
import { createServer } from './server-create.ts';
import { readServerQuery, SERVER_QUERY } from './server-query.ts';
import { briefServer, changedServer, detailServer, wholeServer } from './server-view.ts';

/** Servers: made, listed, shown, changed, deleted. */
async function list(
  call: ComputeCall,
  rule: string,
  view: (call: ComputeCall, server: ShownServer) => { readonly id: string },
): Promise<Answer> {
  call.require(`os_compute_api:${rule}`, ownTarget(call));
  const page = readPage(call);
  const asked = readServerQuery(call);
  const found = asked.nothing || page.limit === 0 ? [] : await listServers(dbOf(call), asked.filters, { ...page, order: asked.order });
  const shown = found.map((server) => view(call, server));
  return ok({ servers: shown, ...nextLink(call, 'servers', page, shown) });
}

async function update(call: ComputeCall): Promise<Answer> {
  const server = await findServer(call, 'servers:update');
  const { server: given } = readBody<{ server: Record<string, unknown> }>(call, wrapped('server', updateSchema(call.minor)));
  const change: ServerChange = {
    ...(given['name'] === undefined ? {} : { name: String(given['name']) }),
    ...('description' in given ? { description: given['description'] as string | null } : {}),
    ...(given['hostname'] === undefined ? {} : { hostname: String(given['hostname']) }),
    ...('accessIPv4' in given ? { access_ip_v4: readAccessAddress(given['accessIPv4'], 4) } : {}),
    ...('accessIPv6' in given ? { access_ip_v6: readAccessAddress(given['accessIPv6'], 6) } : {}),
    ...(given['OS-DCF:diskConfig'] === undefined ? {} : { disk_config: String(given['OS-DCF:diskConfig']) }),
  };
  await dbOf(call)
    .transaction()
    .execute(async (trx) => {
      await lockServer(trx, server.uuid);
      await changeServer(trx, server.uuid, change);
    });
  return ok({ server: changedServer(call, await readServer(dbOf(call), server.uuid, undefined)) });
}

/** Told to clients that ask for what they may not see: not there. */
async function remove(call: ComputeCall): Promise<Answer> {
  const server = await findServer(call, 'servers:delete');
  await dbOf(call)
    .transaction()
    .execute((trx) => orderDelete(trx, server.uuid, doerOf(call), rightsOf(call)));
  return noContent;
}

const PATH = '/v2.1/servers';

export const serverRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: PATH, query: SERVER_QUERY, handle: (call) => list(call, 'servers:index', briefServer) },
  { method: 'GET', path: `${PATH}/detail`, query: SERVER_QUERY, handle: (call) => list(call, 'servers:detail', detailServer) },
  { method: 'POST', path: PATH, handle: createServer },
  {
    method: 'GET',
    path: `${PATH}/:server_id`,
    query: ['also'],
    async handle(call) {
      const server = await findServer(call, 'servers:show');
      // Ours: what the work on it waits for, since when, and what comes next.
      const also = call.query.get('also') === 'waiting_for' ? { waiting_for: await waitingForOf(dbOf(call), server.uuid) } : {};
      return ok({ server: { ...wholeServer(call, server), ...also } });
    },
  },
  { method: 'PUT', path: `${PATH}/:server_id`, handle: update },
  { method: 'DELETE', path: `${PATH}/:server_id`, handle: remove },
  {
    method: 'GET',
    path: `${PATH}/:server_id/diagnostics`,
    async handle(call) {
      const server = await findServer(call, 'os-server-diagnostics');
      throw new Refusal(501, `Instance ${server.uuid} is a machine of metal: what its processors and disks do is not known from outside.`);
    },
  },
  {
    method: 'GET',
    path: `${PATH}/:server_id/os-server-password`,
    async handle(call) {
      await findServer(call, 'os-server-password:show');
      // A system would tell it to a metadata service, which machines of metal do not have.
      return ok({ password: '' });
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:server_id/os-server-password`,
    async handle(call) {
      await findServer(call, 'os-server-password:clear');
      return noContent;
    },
  },
  {
    method: 'GET',
    path: `${PATH}/:server_id/os-volume_attachments`,
    async handle(call) {
      await findServer(call, 'os-volumes-attachments:index');
      return ok({ volumeAttachments: [] });
    },
  },
  {
    method: 'POST',
    path: `${PATH}/:server_id/os-volume_attachments`,
    async handle(call) {
      const server = await findServer(call, 'os-volumes-attachments:create');
      throw new Refusal(501, `Instance ${server.uuid} is a machine of metal: volumes are not attached to it here.`);
    },
  },
  {
    method: 'GET',
    path: `${PATH}/:server_id/migrations`,
    since: 23,
    async handle(call) {
      const server = await findServer(call, 'servers:migrations:index');
      call.require('os_compute_api:servers:migrations:index', targetOf(server));
      return ok({ migrations: [] });
    },
  },
  {
    method: 'POST',
    path: `${PATH}/:server_id/remote-consoles`,
    since: 6,
    async handle(call) {
      const server = await findServer(call, 'os-remote-consoles');
      throw new Refusal(501, `Instance ${server.uuid} is a machine of metal: its console is reached by the Bare Metal API.`);
    },
  },
];

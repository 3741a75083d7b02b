import { beginVerb } from '../../compute/server-service.ts';
import type { ServerNetwork, ServerRecord } from '../../compute/server-record.ts';
import type { Trx } from '../../compute/placement-provider-service.ts';
import { beginEvent, endAction, recordAction } from '../../compute/server-action-service.ts';
import { lockServer } from '../../compute/server-store.ts';
import {
  attachInterfaces,
  detachInterfaces,
  dropInterfaces,
  makeInterfaces,
  resolveNetworks,
  type NetworkWish,
} from '../../flows/server-interfaces.ts';
import { devicePort, findSecurityGroups, setPortGroups } from '../../network/device-port-service.ts';
import { securityGroups } from '../../network/resources.ts';
import type { Row } from '../../network/resource.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { readBody, UUID } from './compute-body.ts';
import { dbOf, doerOf, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { listProxied } from './proxy.ts';
import { groupViews } from './security-group-routes.ts';
import { findServer, rightsOf } from './server-access.ts';
import { TAG_SCHEMA } from './server-body.ts';

/** Interfaces of a server: its ports, on the links of its machine. */
const TAG_SINCE = 49;
const TAG_SHOWN_SINCE = 70;
const PATH = '/v2.1/servers/:server_id/os-interface';
const networkActorOf = ({ actor }: ComputeCall) => ({ projectId: actor.projectId, seesAll: actor.roles.includes('admin') });

const view = (call: ComputeCall, row: Row, tag: string | undefined) => ({
  port_id: row.id,
  net_id: row['network_id'],
  mac_addr: row['mac_address'],
  port_state: row['status'],
  fixed_ips: row['fixed_ips'],
  ...(call.minor >= TAG_SHOWN_SINCE ? { tag: tag ?? null } : {}),
});

const noPort = (call: ComputeCall, server: ServerRecord) =>
  new Refusal(404, `Instance ${server.uuid} does not have a port with id ${call.params['port_id']}`);

async function rowsOf(call: ComputeCall, server: ServerRecord): Promise<Row[]> {
  return dbOf(call)
    .transaction()
    .execute(async (trx) => {
      const found = [];
      for (const { port } of server.networks) found.push(await devicePort(trx, server.uuid, port));
      return found.filter((row) => row !== undefined);
    });
}

const tagOf = (server: ServerRecord, id: string) => server.networks.find(({ port }) => port === id)?.tag;

const attachSchema = (minor: number): JsonSchema => ({
  type: 'object',
  properties: {
    interfaceAttachment: {
      type: 'object',
      properties: {
        net_id: UUID,
        port_id: UUID,
        fixed_ips: {
          type: 'array',
          minItems: 1,
          maxItems: 1,
          items: {
            type: 'object',
            properties: { ip_address: { type: 'string', minLength: 1, maxLength: 64 } },
            required: ['ip_address'],
            additionalProperties: false,
          },
        },
        ...(minor >= TAG_SINCE ? { tag: TAG_SCHEMA } : {}),
      },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
});

interface AttachBody {
  readonly interfaceAttachment?: {
    readonly net_id?: string;
    readonly port_id?: string;
    readonly fixed_ips?: readonly { readonly ip_address: string }[];
    readonly tag?: string;
  };
}

function readWish({
  net_id: network,
  port_id: port,
  fixed_ips: fixedIps,
  tag,
}: NonNullable<AttachBody['interfaceAttachment']>): NetworkWish | undefined {
  if (network !== undefined && port !== undefined) throw new Refusal(400, 'Must not input both network_id and port_id');
  if (fixedIps !== undefined && network === undefined) throw new Refusal(400, 'Must input network_id when request IP address');
  const tagged = tag === undefined ? {} : { tag };
  if (port !== undefined) return { kind: 'port', port: port.toLowerCase(), ...tagged };
  if (network === undefined) return undefined;
  const fixedIp = fixedIps === undefined ? {} : { fixedIp: fixedIps[0]!.ip_address };
  return { kind: 'network', network: network.toLowerCase(), ...fixedIp, ...tagged };
}

async function attach(call: ComputeCall): Promise<Answer> {
  const server = await findServer(call, 'os-attach-interfaces:create');
  const { interfaceAttachment = {} } = readBody<AttachBody>(call, attachSchema(call.minor));
  const wish = readWish(interfaceAttachment);
  const row = await dbOf(call)
    .transaction()
    .execute(async (trx) => {
      const before = await beginVerb(trx, server.uuid, 'attach_interface', rightsOf(call));
      const wishes = await resolveNetworks(trx, networkActorOf(call), wish === undefined ? undefined : [wish], 1);
      if (wishes.length === 0) throw new Refusal(400, `There is no network for project ${before.project_id}.`);
      const [made] = await makeInterfaces(trx, networkActorOf(call), before, wishes, []);
      await attachInterfaces(trx, before.node_uuid!, [made!]);
      await recordDone(call, trx, before, 'attach_interface');
      return (await devicePort(trx, server.uuid, made!.port))!;
    });
  return ok({ interfaceAttachment: view(call, row, interfaceAttachment.tag) });
}

async function recordDone(call: ComputeCall, trx: Trx, server: ServerRecord, action: string): Promise<void> {
  const id = await recordAction(trx, server.uuid, action, doerOf(call));
  await beginEvent(trx, id, `compute_${action}`, server.host);
  await endAction(trx, id, null);
}

async function detach(call: ComputeCall): Promise<Answer> {
  const server = await findServer(call, 'os-attach-interfaces:delete');
  await dbOf(call)
    .transaction()
    .execute(async (trx) => {
      const found = (await lockServer(trx, server.uuid)).networks.find(({ port }) => port === call.params['port_id']!.toLowerCase());
      if (found === undefined) throw noPort(call, server);
      const before = await beginVerb(trx, server.uuid, 'detach_interface', rightsOf(call));
      await detachInterfaces(trx, before.node_uuid!, [found]);
      await dropInterfaces(trx, before, [found]);
      await recordDone(call, trx, before, 'detach_interface');
    });
  return { status: 202 };
}

/** `addSecurityGroup` and `removeSecurityGroup`: of every port of the server. */
export async function changeGroups(call: ComputeCall, server: ServerRecord, name: string, verb: 'add' | 'remove'): Promise<void> {
  await dbOf(call)
    .transaction()
    .execute(async (trx) => {
      const owner = { projectId: server.project_id, seesAll: false };
      const [group] = await findSecurityGroups(trx, owner, [name]).catch((error: { status?: number; message: string }) => {
        throw error.status === 400 ? new Refusal(404, error.message) : error;
      });
      if (group === undefined) throw new Refusal(404, `Security group ${name} not found for project ${server.project_id}.`);
      for (const { port } of server.networks as readonly ServerNetwork[])
        await setPortGroups(trx, port, (groups) => {
          if (verb === 'add') return [...new Set([...groups, group])];
          if (!groups.includes(group)) throw new Refusal(404, `Security group ${name} is not associated with instance ${server.uuid}.`);
          return groups.filter((each) => each !== group);
        });
    });
}

async function listGroups(call: ComputeCall): Promise<Answer> {
  const server = await findServer(call, 'os-security-groups:list');
  const rows = await rowsOf(call, server);
  const ids = [...new Set(rows.flatMap((row) => row['security_groups'] as string[]))];
  if (ids.length === 0) return ok({ security_groups: [] });
  return ok({ security_groups: await groupViews(call, await listProxied(call, securityGroups, { id: ids }, true)) });
}

export const interfaceRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: PATH,
    async handle(call) {
      const server = await findServer(call, 'os-attach-interfaces:list');
      return ok({ interfaceAttachments: (await rowsOf(call, server)).map((row) => view(call, row, tagOf(server, row.id))) });
    },
  },
  { method: 'POST', path: PATH, handle: attach },
  {
    method: 'GET',
    path: `${PATH}/:port_id`,
    async handle(call) {
      const server = await findServer(call, 'os-attach-interfaces:show');
      const row = (await rowsOf(call, server)).find(({ id }) => id === call.params['port_id']!.toLowerCase());
      if (row === undefined) throw noPort(call, server);
      return ok({ interfaceAttachment: view(call, row, tagOf(server, row.id)) });
    },
  },
  { method: 'DELETE', path: `${PATH}/:port_id`, handle: detach },
  { method: 'GET', path: '/v2.1/servers/:server_id/os-security-groups', handle: listGroups },
];

import { changeAddresses } from '../../network/address-group-service.ts';
import { activateBinding } from '../../network/binding-service.ts';
import { NetworkError } from '../../network/network-error.ts';
import { inTransaction, lockSeen, seenRow } from '../../network/resource-service.ts';
import type { Resource, Row, Values, Work } from '../../network/resource.ts';
import { addressGroups, networks, ports, routers, subnetpools, trunks } from '../../network/resources.ts';
import { addInterface, changeRoutes, readRoutes, removeInterface, type InterfaceWish } from '../../network/router-service.ts';
import { addPrefixes, onboardSubnets, readPrefixBody, removePrefixes } from '../../network/subnetpool-service.ts';
import { plugSubPorts, unplugSubPorts } from '../../network/trunk-service.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { actorOf, requireChange, showRow, visibleNames, type NetworkCall } from './network-access.ts';
import { VERSION, type NetworkRoute } from './resource-routes.ts';

/** Verbs of single nouns: each locks its row, asks its rule, does one thing and tells what came of it. */
export interface ActionCall {
  readonly call: NetworkCall;
  readonly work: Work;
  /** As an administrator sees it. */
  readonly row: Row;
  readonly body: unknown;
}

export function action(resource: Resource, verb: string, rule: string, run: (asked: ActionCall) => Promise<Values>): NetworkRoute {
  return {
    method: 'PUT',
    path: `${VERSION}${resource.path}/:id/${verb}`,
    async handle(call): Promise<Answer> {
      const actor = actorOf(call);
      const body = await inTransaction(call.context.db, async (trx) => {
        const row = await lockSeen(trx, actor, resource, call.params['id']!);
        await requireChange(call, trx, resource, 'update', row, {}, rule);
        return run({ call, work: { trx, actor }, row, body: call.body });
      });
      return ok(body);
    },
  };
}

/** The row as it is now. */
const shown = async ({ call, work, row }: ActionCall, resource: Resource): Promise<Values> =>
  showRow(call, resource, await seenRow(work, resource, row.id), visibleNames(call, resource));

const objectOf = (body: unknown): Values => {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Values;
  throw new Refusal(400, 'The request body is not an object', { type: 'HTTPBadRequest' });
};

const uuidOf = (body: Values, name: string): string | undefined => {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && /^[0-9a-f-]{32,36}$/i.test(value)) return value;
  throw new Refusal(400, `Invalid input for ${name}. Reason: '${JSON.stringify(value)}' is not a valid UUID.`, { type: 'HTTPBadRequest' });
};

function wishOf(body: unknown): InterfaceWish {
  const given = objectOf(body);
  const [subnetId, portId] = [uuidOf(given, 'subnet_id'), uuidOf(given, 'port_id')];
  return { ...(subnetId === undefined ? {} : { subnet_id: subnetId }), ...(portId === undefined ? {} : { port_id: portId }) };
}

const routesOf = (body: unknown) => readRoutes((objectOf(objectOf(body)['router']) as { routes?: unknown }).routes);

export const actionRoutes: readonly NetworkRoute[] = [
  action(routers, 'add_router_interface', 'add_router_interface', async ({ work, row, body }) => ({
    ...(await addInterface(work, row, wishOf(body))),
  })),
  action(routers, 'remove_router_interface', 'remove_router_interface', async ({ work, row, body }) => ({
    ...(await removeInterface(work, row, wishOf(body))),
  })),
  ...(['add', 'remove'] as const).map((verb) =>
    action(routers, `${verb}_extraroutes`, `${verb}_extraroutes`, async (asked) => {
      await changeRoutes(asked.work, asked.row, verb, routesOf(asked.body));
      return { router: await shown(asked, routers) };
    }),
  ),
  action(trunks, 'add_subports', 'add_subports', async (asked) => {
    await plugSubPorts(asked.work, asked.row, asked.body);
    return shown(asked, trunks);
  }),
  action(trunks, 'remove_subports', 'remove_subports', async (asked) => {
    await unplugSubPorts(asked.work, asked.row, asked.body);
    return shown(asked, trunks);
  }),
  ...(['add', 'remove'] as const).map((verb) =>
    action(addressGroups, `${verb}_addresses`, `${verb}_addresses`, async (asked) => {
      await changeAddresses(asked.work.trx, asked.row, verb, asked.body);
      return { address_group: await shown(asked, addressGroups) };
    }),
  ),
  action(subnetpools, 'add_prefixes', 'add_prefixes', async ({ work, row, body }) => ({
    prefixes: await addPrefixes(work, row, readPrefixBody(body)),
  })),
  action(subnetpools, 'remove_prefixes', 'remove_prefixes', async ({ work, row, body }) => ({
    prefixes: await removePrefixes(work, row, readPrefixBody(body)),
  })),
  action(subnetpools, 'onboard_network_subnets', 'onboard_network_subnets', async ({ work, row, body }) => {
    const networkId = uuidOf(objectOf(body), 'network_id');
    if (networkId === undefined)
      throw new NetworkError(400, 'HTTPBadRequest', "Failed to parse request. Required attribute 'network_id' not specified");
    await seenRow(work, networks, networkId);
    return { onboard_network_subnets: await onboardSubnets(work, row, networkId) };
  }),
  {
    method: 'GET',
    path: `${VERSION}/trunks/:id/get_subports`,
    async handle(call) {
      const row = await seenRow({ trx: call.context.db, actor: actorOf(call) }, trunks, call.params['id']!);
      call.require('get_subports', { ...row, tenant_id: row.project_id });
      return ok({ sub_ports: row['sub_ports'] });
    },
  },
  {
    method: 'PUT',
    path: `${VERSION}/ports/:id/bindings/:host/activate`,
    async handle(call) {
      const actor = actorOf(call);
      const { id, host } = call.params as { id: string; host: string };
      const binding = await inTransaction(call.context.db, async (trx) => {
        const row = await lockSeen(trx, actor, ports, id);
        await requireChange(call, trx, ports, 'update', row, {}, 'activate');
        return activateBinding(trx, row.id, host);
      });
      return ok({ binding });
    },
  },
];

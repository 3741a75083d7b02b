import { z } from 'zod';
import { isSwitched } from '../../flows/switch-port-service.ts';
import type { NodeRecord, Trx } from '../../inventory/node-record.ts';
import { attachVif, cablingOf, detachVif, listVifs, type Link } from '../../inventory/vif-service.ts';
import { NetworkError } from '../../network/network-error.ts';
import { plugIn, plugOut, type Plug } from '../../network/port-plug-service.ts';
import { RequestRefused } from './baremetal-error.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { uuid } from './body-shapes.ts';
import { whileLocked } from './locked-retry.ts';
import { nodeFor } from './node-access.ts';
import { isLogicalName, isUuidLike } from './query-values.ts';

/** VIFs of a node, since 1.28. */
const vifId = z.string().refine((text) => isUuidLike(text) || isLogicalName(text, Infinity), 'is neither a UUID nor a name');
const body = z.looseObject({ id: vifId, port_uuid: uuid.optional(), portgroup_uuid: uuid.optional() });

/** A VIF that is a port of the Network API is bound in the same transaction. */
const plugOf = async (trx: Trx, node: Pick<NodeRecord, 'uuid' | 'driver' | 'interfaces'>, link: Link): Promise<Plug> => ({
  nodeId: node.uuid,
  isSwitched: isSwitched(node),
  mac: link.address,
  ...(await cablingOf(trx, link)),
});

/** As in the Network API: an administrator's or a service's token sees the ports of every project. */
const networkActorOf = ({ actor }: Call) => ({
  projectId: actor.projectId,
  seesAll: actor.systemScope || actor.roles.includes('admin') || actor.roles.includes('service'),
});

function refused(error: unknown): never {
  if (error instanceof NetworkError) throw new RequestRefused(error.status, error.message);
  throw error;
}

export const vifRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/nodes/:node/vifs',
    since: 28,
    async handle(call) {
      const node = await nodeFor(call, call.params['node']!, 'node:vif:list');
      return ok({ vifs: await listVifs(call.context.database.db, node) });
    },
  },
  {
    method: 'POST',
    path: '/nodes/:node/vifs',
    since: 28,
    async handle(call) {
      const node = await nodeFor(call, call.params['node']!, 'node:vif:attach');
      const { id, port_uuid: port, portgroup_uuid: group } = body.parse(call.body ?? {});
      if (call.minor >= 67 && port !== undefined && group !== undefined)
        throw new RequestRefused(400, 'Cannot specify both port_uuid and portgroup_uuid');
      const wish = {
        id,
        ...(call.minor >= 67 && port !== undefined ? { portUuid: port } : {}),
        ...(call.minor >= 67 && group !== undefined ? { portgroupUuid: group } : {}),
      };
      await whileLocked(() =>
        call.context.database.db.transaction().execute(async (trx) => {
          const link = await attachVif(trx, node.uuid, wish);
          if (link !== undefined) await plugIn(trx, networkActorOf(call), id, await plugOf(trx, node, link)).catch(refused);
        }),
      );
      return noContent();
    },
  },
  {
    method: 'DELETE',
    path: '/nodes/:node/vifs/:vif',
    since: 28,
    async handle(call) {
      const node = await nodeFor(call, call.params['node']!, 'node:vif:detach');
      const vif = vifId.parse(call.params['vif']);
      await call.context.database.db.transaction().execute(async (trx) => {
        await detachVif(trx, node.uuid, vif);
        await plugOut(trx, vif, node.uuid);
      });
      return noContent();
    },
  },
];

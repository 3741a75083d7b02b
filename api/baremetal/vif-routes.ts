import { z } from 'zod';
import { attachVif, detachVif, listVifs } from '../../inventory/vif-service.ts';
import { RequestRefused } from './baremetal-error.ts';
import { noContent, ok, type BaremetalRoute } from './baremetal-route.ts';
import { uuid } from './body-shapes.ts';
import { whileLocked } from './locked-retry.ts';
import { nodeFor } from './node-access.ts';
import { isLogicalName, isUuidLike } from './query-values.ts';

/** VIFs of a node, since 1.28. */
const vifId = z.string().refine((text) => isUuidLike(text) || isLogicalName(text, Infinity), 'is neither a UUID nor a name');
const body = z.looseObject({ id: vifId, port_uuid: uuid.optional(), portgroup_uuid: uuid.optional() });

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
      await whileLocked(() => call.context.database.db.transaction().execute((trx) => attachVif(trx, node.uuid, wish)));
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
      await call.context.database.db.transaction().execute((trx) => detachVif(trx, node.uuid, vif));
      return noContent();
    },
  },
];

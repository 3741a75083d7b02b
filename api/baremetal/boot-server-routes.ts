import { forgetBootServer, listBootServers } from '../../inventory/boot-server-service.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { noContent, ok, type BaremetalRoute } from './baremetal-route.ts';

/** Our addition: which boot servers share which network, for administrators. */
export const bootServerRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/boot_servers',
    async handle(call) {
      call.require('boot_server:get');
      return ok({ networks: await listBootServers(call.context.database.db) });
    },
  },
  {
    // The network is an argument: there is a slash in it.
    method: 'DELETE',
    path: '/boot_servers/:address',
    query: ['network'],
    async handle(call) {
      call.require('boot_server:delete');
      const { network = '' } = call.query;
      const address = call.params['address']!;
      if (!(await forgetBootServer(call.context.database.db, network, address)))
        throw new InventoryError(404, `Boot server ${address} of network ${network} could not be found.`);
      return noContent();
    },
  },
];

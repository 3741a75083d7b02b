import { z } from 'zod';
import { insertEvents } from '../../inventory/timeline-store.ts';
import { noContent, type BaremetalRoute } from './baremetal-route.ts';
import { macAddress, text, uuid } from './body-shapes.ts';

/** `POST /v1/events`, since 1.54: what the network service tells of a node's ports goes into the machine's timeline. */
const EVENTS_MAX = 1000;
const event = z.strictObject({
  event: z.enum(['network.bind_port', 'network.unbind_port', 'network.delete_port']),
  port_id: uuid,
  mac_address: macAddress,
  status: text(32),
  device_id: text().nullish(),
  'binding:host_id': text().nullish(),
  'binding:vnic_type': text().nullish(),
});

export const eventRoutes: readonly BaremetalRoute[] = [
  {
    method: 'POST',
    path: '/events',
    since: 54,
    async handle(call) {
      call.require('events:post');
      const { events } = z.strictObject({ events: z.array(event).min(1).max(EVENTS_MAX) }).parse(call.body ?? {});
      await insertEvents(
        call.context.database.db,
        events.map(({ event: kind, port_id: portId, mac_address: mac, status }) => ({
          atMs: Date.now(),
          source: 'node',
          kind,
          severity: 'info',
          machine: { mac },
          message: `the network service: ${kind} of port ${portId}, ${status}`,
          evidence: { portId, status },
        })),
      );
      return noContent();
    },
  },
];

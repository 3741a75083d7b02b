import { unsupported } from '../../inventory/driver-table.ts';
import { z } from 'zod';
import { RequestRefused } from './baremetal-error.ts';
import type { Answer, BaremetalRoute, Call } from './baremetal-route.ts';
import { text } from './body-shapes.ts';
import { nodeFor } from './node-access.ts';

/** Virtual media of a node, since 1.89: no driver here can insert an image on demand yet, and each says so by name. */
const body = z.strictObject({
  device_type: z.enum(['cdrom', 'disk', 'floppy']),
  image_url: z.url({ protocol: /^https?$/ }).max(2048),
  image_download_source: z.enum(['http', 'local', 'swift']).optional(),
});

async function refuse(call: Call, rule: string, what: string): Promise<Answer> {
  const node = await nodeFor(call, call.params['node']!, rule);
  throw new RequestRefused(400, unsupported(node.driver, what));
}

export const vmediaRoutes: readonly BaremetalRoute[] = [
  {
    method: 'POST',
    path: '/nodes/:node/vmedia',
    since: 89,
    handle(call) {
      body.parse(call.body ?? {});
      return refuse(call, 'node:vmedia:attach', 'attach_virtual_media');
    },
  },
  {
    method: 'DELETE',
    path: '/nodes/:node/vmedia',
    since: 89,
    query: ['device_types'],
    handle(call) {
      const types = call.query['device_types'];
      if (types !== undefined) z.array(text(32)).parse(types.split(','));
      return refuse(call, 'node:vmedia:detach', 'detach_virtual_media');
    },
  },
  { method: 'GET', path: '/nodes/:node/vmedia', since: 93, handle: (call) => refuse(call, 'node:get', 'get_virtual_media') },
];

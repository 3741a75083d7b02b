import { z } from 'zod';
import type { MediaKind } from '../../bmc/virtual-media.ts';
import { interfaceOf, unsupported } from '../../inventory/driver-table.ts';
import { requireIdle } from '../../inventory/node-service.ts';
import { RequestRefused } from './baremetal-error.ts';
import { noContent, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { text } from './body-shapes.ts';
import { whileLocked } from './locked-retry.ts';
import { nodeFor } from './node-access.ts';
import { withRealBmc } from './node-bmc.ts';
import { short } from './query-values.ts';

/** Virtual media of a node, since 1.89: the BMC itself fetches the image from its URL. */
const KINDS = ['cdrom', 'disk', 'floppy'] as const;
const body = z.strictObject({
  device_type: z.enum(KINDS),
  image_url: z.url({ protocol: /^https?$/ }).max(2048),
  image_download_source: z.enum(['http', 'local', 'swift']).optional(),
});
/** A BMC may fetch the whole image before it answers. */
const INSERT_MS_MAX = 300_000;

/** @throws 400 for a driver without, 409 while work goes on */
async function requireMedia(call: Call, rule: string, what: string): Promise<void> {
  const node = await nodeFor(call, call.params['node']!, rule);
  if (interfaceOf(node, 'management') !== 'redfish') throw new RequestRefused(400, unsupported(node.driver, what));
  if (what === 'get_virtual_media') return;
  await whileLocked(() => call.context.database.db.transaction().execute((trx) => requireIdle(trx, node.uuid)));
}

async function attach(call: Call) {
  const { device_type: kind, image_url: url, image_download_source: source = 'http' } = body.parse(call.body ?? {});
  if (source !== 'http')
    throw new RequestRefused(400, `image_download_source ${source} is not available: the BMC fetches the image itself (http).`);
  await requireMedia(call, 'node:vmedia:attach', 'attach_virtual_media');
  await withRealBmc(
    call,
    'node:vmedia:attach',
    'attach_virtual_media',
    (bmc, signal) => bmc.insertMedia({ kind, url }, signal),
    INSERT_MS_MAX,
  );
  return noContent();
}

async function detach(call: Call) {
  const asked = call.query['device_types'];
  const kinds = asked === undefined ? KINDS : z.array(text(32)).parse(asked.split(','));
  const strange = kinds.filter((kind) => !(KINDS as readonly string[]).includes(kind));
  if (strange.length > 0)
    throw new RequestRefused(
      400,
      `Invalid device type(s) ${strange.map((kind) => short(kind)).join(', ')} (valid are ${KINDS.join(', ')})`,
    );
  await requireMedia(call, 'node:vmedia:detach', 'detach_virtual_media');
  await withRealBmc(call, 'node:vmedia:detach', 'detach_virtual_media', async (bmc, signal) => {
    for (const kind of kinds) await bmc.ejectMedia(kind as MediaKind, signal);
  });
  return noContent();
}

/** Redfish's words, as Ironic answers them. */
const MEDIA_TYPES: Readonly<Record<MediaKind, readonly string[]>> = { cdrom: ['CD', 'DVD'], disk: ['USBStick'], floppy: ['Floppy'] };

async function show(call: Call) {
  await requireMedia(call, 'node:vmedia:get', 'get_virtual_media');
  const slots = await withRealBmc(call, 'node:vmedia:get', 'get_virtual_media', (bmc, signal) => bmc.virtualMedia(signal));
  return ok(
    slots.map(({ kinds, image }) => ({
      media_types: kinds.flatMap((kind) => MEDIA_TYPES[kind]),
      inserted: image !== undefined,
      image: image ?? '',
    })),
  );
}

export const vmediaRoutes: readonly BaremetalRoute[] = [
  { method: 'POST', path: '/nodes/:node/vmedia', since: 89, handle: attach },
  { method: 'DELETE', path: '/nodes/:node/vmedia', since: 89, query: ['device_types'], handle: detach },
  { method: 'GET', path: '/nodes/:node/vmedia', since: 93, handle: show },
];

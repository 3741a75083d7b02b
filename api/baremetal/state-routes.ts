import type { FastifyInstance } from 'fastify';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import type { PowerAction } from '../../bmc/capability.ts';
import { buildConfigDrive, encodeConfigDrive } from '../../images/configdrive-build.ts';
import { updateNode } from '../../inventory/node-store.ts';
import { requestPower, requestVerb, setMaintenance } from '../../inventory/node-service.ts';
import { verbsFrom, VERB_OF_TARGET } from '../../inventory/provision-machine.ts';
import { flowOf, mustFindNode, type ApiContext } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';
import { viewNode } from './node-view.ts';
import { baseOf } from './node-routes.ts';

/** What changes a node's life: provision, power and maintenance. Each answers 202 once state and flow are committed together. */
const POWER_ACTION: Readonly<Record<string, PowerAction>> = {
  'power on': 'on',
  'power off': 'off',
  rebooting: 'cycle',
  'soft power off': 'soft-off',
  'soft rebooting': 'reset',
};
/** ISO 9660 images of metadata are some hundred KB; Ironic's own limit is 64 MiB. */
const CONFIGDRIVE_BYTES_MAX = 64 * 2 ** 20;

const provisionBody = z.object({
  target: z.string(),
  configdrive: z
    .union([
      z.string(),
      z.object({
        meta_data: z.json().optional(),
        user_data: z.json().optional(),
        network_data: z.json().optional(),
        vendor_data: z.json().optional(),
      }),
    ])
    .nullish(),
});

export function stateRoutes(app: FastifyInstance, context: ApiContext): void {
  const { database, sealer } = context;
  type ById = { Params: { id: string } };

  app.get<ById>('/v1/nodes/:id/states', async (request) => {
    const node = await mustFindNode(context, request.params.id);
    const view = viewNode(node, await flowOf(context, node.uuid), baseOf(request));
    return {
      power_state: view.power_state,
      target_power_state: view.target_power_state,
      provision_state: view.provision_state,
      target_provision_state: view.target_provision_state,
      provision_updated_at: view.provision_updated_at,
      last_error: view.last_error,
      waiting_for: view.waiting_for,
      verbs: verbsFrom(node.provision_state),
      console_enabled: false,
      raid_config: {},
      target_raid_config: {},
    };
  });

  app.put<ById>('/v1/nodes/:id/states/provision', async (request, reply) => {
    const body = provisionBody.parse(request.body);
    const verb = VERB_OF_TARGET[body.target];
    if (verb === undefined)
      throw new RequestRefused(400, `Unknown provision target "${body.target}". Known: ${Object.keys(VERB_OF_TARGET).join(', ')}.`);
    const { uuid } = await mustFindNode(context, request.params.id);
    const configDrive = body.configdrive == null ? undefined : toConfigDrive(body.configdrive as string | JsonObject);
    await database.db.transaction().execute(async (trx) => {
      await requestVerb(trx, uuid, verb, { target: body.target });
      if (configDrive !== undefined) await updateNode(trx, uuid, { configdrive: sealer.seal(configDrive) });
    });
    return reply.status(202).send();
  });

  app.put<ById>('/v1/nodes/:id/states/power', async (request, reply) => {
    const { target } = z.object({ target: z.string() }).parse(request.body);
    const action = POWER_ACTION[target];
    if (action === undefined)
      throw new RequestRefused(400, `Unknown power target "${target}". Known: ${Object.keys(POWER_ACTION).join(', ')}.`);
    const { uuid } = await mustFindNode(context, request.params.id);
    await database.db.transaction().execute((trx) => requestPower(trx, uuid, action));
    return reply.status(202).send();
  });

  app.put<ById>('/v1/nodes/:id/maintenance', async (request, reply) => {
    const { reason } = z.object({ reason: z.string().max(1024).optional() }).parse(request.body ?? {});
    const { uuid } = await mustFindNode(context, request.params.id);
    await database.db.transaction().execute((trx) => setMaintenance(trx, uuid, true, reason ?? null, null));
    return reply.status(202).send();
  });
  app.delete<ById>('/v1/nodes/:id/maintenance', async (request, reply) => {
    const { uuid } = await mustFindNode(context, request.params.id);
    await database.db.transaction().execute((trx) => setMaintenance(trx, uuid, false, null, null));
    return reply.status(202).send();
  });
}

/** Text is a finished image (base64 of gzip); an object is made into one here, as Ironic does. */
function toConfigDrive(given: string | JsonObject): string {
  if (typeof given !== 'string') {
    const { meta_data, user_data, network_data, vendor_data } = given;
    const image = buildConfigDrive({
      metaData: (meta_data ?? {}) as JsonObject,
      ...(user_data == null ? {} : { userData: typeof user_data === 'string' ? user_data : JSON.stringify(user_data) }),
      ...(network_data == null ? {} : { networkData: network_data as JsonObject }),
      ...(vendor_data == null ? {} : { vendorData: vendor_data as JsonObject }),
    });
    return encodeConfigDrive(image);
  }
  try {
    gunzipSync(Buffer.from(given, 'base64'), { maxOutputLength: CONFIGDRIVE_BYTES_MAX });
  } catch (cause) {
    throw new RequestRefused(
      400,
      `configdrive is not base64 of a gzip of at most ${CONFIGDRIVE_BYTES_MAX / 2 ** 20} MiB: ${(cause as Error).message}`,
    );
  }
  return given;
}

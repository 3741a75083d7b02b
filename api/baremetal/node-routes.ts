import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { parseMacAddress } from '../../core/base/mac-address.ts';
import { splitDriverInfo } from '../../inventory/driver-info-codec.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { insertNode, isUuid, listNodes, lockNode, updateNode, type NodeFields } from '../../inventory/node-store.ts';
import { notifyBootModel } from '../../inventory/node-service.ts';
import { DELETABLE_STATES } from '../../inventory/provision-machine.ts';
import { flowOf, mustFindNode, type ApiContext } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';
import { applyPatch } from './json-patch.ts';
import { viewNode, viewNodeShort } from './node-view.ts';

/** The collection of nodes: create, list, show, patch, delete. States have their own routes. */
const LIMIT_MAX = 1000;
const jsonObject = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>;
const nodeName = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9._~-]+$/, 'a name has letters, digits and . _ ~ - only');

const createBody = z.strictObject({
  uuid: z.uuid().optional(),
  name: nodeName.nullish(),
  driver: z.string(),
  driver_info: jsonObject.default({}),
  properties: jsonObject.default({}),
  extra: jsonObject.default({}),
  instance_info: jsonObject.default({}),
  resource_class: z.string().max(80).nullish(),
  description: z.string().max(4096).nullish(),
  owner: z.string().max(255).nullish(),
});
const patchBody = z.array(z.object({ op: z.enum(['add', 'replace', 'remove']), path: z.string(), value: z.json().optional() })).min(1);
const patchable = z.object({
  name: nodeName.nullable(),
  driver: z.string(),
  driver_info: jsonObject,
  properties: jsonObject,
  instance_info: jsonObject,
  extra: jsonObject,
  resource_class: z.string().max(80).nullable(),
  description: z.string().max(4096).nullable(),
  owner: z.string().max(255).nullable(),
  instance_uuid: z.uuid().nullable(),
});
const truth = z.stringbool();
const listQuery = z.object({
  provision_state: z.string().optional(),
  driver: z.string().optional(),
  maintenance: truth.optional(),
  associated: truth.optional(),
  instance_uuid: z.uuid().optional(),
  resource_class: z.string().optional(),
  detail: truth.optional(),
  fields: z.string().optional(),
  marker: z.uuid().optional(),
  limit: z.coerce.number().int().min(0).optional(),
});

export const baseOf = (request: FastifyRequest) => `${request.protocol}://${request.host}/baremetal`;

export function nodeRoutes(app: FastifyInstance, context: ApiContext): void {
  const { database, sealer } = context;

  async function list(request: FastifyRequest, alwaysDetail: boolean) {
    const query = listQuery.parse(request.query);
    const limit = Math.min(query.limit === 0 || query.limit === undefined ? LIMIT_MAX : query.limit, LIMIT_MAX);
    const nodes = await listNodes(database.db, {
      limit,
      ...optional('provisionState', query.provision_state),
      ...optional('driver', query.driver),
      ...optional('maintenance', query.maintenance),
      ...optional('associated', query.associated),
      ...optional('instanceUuid', query.instance_uuid),
      ...optional('resourceClass', query.resource_class),
      ...optional('marker', query.marker),
    });
    const base = baseOf(request);
    const fields = query.fields?.split(',');
    const views = await Promise.all(nodes.map(async (node) => viewNode(node, await flowOf(context, node.uuid), base)));
    const shown = views.map((view) => (fields ? pick(view, fields) : alwaysDetail || query.detail === true ? view : viewNodeShort(view)));
    const more = nodes.length === limit ? { next: `${base}/v1/nodes?limit=${limit}&marker=${nodes.at(-1)!.uuid}` } : {};
    return { nodes: shown, ...more };
  }

  app.get('/v1/nodes', (request) => list(request, false));
  app.get('/v1/nodes/detail', (request) => list(request, true));

  app.post('/v1/nodes', async (request, reply) => {
    const { uuid, ...body } = createBody.parse(request.body);
    const split = splitDriverInfo(body.driver_info, null, sealer);
    const fields = {
      ...definedOnly(body),
      driver: body.driver,
      driver_info: split.shown,
      driver_secrets: split.sealed,
      ...(uuid === undefined ? {} : { uuid }),
    };
    const node = await database.db.transaction().execute((trx) => insertNode(trx, fields));
    return reply
      .status(201)
      .header('location', `${baseOf(request)}/v1/nodes/${node.uuid}`)
      .send(viewNode(node, undefined, baseOf(request)));
  });

  app.get<{ Params: { id: string } }>('/v1/nodes/:id', async (request) => {
    const node = await mustFindNode(context, request.params.id);
    return viewNode(node, await flowOf(context, node.uuid), baseOf(request));
  });

  app.patch<{ Params: { id: string } }>('/v1/nodes/:id', async (request) => {
    const operations = patchBody.parse(request.body);
    const { uuid } = await mustFindNode(context, request.params.id);
    const updated = await database.db.transaction().execute(async (trx) => {
      const node = (await lockNode(trx, uuid))!;
      const before: JsonObject = {
        name: node.name,
        driver: node.driver,
        driver_info: node.driver_info as JsonObject,
        properties: node.properties as JsonObject,
        instance_info: node.instance_info as JsonObject,
        extra: node.extra as JsonObject,
        resource_class: node.resource_class,
        description: node.description,
        owner: node.owner,
        instance_uuid: node.instance_uuid,
      };
      for (const { path } of operations) {
        const top = path.split('/')[1] ?? '';
        if (!(top in before)) throw new RequestRefused(400, `"${path}" can not be changed by a patch.`);
      }
      const after = patchable.parse(applyPatch(before, operations as never));
      const split = splitDriverInfo(after.driver_info, node.driver_secrets, sealer);
      const row = await updateNode(trx, uuid, { ...after, driver_info: split.shown, driver_secrets: split.sealed });
      await notifyBootModel(trx);
      return row;
    });
    return viewNode(updated, await flowOf(context, uuid), baseOf(request));
  });

  app.delete<{ Params: { id: string } }>('/v1/nodes/:id', async (request, reply) => {
    const { uuid } = await mustFindNode(context, request.params.id);
    await database.db.transaction().execute(async (trx) => {
      const node = (await lockNode(trx, uuid))!;
      if (!node.maintenance && !DELETABLE_STATES.has(node.provision_state)) {
        throw new InventoryError(
          400,
          `Node ${uuid} can not be deleted while it is in state "${node.provision_state}". Possible in ${[...DELETABLE_STATES].join(', ')}, or in maintenance.`,
        );
      }
      await trx.deleteFrom('node').where('uuid', '=', uuid).execute();
      await notifyBootModel(trx);
    });
    return reply.status(204).send();
  });

  portRoutes(app, context);
}

const portBody = z.strictObject({
  node_uuid: z.string(),
  address: z.string(),
  pxe_enabled: z.boolean().default(true),
  uuid: z.uuid().optional(),
  extra: jsonObject.default({}),
  local_link_connection: jsonObject.default({}),
  physical_network: z.string().max(64).nullish(),
});

function portRoutes(app: FastifyInstance, context: ApiContext): void {
  const { db } = context.database;
  const view = (
    port: {
      uuid: string;
      node_uuid: string;
      address: string;
      pxe_enabled: boolean;
      physical_network: string | null;
      local_link_connection: object;
      extra: object;
      created_at: Date;
    },
    request: FastifyRequest,
  ) => ({
    uuid: port.uuid,
    node_uuid: port.node_uuid,
    address: port.address,
    pxe_enabled: port.pxe_enabled,
    physical_network: port.physical_network,
    local_link_connection: port.local_link_connection,
    extra: port.extra,
    created_at: port.created_at.toISOString(),
    links: [{ href: `${baseOf(request)}/v1/ports/${port.uuid}`, rel: 'self' }],
  });
  const listPorts = async (request: FastifyRequest, node?: string) => {
    const query = z
      .object({ node: z.string().optional(), node_uuid: z.string().optional(), address: z.string().optional() })
      .parse(request.query);
    const wanted = node ?? query.node ?? query.node_uuid;
    let select = db.selectFrom('port').selectAll().orderBy('created_at').orderBy('uuid');
    if (wanted !== undefined) select = select.where('node_uuid', '=', (await mustFindNode(context, wanted)).uuid);
    if (query.address !== undefined) select = select.where('address', '=', query.address.toLowerCase());
    return { ports: (await select.execute()).map((port) => view(port, request)) };
  };
  const findPort = async (id: string) => {
    const by = parseMacAddress(id);
    if (!isUuid(id) && by === undefined) throw new InventoryError(404, `Port ${id} could not be found.`);
    const port = await db
      .selectFrom('port')
      .selectAll()
      .where(by === undefined ? 'uuid' : 'address', '=', by ?? id)
      .executeTakeFirst();
    if (port === undefined) throw new InventoryError(404, `Port ${id} could not be found.`);
    return port;
  };

  app.get('/v1/ports', (request) => listPorts(request));
  app.get('/v1/ports/detail', (request) => listPorts(request));
  app.get<{ Params: { id: string } }>('/v1/nodes/:id/ports', (request) => listPorts(request, request.params.id));
  app.get<{ Params: { id: string } }>('/v1/ports/:id', async (request) => view(await findPort(request.params.id), request));
  app.post('/v1/ports', async (request, reply) => {
    const body = portBody.parse(request.body);
    const address = parseMacAddress(body.address);
    if (address === undefined) throw new RequestRefused(400, `Expected a MAC address but received ${body.address}.`);
    const node = await mustFindNode(context, body.node_uuid);
    const port = await db.transaction().execute(async (trx) => {
      const row = await trx
        .insertInto('port')
        .values({
          ...(body.uuid === undefined ? {} : { uuid: body.uuid }),
          node_uuid: node.uuid,
          address,
          pxe_enabled: body.pxe_enabled,
          physical_network: body.physical_network ?? null,
          extra: JSON.stringify(body.extra),
          local_link_connection: JSON.stringify(body.local_link_connection),
        } as never)
        .returningAll()
        .executeTakeFirstOrThrow();
      await notifyBootModel(trx);
      return row;
    });
    return reply.status(201).send(view(port, request));
  });
  app.delete<{ Params: { id: string } }>('/v1/ports/:id', async (request, reply) => {
    const port = await findPort(request.params.id);
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('port').where('uuid', '=', port.uuid).execute();
      await notifyBootModel(trx);
    });
    return reply.status(204).send();
  });
}

const optional = <Key extends string, Value>(key: Key, value: Value | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
const definedOnly = (body: object): NodeFields =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as NodeFields;

function pick(view: object, fields: readonly string[]): object {
  const unknown = fields.filter((field) => !(field in view));
  if (unknown.length > 0) throw new RequestRefused(400, `Field(s) "${unknown.join(', ')}" are not valid.`);
  return Object.fromEntries(Object.entries(view).filter(([name]) => fields.includes(name) || name === 'links'));
}

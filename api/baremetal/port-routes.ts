import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { changePort, createPort, requireDetached, type PortDraft } from '../../inventory/port-service.ts';
import { notifyBootModel } from '../../inventory/node-service.ts';
import { equals, ofNode } from '../../inventory/row-conditions.ts';
import { portStore, type Port } from '../../inventory/port-store.ts';
import { portgroupStore } from '../../inventory/baremetal-stores.ts';
import type { Condition } from '../../inventory/row-page.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { RequestRefused } from './baremetal-error.ts';
import { nodeTarget } from './baremetal-policy.ts';
import { created, noContent, notAcceptable, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { jsonOrNone, macAddress, text, truthOr, uuid, uuidOrNone } from './body-shapes.ts';
import { requireFields, show, time, type FieldTable } from './field-table.ts';
import { applyPatch, isTouched, patchBody, requirePatchable, type PatchOperation } from './json-patch.ts';
import { authorizeOfNode, conditionsOfNode } from './link-access.ts';
import { PAGE_QUERY } from './listing.ts';
import { localLink } from './local-link-body.ts';
import { nodeFor, nodeNamed } from './node-access.ts';
import { findRecord, listRecords, recordNotFound, type RecordNoun } from './record-routes.ts';
import { toIdent, toList, toMacAddress } from './query-values.ts';

/** Ports: the network interfaces of nodes. */
export const PORT_FIELDS: FieldTable<Port> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  node_uuid: {},
  address: {},
  extra: {},
  internal_info: { since: 18 },
  pxe_enabled: { since: 19 },
  local_link_connection: { since: 19 },
  portgroup_uuid: { since: 24 },
  physical_network: { since: 34 },
  is_smartnic: { since: 53 },
  name: { since: 88 },
};

const PHYSICAL_NETWORK_LENGTH_MAX = 64;
const writable = {
  address: macAddress,
  node_uuid: uuid,
  extra: jsonOrNone,
  is_smartnic: truthOr('is_smartnic', false),
  local_link_connection: localLink,
  name: text()
    .nullish()
    .transform((name) => name ?? null),
  physical_network: text(PHYSICAL_NETWORK_LENGTH_MAX)
    .nullish()
    .transform((network) => network ?? null)
    .refine((network) => network !== '', 'A non-empty value is required when setting physical_network'),
  portgroup_uuid: uuidOrNone,
  pxe_enabled: truthOr('pxe_enabled', true),
};
const createBody = z.strictObject({ ...writable, uuid: uuid.nullish() });
const patched = z.object(writable);

async function conditions(call: Call): Promise<Condition[]> {
  const list = await conditionsOfNode(call, 'port', 'p');
  const address = toMacAddress('address', call.query['address']);
  const group = call.query['portgroup'];
  if (group !== undefined && call.minor < 24) throw new RequestRefused(406, notAcceptable(24));
  if (group !== undefined && (call.query['node'] ?? call.query['node_uuid'] ?? call.query['shard']) !== undefined)
    throw new RequestRefused(403, 'Operation not permitted.');
  if (group !== undefined) {
    const found = await portgroupStore.find(call.context.database.db, toIdent('portgroup', group));
    if (found === undefined) throw new InventoryError(404, `Portgroup ${group} could not be found.`);
    list.push(equals('p', 'portgroup_uuid', found.uuid));
  }
  if (address !== undefined) list.push(equals('p', 'address', address));
  return list;
}

export const portNoun: RecordNoun<Port> = {
  url: 'ports',
  name: 'ports',
  title: 'Port',
  rule: 'port',
  table: PORT_FIELDS,
  shortForm: ['uuid', 'address'],
  unsortable: ['extra', 'internal_info', 'local_link_connection'],
  store: portStore,
  hasNames: false,
  patchable: Object.keys(writable),
  conditions,
  authorize: (call, rule, row) => authorizeOfNode(call, rule, row, 'Port'),
  fromCreate: async () => ({}),
  fromPatch: async () => ({}),
};

/** @throws 406 for fields that the call's version does not have yet. */
function requireVersion(call: Call, names: readonly string[], link: unknown): void {
  for (const name of names) {
    const since = PORT_FIELDS[name]?.since ?? 1;
    if (since > call.minor) throw new RequestRefused(406, notAcceptable(since));
  }
  if (call.minor < 64 && typeof link === 'object' && link !== null && 'network_type' in link)
    throw new RequestRefused(406, notAcceptable(64));
  if (call.minor < 90 && typeof link === 'object' && link !== null && Object.keys(link).some((key) => key.startsWith('vtep-')))
    throw new RequestRefused(400, 'local_link_connection with vtep switches is possible from API version 1.90');
}

const SMART_NIC_KEYS = ['port_id', 'hostname'];
function requireSmartNicLink(draft: PortDraft): void {
  if (draft.is_smartnic && !SMART_NIC_KEYS.every((key) => key in draft.local_link_connection))
    throw new RequestRefused(400, 'Smart NIC port must have port_id and hostname in local_link_connection');
}

async function create(call: Call) {
  const given = (call.body ?? {}) as Record<string, unknown>;
  const word = given['node_uuid'];
  // Since 1.94 the node may be named.
  const named = call.minor >= 94 && typeof word === 'string' ? await nodeNamed(call, word) : undefined;
  const { uuid: chosen, ...draft } = createBody.parse({ ...given, ...(named === undefined ? {} : { node_uuid: named.uuid }) });
  const node = named ?? (await nodeNamed(call, draft.node_uuid));
  call.require('port:create', nodeTarget(node));
  requireVersion(call, Object.keys(given), given['local_link_connection']);
  if (given['local_link_connection'] != null) requireSmartNicLink(draft);
  const port = await call.context.database.db
    .transaction()
    .execute((trx) => createPort(trx, { ...draft, ...(chosen == null ? {} : { uuid: chosen }) }));
  return created(show(PORT_FIELDS, port, call, `ports/${port.uuid}`), `${call.base}/v1/ports/${port.uuid}`);
}

async function patch(call: Call) {
  const operations = patchBody.parse(call.body) as PatchOperation[];
  requirePatchable(operations, Object.keys(writable));
  for (const operation of operations) {
    const [, root, leaf] = operation.path.split('/');
    requireVersion(call, [root!], leaf === 'network_type' ? { network_type: '' } : operation.value);
  }
  const found = await findRecord(call, portNoun, 'port:update');
  const port = await call.context.database.db.transaction().execute(async (trx) => {
    const locked = await portStore.lock(trx, found.uuid);
    if (locked === undefined) throw recordNotFound(portNoun, found.uuid);
    const document = Object.fromEntries(Object.keys(writable).map((name) => [name, locked[name as keyof Port]])) as unknown as JsonObject;
    const draft = patched.parse(applyPatch(document, operations));
    if (isTouched(operations, 'node_uuid') && draft.node_uuid !== locked.node_uuid) await nodeNamed(call, draft.node_uuid);
    requireSmartNicLink(draft);
    return changePort(trx, locked, draft);
  });
  return ok(show(PORT_FIELDS, port, call, `ports/${port.uuid}`));
}

async function remove(call: Call) {
  const port = await findRecord(call, portNoun, 'port:delete');
  await call.context.database.db.transaction().execute(async (trx) => {
    await requireDetached(trx, port);
    await portStore.remove(trx, port.uuid);
    await notifyBootModel(trx);
  });
  return noContent();
}

async function showOne(call: Call) {
  const port = await findRecord(call, portNoun, 'port:get');
  const fields = toList(call.query['fields']);
  if (fields !== undefined) requireFields(call, PORT_FIELDS, fields);
  return ok(show(PORT_FIELDS, port, call, `ports/${port.uuid}`, fields));
}

const FILTERS = [...PAGE_QUERY, 'node', 'node_uuid', 'address', 'portgroup', 'shard'];

export const portRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/ports', query: [...FILTERS, 'fields', 'detail'], handle: (call) => listRecords(call, portNoun, false) },
  { method: 'GET', path: '/ports/detail', query: FILTERS, handle: (call) => listRecords(call, portNoun, true) },
  { method: 'POST', path: '/ports', handle: create },
  { method: 'GET', path: '/ports/:ident', query: ['fields'], handle: showOne },
  { method: 'PATCH', path: '/ports/:ident', handle: patch },
  { method: 'DELETE', path: '/ports/:ident', handle: remove },
  ...(['', '/detail'] as const).map((detail): BaremetalRoute => ({
    method: 'GET',
    path: `/nodes/:node/ports${detail}`,
    query: [...PAGE_QUERY, 'address', ...(detail === '' ? ['fields', 'detail'] : [])],
    async handle(call) {
      const node = await nodeFor(call, call.params['node']!);
      return listRecords(call, portNoun, detail !== '', [ofNode('p', node.uuid)]);
    },
  })),
];

import { z } from 'zod';
import { portgroupStore, type Portgroup } from '../../inventory/baremetal-stores.ts';
import { requireGroupChange } from '../../inventory/port-service.ts';
import { equals, ofNode } from '../../inventory/row-conditions.ts';
import { RequestRefused } from './baremetal-error.ts';
import { nodeTarget } from './baremetal-policy.ts';
import { notAcceptable, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { jsonOrNone, macAddress, text, textOrNone, truthOr, uuid } from './body-shapes.ts';
import { links, time, type FieldTable } from './field-table.ts';
import { isTouched } from './json-patch.ts';
import { authorizeOfNode, conditionsOfNode } from './link-access.ts';
import { PAGE_QUERY } from './listing.ts';
import { nodeFor, nodeNamed } from './node-access.ts';
import { portNoun } from './port-routes.ts';
import { findRecord, listRecords, recordRoutes, type RecordNoun } from './record-routes.ts';
import { isLogicalName, toMacAddress } from './query-values.ts';

/** Port groups: ports of a node that are bonded, since 1.23. */
const DEFAULT_MODE = 'active-backup';
const fields: FieldTable<Portgroup> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  node_uuid: {},
  name: {},
  address: {},
  extra: {},
  internal_info: {},
  // Older versions may not ask for these two by name, yet have always been shown them.
  mode: { askedSince: 26 },
  properties: { askedSince: 26 },
  standalone_ports_supported: {},
  ports: { whole: true, of: (group, call) => links(call.base, `portgroups/${group.uuid}/ports`) },
};
const writable = {
  node_uuid: uuid,
  name: textOrNone(),
  address: macAddress.nullish().transform((address) => address ?? null),
  mode: text()
    .nullish()
    .transform((mode) => mode ?? DEFAULT_MODE),
  properties: jsonOrNone,
  standalone_ports_supported: truthOr('standalone_ports_supported', true),
  extra: jsonOrNone,
};

function requireName(call: Call, name: string | null): void {
  if (name !== null && name !== '' && !isLogicalName(name, call.minor))
    throw new RequestRefused(400, `Cannot create or change portgroup with invalid name '${name}'`);
}

const portgroup: RecordNoun<Portgroup> = {
  url: 'portgroups',
  name: 'portgroups',
  title: 'Portgroup',
  since: 23,
  rule: 'portgroup',
  table: fields,
  shortForm: ['uuid', 'address', 'name'],
  unsortable: ['extra', 'internal_info', 'properties'],
  store: portgroupStore,
  hasNames: true,
  patchable: Object.keys(writable),
  filters: ['node', 'address'],
  async conditions(call) {
    const list = await conditionsOfNode(call, 'portgroup', 'g');
    const address = toMacAddress('address', call.query['address']);
    return address === undefined ? list : [...list, equals('g', 'address', address)];
  },
  authorize: (call, rule, row) => authorizeOfNode(call, rule, row, 'Portgroup'),
  async fromCreate(call) {
    const given = (call.body ?? {}) as Record<string, unknown>;
    const { uuid: chosen, ...values } = z.strictObject({ ...writable, uuid: uuid.nullish() }).parse(given);
    const node = await nodeNamed(call, values.node_uuid);
    call.require('portgroup:create', nodeTarget(node));
    if (call.minor < 26 && (given['mode'] || given['properties'])) throw new RequestRefused(406, notAcceptable(26));
    requireName(call, values.name);
    return { ...values, ...(chosen == null ? {} : { uuid: chosen }) };
  },
  async fromPatch(call, document, row, { operations, trx }) {
    // Ironic looks at the first operation only, and clients of that age rely on it.
    const first = operations.slice(0, 1);
    if (call.minor < 26 && (isTouched(first, 'mode') || isTouched(first, 'properties'))) throw new RequestRefused(406, notAcceptable(26));
    if (operations.some((operation) => operation.op === 'remove' && operation.path === '/mode'))
      throw new RequestRefused(400, "'mode' is a mandatory attribute and can not be removed");
    const values = z.object(writable).parse(document);
    requireName(call, values.name);
    if (values.node_uuid !== row.node_uuid) await nodeNamed(call, values.node_uuid);
    await requireGroupChange(trx, row, values);
    return values;
  },
};

export const portgroupRoutes: readonly BaremetalRoute[] = [
  ...recordRoutes(portgroup, 'with-detail'),
  ...(['', '/detail'] as const).map((detail): BaremetalRoute => ({
    method: 'GET',
    path: `/nodes/:node/portgroups${detail}`,
    since: 24,
    query: [...PAGE_QUERY, 'address', ...(detail === '' ? ['fields', 'detail'] : [])],
    async handle(call) {
      const node = await nodeFor(call, call.params['node']!);
      return listRecords(call, portgroup, detail !== '', [ofNode('g', node.uuid)]);
    },
  })),
  {
    method: 'GET',
    path: '/portgroups/:ident/ports',
    since: 24,
    query: [...PAGE_QUERY, 'fields', 'detail', 'address'],
    async handle(call) {
      const group = await findRecord(call, portgroup, 'portgroup:get');
      return listRecords(call, portNoun, false, [equals('p', 'portgroup_uuid', group.uuid)]);
    },
  },
];

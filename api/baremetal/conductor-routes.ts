import { listConductors, type Conductor } from '../../inventory/conductor-service.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { ok, type BaremetalRoute } from './baremetal-route.ts';
import { chosenFields, requireFields, show, time, type FieldTable } from './field-table.ts';
import { PAGE_QUERY, pageOf, showList } from './listing.ts';
import { toList } from './query-values.ts';

/** Conductors, since 1.49: the processes of ours that do the work on nodes. */
const fields: FieldTable<Conductor> = {
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  hostname: {},
  conductor_group: {},
  drivers: {},
  alive: {},
};
const collection = {
  name: 'conductors',
  url: 'conductors',
  table: fields,
  key: 'hostname',
  pathOf: (row: Conductor) => `conductors/${row.hostname}`,
} as const;

export const conductorRoutes: readonly BaremetalRoute[] = [
  {
    method: 'GET',
    path: '/conductors',
    since: 49,
    query: [...PAGE_QUERY, 'fields', 'detail'],
    async handle(call) {
      call.require('conductor:get');
      const only = chosenFields(call, fields, ['hostname', 'conductor_group', 'alive']);
      const { marker, ...query } = call.query;
      const page = pageOf({ ...call, query }, fields, ['alive', 'drivers']);
      const rows = await listConductors(call.context.database, [], { ...page, ...(marker === undefined ? {} : { marker }) });
      return ok(showList(call, collection, rows, page, only));
    },
  },
  {
    method: 'GET',
    path: '/conductors/:hostname',
    since: 49,
    query: ['fields'],
    async handle(call) {
      call.require('conductor:get');
      const hostname = call.params['hostname']!;
      const [row] = await listConductors(call.context.database, [hostname], { limit: 1, descending: false });
      if (row === undefined) throw new InventoryError(404, `Conductor ${hostname} could not be found.`);
      const only = toList(call.query['fields']);
      if (only !== undefined) requireFields(call, fields, only);
      return ok(show(fields, row, call, `conductors/${hostname}`, only));
    },
  },
];

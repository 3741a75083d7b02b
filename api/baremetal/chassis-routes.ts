import { z } from 'zod';
import { chassisStore, type Chassis } from '../../inventory/baremetal-stores.ts';
import type { BaremetalRoute } from './baremetal-route.ts';
import { jsonOrNone, textOrNone, uuid } from './body-shapes.ts';
import { links, time, type FieldTable } from './field-table.ts';
import { recordRoutes, type RecordNoun } from './record-routes.ts';

/** Chassis: what nodes stand in. */
const fields: FieldTable<Chassis> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  description: {},
  extra: {},
  // A list in a list, as Ironic has always shown it.
  nodes: { whole: true, of: (chassis, call) => [links(call.base, `chassis/${chassis.uuid}/nodes`)] },
};
const writable = { description: textOrNone(), extra: jsonOrNone };

const chassis: RecordNoun<Chassis> = {
  url: 'chassis',
  name: 'chassis',
  title: 'Chassis',
  rule: 'chassis',
  table: fields,
  shortForm: ['uuid', 'description'],
  unsortable: ['extra'],
  store: chassisStore,
  hasNames: false,
  patchable: Object.keys(writable),
  fromCreate: async (call) => {
    const { uuid: given, ...values } = z.strictObject({ ...writable, uuid: uuid.nullish() }).parse(call.body ?? {});
    return { ...values, ...(given == null ? {} : { uuid: given }) };
  },
  fromPatch: async (_call, document) => z.object(writable).parse(document),
};

export const chassisRoutes: readonly BaremetalRoute[] = recordRoutes(chassis, 'with-detail');

import { sql } from 'kysely';
import { z } from 'zod';
import { poolStore, zoneStore, type MachineGroup } from '../../inventory/baremetal-stores.ts';
import { InventoryError } from '../../inventory/node-record.ts';
import { RequestRefused } from './baremetal-error.ts';
import { noContent, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { text, uuid } from './body-shapes.ts';
import { time, type FieldTable } from './field-table.ts';
import { nodeFor } from './node-access.ts';
import { short } from './query-values.ts';
import { recordRoutes, type RecordNoun } from './record-routes.ts';

/** Pools and zones, ours: each machine is in one of each; `default` is always there. */
const STORES = { pool: poolStore, zone: zoneStore } as const;
type GroupKind = keyof typeof STORES;
const DEFAULT = 'default';

const fields: FieldTable<MachineGroup> = {
  uuid: {},
  created_at: time('created_at'),
  updated_at: time('updated_at'),
  name: {},
  description: {},
};
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is not a name of letters, digits, dot, dash and underscore');
const description = text(1000)
  .nullish()
  .transform((value) => value ?? '');
const writable = { name, description };

const noun = (kind: GroupKind): RecordNoun<MachineGroup> => ({
  url: `${kind}s`,
  name: `${kind}s`,
  title: kind === 'pool' ? 'Pool' : 'Zone',
  rule: kind,
  table: fields,
  shortForm: ['uuid', 'name', 'description'],
  unsortable: [],
  store: STORES[kind],
  hasNames: true,
  patchable: Object.keys(writable),
  fromCreate: async (call) => {
    const { uuid: given, ...values } = z.strictObject({ ...writable, uuid: uuid.nullish() }).parse(call.body ?? {});
    return { ...values, ...(given == null ? {} : { uuid: given }) };
  },
  fromPatch: async (_call, document, row) => {
    const values = z.object(writable).parse(document);
    if (row.name === DEFAULT && values.name !== DEFAULT) throw new RequestRefused(400, `The ${kind} ${DEFAULT} keeps its name.`);
    return values;
  },
  async beforeDelete(_trx, row) {
    if (row.name === DEFAULT) throw new InventoryError(409, `The ${kind} ${DEFAULT} can not be removed: new machines are in it.`);
  },
});

/** From a name in a body. @throws 400 */
export async function groupNamed(call: Call, kind: GroupKind, word: string | null): Promise<string | null> {
  if (word === null) return null;
  const row = await STORES[kind].find(call.context.database.db, { name: word });
  if (row === undefined) throw new RequestRefused(400, `There is no ${kind} ${short(word)}.`);
  return row.uuid;
}

const placeNode = (kind: GroupKind): BaremetalRoute => ({
  method: 'PUT',
  path: `/nodes/:node/${kind}`,
  async handle(call) {
    const node = await nodeFor(call, call.params['node']!, `node:update:${kind}`);
    const body = z.strictObject({ name: text() }).parse(call.body ?? {});
    const group = await groupNamed(call, kind, body.name);
    await sql`update node set ${sql.ref(`${kind}_uuid`)} = ${group}, updated_at = now() where uuid = ${node.uuid}`.execute(
      call.context.database.db,
    );
    return noContent();
  },
});

export const machineGroupRoutes: readonly BaremetalRoute[] = (['pool', 'zone'] as const).flatMap((kind) => [
  ...recordRoutes(noun(kind), 'no-detail'),
  placeNode(kind),
]);

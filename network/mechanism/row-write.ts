import type { Resource, Trx, Values } from '../resource.ts';
import { isAmong, query, statement } from './statement.ts';

/** Writing what the mechanism stores: every attribute with a column. */
const stored = (resource: Resource, values: Values): [column: string, value: unknown][] => [
  ...(resource.only === undefined ? [] : [[resource.only.column, resource.only.value] as [string, unknown]]),
  ...Object.entries(values).flatMap(([name, value]): [string, unknown][] => {
    const attribute = resource.attributes[name];
    if (attribute === undefined || attribute.column === null || value === undefined) return [];
    return [[attribute.column, attribute.type.kind === 'jsonb' && value !== null ? JSON.stringify(value) : value]];
  }),
];

/**
 * One statement for as many rows as have the same columns; ids in the order of the rows. With `skipTaken` a row whose place is
 * taken is left out instead of ending the transaction.
 */
export async function insertRows(
  trx: Trx,
  resource: Resource,
  rows: readonly Values[],
  options: { readonly skipTaken?: true } = {},
): Promise<string[]> {
  const ending = options.skipTaken === true ? ' on conflict do nothing returning id' : ' returning id';
  const ids: string[] = [];
  for (let at = 0; at < rows.length;) {
    const first = stored(resource, rows[at]!);
    const columns = first.map(([column]) => `"${column}"`).join(', ');
    const values: unknown[] = [];
    const tuples: string[] = [];
    while (at < rows.length) {
      const row = stored(resource, rows[at]!);
      if (row.length !== first.length || row.some(([column], index) => column !== first[index]![0])) break;
      tuples.push(`(${row.map(([, value]) => `$${values.push(value)}`).join(', ')})`);
      at += 1;
      if (values.length + row.length > PARAMETERS_MAX) break;
    }
    const text = `insert into ${resource.table} (${columns}) values ${tuples.join(', ')}${ending}`;
    const inserted = await query<{ id: string }>(trx, text, values);
    ids.push(...inserted.map(({ id }) => id));
  }
  return ids;
}

/** PostgreSQL's protocol counts the values of a statement in 16 bits. */
const PARAMETERS_MAX = 60_000;

/** Changes a row, counts the revision and takes the time. */
export async function updateRow(trx: Trx, resource: Resource, id: string, changes: Values): Promise<void> {
  const values: unknown[] = [id];
  const sets = stored({ ...resource, only: undefined } as unknown as Resource, changes).map(
    ([column, value]) => `"${column}" = $${values.push(value)}`,
  );
  await query(trx, `update ${resource.table} set ${[...sets, ...TOUCH].join(', ')} where id = $1`, values);
}

const TOUCH = ['revision_number = revision_number + 1', 'updated_at = now()'];

/** Counts a change of something that these rows show: a subnet of a network, a rule of a security group. */
export async function touch(trx: Trx, table: string, ids: readonly (string | null | undefined)[]): Promise<void> {
  const some = [...new Set(ids.filter((id) => id !== null && id !== undefined))].sort();
  if (some.length === 0) return;
  const at = statement(null);
  await at.run(trx, `update ${table} set ${TOUCH.join(', ')} where ${isAmong('id', some, at.bind)}`);
}

export const deleteRow = (trx: Trx, resource: Resource, id: string) => query(trx, `delete from ${resource.table} where id = $1`, [id]);

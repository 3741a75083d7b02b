import { sql, type RawBuilder } from 'kysely';
import type { Reader } from '../identity-context.ts';
import type { IdentityTables } from '../../core/database/identity-tables.ts';
import type { Selection } from '../list-query-policy.ts';

/*
 * The plain part of every table: rows by key, lists by filter. Column names come from our own code only; values are always
 * bound. Objects go to jsonb columns as text; arrays are PostgreSQL arrays unless the column is named in `json`.
 */
export type Row = Record<string, unknown>;

export interface RecordStore {
  find<T = Row>(db: Reader, key: Row): Promise<T | undefined>;
  list<T = Row>(db: Reader, where?: Row, selection?: Selection): Promise<T[]>;
  insert(db: Reader, row: Row): Promise<void>;
  /** Nothing happens when the row is there already. */
  insertOnce(db: Reader, row: Row): Promise<void>;
  update(db: Reader, key: Row, change: Row): Promise<void>;
  /** How many rows went. */
  remove(db: Reader, key: Row): Promise<number>;
}

export function recordStore(
  table: keyof IdentityTables,
  json: readonly string[] = ['extra', 'options'],
  from?: RawBuilder<unknown>,
): RecordStore {
  const name = sql.table(table);
  const source = from ?? name;
  const bind = (column: string, value: unknown): RawBuilder<unknown> =>
    value !== null && typeof value === 'object' && !(value instanceof Date) && (!Array.isArray(value) || json.includes(column))
      ? sql`${JSON.stringify(value)}::jsonb`
      : sql`${value}`;
  const matching = (where: Row): RawBuilder<unknown> => {
    const parts = Object.entries(where).filter(([, value]) => value !== undefined);
    if (parts.length === 0) return sql`true`;
    return sql.join(
      parts.map(([column, value]) =>
        Array.isArray(value) ? sql`${sql.ref(column)} = any(${value})` : sql`${sql.ref(column)} is not distinct from ${value}`,
      ),
      sql` and `,
    );
  };
  const insertion = (row: Row) => {
    const given = Object.entries(row).filter(([, value]) => value !== undefined);
    return sql`insert into ${name} (${sql.join(given.map(([column]) => sql.ref(column)))})
      values (${sql.join(given.map(([column, value]) => bind(column, value)))})`;
  };
  return {
    async find<T>(db: Reader, key: Row) {
      return (await sql<T>`select * from ${source} where ${matching(key)} limit 1`.execute(db)).rows[0];
    },
    async list<T>(db: Reader, where: Row = {}, selection?: Selection) {
      const wanted = selection === undefined ? sql`` : selectionOf(selection);
      return (await sql<T>`select * from ${source} where ${matching(where)} ${wanted}`.execute(db)).rows;
    },
    async insert(db, row) {
      await insertion(row).execute(db);
    },
    async insertOnce(db, row) {
      await sql`${insertion(row)} on conflict do nothing`.execute(db);
    },
    async update(db, key, change) {
      const given = Object.entries(change).filter(([, value]) => value !== undefined);
      if (given.length === 0) return;
      const set = sql.join(given.map(([column, value]) => sql`${sql.ref(column)} = ${bind(column, value)}`));
      await sql`update ${name} set ${set} where ${matching(key)}`.execute(db);
    },
    async remove(db, key) {
      return Number((await sql`delete from ${name} where ${matching(key)}`.execute(db)).numAffectedRows ?? 0);
    },
  };
}

const escapeLike = (text: string) => text.replace(/[\\%_]/g, (character) => `\\${character}`);

function selectionOf(selection: Selection): RawBuilder<unknown> {
  const conditions = selection.filters.map(({ column, comparison, value }) => {
    const at = sql.ref(column);
    switch (comparison) {
      case 'equals':
        return value === null ? sql`${at} is null` : sql`${at} = ${value}`;
      case 'contains':
        return sql`${at} like ${`%${escapeLike(String(value))}%`}`;
      case 'icontains':
        return sql`${at} ilike ${`%${escapeLike(String(value))}%`}`;
      case 'startswith':
        return sql`${at} like ${`${escapeLike(String(value))}%`}`;
      case 'istartswith':
        return sql`${at} ilike ${`${escapeLike(String(value))}%`}`;
      case 'endswith':
        return sql`${at} like ${`%${escapeLike(String(value))}`}`;
      default:
        return sql`${at} ilike ${`%${escapeLike(String(value))}`}`;
    }
  });
  if (selection.marker !== undefined) conditions.push(sql`id > ${selection.marker}`);
  const all =
    conditions.length === 0
      ? sql``
      : sql.join(
          conditions.map((condition) => sql`and ${condition}`),
          sql` `,
        );
  return sql`${all} order by id ${selection.limit === undefined ? sql`` : sql`limit ${selection.limit}`}`;
}

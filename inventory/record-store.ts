import { sql } from 'kysely';
import type { Db, Trx } from './node-record.ts';
import { selectPage, type Condition, type Page } from './row-page.ts';

/** Rows of a table with a `uuid`: the SQL that chassis, templates, volumes and their like have in common. */
export interface RecordStore<Row> {
  /** By UUID, or by name where the table has one. */
  find(db: Db, ident: { readonly uuid?: string; readonly name?: string }): Promise<Row | undefined>;
  lock(trx: Trx, uuid: string): Promise<Row | undefined>;
  list(db: Db, conditions: readonly Condition[], page: Page): Promise<Row[]>;
  insert(trx: Trx, values: Readonly<Record<string, unknown>>): Promise<Row>;
  update(trx: Trx, uuid: string, values: Readonly<Record<string, unknown>>): Promise<Row>;
  remove(trx: Trx, uuid: string): Promise<void>;
}

export function recordStore<Row>(table: string, alias: string, jsonColumns: readonly string[]): RecordStore<Row> {
  const from = sql.table(table);
  const json = new Set(jsonColumns);
  const bound = (name: string, value: unknown) => (json.has(name) ? sql`${JSON.stringify(value)}::jsonb` : sql`${value}`);
  const given = (values: Readonly<Record<string, unknown>>) => Object.entries(values).filter(([, value]) => value !== undefined);
  const firstOf = async (query: ReturnType<typeof sql<Row>>, db: Db) => (await query.execute(db)).rows[0];
  return {
    find: (db, { uuid, name }) =>
      firstOf(sql<Row>`select * from ${from} where ${uuid === undefined ? sql`name = ${name}` : sql`uuid = ${uuid}`}`, db),
    lock: (trx, uuid) => firstOf(sql<Row>`select * from ${from} where uuid = ${uuid} for update`, trx),
    list: (db, conditions, page) =>
      selectPage<Row>(db, { select: sql`select ${sql.ref(alias)}.* from ${from} as ${sql.ref(alias)}`, alias, table }, conditions, page),
    async insert(trx, values) {
      const columns = given(values);
      const names = sql.join(columns.map(([name]) => sql.ref(name)));
      const row = await firstOf(
        sql<Row>`insert into ${from} (${names}) values (${sql.join(columns.map(([name, value]) => bound(name, value)))}) returning *`,
        trx,
      );
      return row!;
    },
    async update(trx, uuid, values) {
      const changes = given(values).map(([name, value]) => sql`${sql.ref(name)} = ${bound(name, value)}`);
      const row = await firstOf(
        sql<Row>`update ${from} set ${sql.join([...changes, sql`updated_at = now()`])} where uuid = ${uuid} returning *`,
        trx,
      );
      return row!;
    },
    async remove(trx, uuid) {
      await sql`delete from ${from} where uuid = ${uuid}`.execute(trx);
    },
  };
}

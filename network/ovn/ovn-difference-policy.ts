import type { Mirror } from '../ovsdb/ovsdb-mirror.ts';
import type { Operation } from '../ovsdb/ovsdb-client.ts';
import { isReference, isSame, writeValue, type Atom, type Value } from '../ovsdb/ovsdb-value-codec.ts';
import { KEY, type DesiredRow } from './rows/desired-row.ts';

/*
 * What makes the database equal to what shall be: rows that are missing are inserted, those that differ are updated in the columns that differ, ours that nobody
 * wants go. Rows of others are not touched. An operation order does not matter to OVSDB: all happen at once, references by name are found wherever they are.
 */
export interface Difference {
  readonly operations: readonly Operation[];
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Row by row, for people. */
  readonly rows: readonly RowDifference[];
}

export interface RowDifference {
  readonly table: string;
  readonly key: string;
  readonly what: 'missing' | 'differs' | 'unwanted';
  /** Columns that differ. */
  readonly columns: readonly string[];
}

/** A map of external_ids holds our key under {@link KEY}. */
function keyOf(value: Value | undefined): string | undefined {
  if (typeof value !== 'object' || isReference(value) || !('map' in value)) return undefined;
  const key = value.map.get(KEY);
  return typeof key === 'string' ? key : undefined;
}

export function differ(mirror: Mirror, wanted: readonly DesiredRow[]): Difference {
  const there = new Map<string, { readonly table: string; readonly uuid: string; readonly key: string }>();
  const strays: { table: string; uuid: string; key: string }[] = [];
  for (const [table, rows] of mirror) {
    for (const [uuid, row] of rows) {
      const key = keyOf(row.get('external_ids'));
      if (key === undefined) continue;
      // Somebody copied a row of ours: one is enough.
      if (there.has(`${table} ${key}`)) strays.push({ table, uuid, key });
      else there.set(`${table} ${key}`, { table, uuid, key });
    }
  }
  const uuids = new Map<string, Atom>();
  const names = new Map<string, string>();
  for (const [at, { table, key }] of wanted.entries()) {
    const known = there.get(`${table} ${key}`);
    if (known !== undefined) uuids.set(key, { uuid: known.uuid });
    else names.set(key, `row${at}`);
  }
  const resolve = (value: Value): Value =>
    mapAtoms(value, (atom) => (isReference(atom) ? (uuids.get(atom.uuid) ?? { uuid: `named:${names.get(atom.uuid) ?? ''}` }) : atom));
  const operations: Operation[] = [];
  let [inserted, updated] = [0, 0];
  const kept = new Set<string>();
  const rows: RowDifference[] = [];
  for (const { table, key, columns } of wanted) {
    const known = there.get(`${table} ${key}`);
    const resolved = Object.entries(columns).map(([column, value]) => [column, resolve(value)] as const);
    if (known === undefined) {
      inserted += 1;
      rows.push({ table, key, what: 'missing', columns: [] });
      operations.push({ op: 'insert', table, 'uuid-name': names.get(key)!, row: toWire(resolved) });
      continue;
    }
    kept.add(`${table} ${key}`);
    const row = mirror.get(table)!.get(known.uuid)!;
    const changed = resolved.filter(([column, value]) => (row.has(column) ? !isSame(row.get(column), value) : !isDefault(value)));
    if (changed.length === 0) continue;
    updated += 1;
    rows.push({ table, key, what: 'differs', columns: changed.map(([column]) => column) });
    operations.push({ op: 'update', table, where: [['_uuid', '==', ['uuid', known.uuid]]], row: toWire(changed) });
  }
  const gone = [...[...there].filter(([name]) => !kept.has(name)).map(([, one]) => one), ...strays];
  for (const { table, uuid, key } of gone) {
    rows.push({ table, key, what: 'unwanted', columns: [] });
    operations.push({ op: 'delete', table, where: [['_uuid', '==', ['uuid', uuid]]] });
  }
  return { operations, inserted, updated, deleted: gone.length, rows };
}

/** A server leaves out columns that hold their type's default (ovsdb-server(7), "monitor_cond"). */
function isDefault(value: Value): boolean {
  if (typeof value !== 'object') return value === '' || value === 0 || value === false;
  if (isReference(value)) return false;
  return 'set' in value ? value.set.length === 0 : value.map.size === 0;
}

function mapAtoms(value: Value, change: (atom: Atom) => Atom): Value {
  if (typeof value !== 'object' || isReference(value)) return change(value as Atom);
  return 'set' in value ? { set: value.set.map(change) } : value;
}

const toWire = (columns: readonly (readonly [string, Value])[]) =>
  Object.fromEntries(columns.map(([column, value]) => [column, nameRows(writeValue(value))]));

/** `named:X` was a reference to a row of this very transaction. */
function nameRows(wire: unknown): unknown {
  if (!Array.isArray(wire)) return wire;
  if (wire[0] === 'uuid' && typeof wire[1] === 'string' && wire[1].startsWith('named:'))
    return ['named-uuid', wire[1].slice('named:'.length)];
  return wire.map(nameRows);
}

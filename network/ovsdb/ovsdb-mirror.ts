import { canonical, elementsOf, isReference, readValue, type Atom, type Value } from './ovsdb-value-codec.ts';

/*
 * A picture of some tables, kept by the server's updates (`update3`, ovsdb-server(7)): a changed row brings only the columns that changed, and of sets and maps
 * only the difference.
 */
export type Row = ReadonlyMap<string, Value>;
export type Mirror = Map<string, Map<string, Row>>;

type WireRow = Readonly<Record<string, unknown>>;
export interface WireUpdate {
  readonly initial?: WireRow;
  readonly insert?: WireRow;
  readonly modify?: WireRow;
  readonly delete?: null | WireRow;
}
export type TableUpdates = Readonly<Record<string, Readonly<Record<string, WireUpdate>>>>;

const toRow = (wire: WireRow): Row => new Map(Object.entries(wire).map(([column, value]) => [column, readValue(value)]));

/** Applies updates in place. */
export function applyUpdates(mirror: Mirror, updates: TableUpdates): void {
  for (const [table, rows] of Object.entries(updates)) {
    const known = mirror.get(table) ?? new Map<string, Row>();
    mirror.set(table, known);
    for (const [uuid, update] of Object.entries(rows)) {
      const whole = update.initial ?? update.insert;
      if (whole !== undefined) known.set(uuid, toRow(whole));
      else if (update.modify !== undefined) known.set(uuid, modify(known.get(uuid) ?? new Map(), update.modify));
      else known.delete(uuid);
    }
  }
}

function modify(row: Row, wire: WireRow): Row {
  const changed = new Map(row);
  for (const [column, value] of Object.entries(wire)) changed.set(column, difference(column, changed.get(column), readValue(value)));
  return changed;
}

/**
 * Columns of any number of elements (the schemas of OVN_Northbound and Open_vSwitch). The wire does not tell them from columns of at most one, where an
 * update brings the new value: a set of one comes as its element.
 */
const SETS: ReadonlySet<string> = new Set([
  'ports',
  'acls',
  'nat',
  'static_routes',
  'load_balancer',
  'gateway_chassis',
  'dns_records',
  'addresses',
  'port_security',
  'networks',
  'ha_chassis',
  'trunks',
]);

/** A set: elements that come or go. A map: keys that come, change or (with their old value) go. Else: the new value. */
function difference(column: string, old: Value | undefined, change: Value): Value {
  const isMap = (value: Value | undefined): value is { readonly map: ReadonlyMap<Atom, Atom> } =>
    typeof value === 'object' && !isReference(value) && 'map' in value;
  if (isMap(change)) return { map: mapDifference(isMap(old) ? old.map : new Map(), change.map) };
  if (!SETS.has(column)) return change;
  const before = elementsOf(old);
  const names = new Map(before.map((atom) => [canonical(atom), atom]));
  for (const atom of elementsOf(change)) {
    const name = canonical(atom);
    if (names.has(name)) names.delete(name);
    else names.set(name, atom);
  }
  return { set: [...names.values()] };
}

function mapDifference(old: ReadonlyMap<Atom, Atom>, change: ReadonlyMap<Atom, Atom>): Map<Atom, Atom> {
  const result = new Map(old);
  for (const [key, value] of change) {
    if (result.has(key) && canonical(result.get(key)) === canonical(value)) result.delete(key);
    else result.set(key, value);
  }
  return result;
}

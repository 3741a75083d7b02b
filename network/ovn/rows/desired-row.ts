import { setOf, textMap, type Atom, type Value } from '../../ovsdb/ovsdb-value-codec.ts';

/**
 * A row of the northbound database as it shall be. `key` is ours and unique (it is kept in `external_ids`); a reference to another row of ours is
 * `{ uuid: its key }` until the difference is made.
 */
export interface DesiredRow {
  readonly table: string;
  readonly key: string;
  readonly columns: Readonly<Record<string, Value>>;
}

export const KEY = 'rackwright:key';
/** What hosts read of a network's metadata port; OVN shows it to them (ovn-sb(5), Port_Binding external_ids). */
export const METADATA_CIDRS = 'rackwright:cidrs';
export const METADATA_NETWORK = 'rackwright:network';
export const refer = (key: string): Atom => ({ uuid: key });
export const referAll = (keys: readonly string[]): Value => setOf(keys.map(refer));

export function desired(
  table: string,
  key: string,
  columns: Readonly<Record<string, Value>>,
  externalIds: Readonly<Record<string, string>> = {},
): DesiredRow {
  return { table, key, columns: { ...columns, external_ids: textMap({ [KEY]: key, ...externalIds }) } };
}

/** OVN's names of sets and groups take letters, digits, `_` and `.` only. */
export const groupName = (prefix: 'pg' | 'as', id: string): string => `${prefix}_${id.replaceAll('-', '_')}`;

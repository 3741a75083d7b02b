import { parseIp, parsePrefix } from '../../core/base/ip-address.ts';
import { parseMacAddress } from '../../core/base/mac-address.ts';
import { badInput, badRequest } from '../network-error.ts';
import { InvalidValue, type Attribute, type Bind, type Resource, type SqlKind } from '../resource.ts';
import { boolean, INTEGER_MAX, isUuid } from './attribute-types.ts';

/** Filters of a list as SQL: values of one name are alternatives, names add up. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** A value that no row can have finds nothing; it is no error. */
const CAN_BE: Partial<Record<SqlKind, (value: string) => boolean>> = {
  uuid: isUuid,
  inet: (value) => parseIp(value) !== undefined,
  cidr: (value) => parsePrefix(value) !== undefined,
  macaddr: (value) => parseMacAddress(value) !== undefined,
  integer: (value) => /^-?\d{1,10}$/.test(value) && Math.abs(Number(value)) <= INTEGER_MAX,
  time: (value) => !Number.isNaN(Date.parse(value)),
};
const COLUMN_TYPE: Partial<Record<SqlKind, string>> = { time: 'timestamptz' };

export function filterSql(resource: Resource, name: string, values: readonly string[], bind: Bind, project: () => string): string {
  const tagged = TAG_FILTERS[name];
  if (tagged !== undefined && 'tags' in resource.attributes) return tagged(bind([...new Set(values.flatMap((each) => each.split(',')))]));
  const special = resource.filters?.[name];
  if (special !== undefined) return special(values, bind, project);
  return attributeSql(name, resource.attributes[name]!, values, bind).replaceAll(':project', project);
}

const TAG_FILTERS: Readonly<Record<string, (list: string) => string>> = {
  tags: (list) => `t.tags @> ${list}::text[]`,
  'tags-any': (list) => `t.tags && ${list}::text[]`,
  'not-tags': (list) => `not (t.tags @> ${list}::text[])`,
  'not-tags-any': (list) => `not (t.tags && ${list}::text[])`,
};
export const isTagFilter = (name: string): boolean => name in TAG_FILTERS;

function attributeSql(name: string, { type, sql, search }: Attribute, values: readonly string[], bind: Bind): string {
  const read = search ?? sql!;
  if (type.kind === 'boolean') return `${read} = any(${bind(values.map((value) => readBoolean(name, value)))}::boolean[])`;
  if (type.kind === 'text[]') return `${read} && ${bind(values)}::text[]`;
  if (type.kind === 'integer') requireIntegers(values);
  if (type.kind === 'jsonb') return `${read}::text = any(${bind(values)}::text[])`;
  const usable = values.filter((value) => CAN_BE[type.kind]?.(value) ?? true);
  const found = `${read} = any(${bind(usable)}::${COLUMN_TYPE[type.kind] ?? type.kind}[])`;
  // An empty value asks for rows that have none.
  return values.includes('') ? `(${found} or ${read} is null)` : found;
}

function requireIntegers(values: readonly string[]): void {
  const other = values.find((value) => !/^(-?\d+)?$/.test(value));
  if (other !== undefined) throw badInput(`'${other}' is not an integer`);
}

function readBoolean(name: string, value: string): unknown {
  try {
    return boolean.read(value);
  } catch (error) {
    if (error instanceof InvalidValue) throw badRequest(`Invalid input for operation: ${name}: ${error.message}.`);
    throw error;
  }
}

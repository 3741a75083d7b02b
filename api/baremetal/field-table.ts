import { RequestRefused } from './baremetal-error.ts';
import { notAcceptable, type Call } from './baremetal-route.ts';
import { short, toBoolean, toList } from './query-values.ts';

/*
 * A resource's shape as a table: field → the microversion that brought it and how it is made of a row. Showing, `fields=`,
 * `detail=`, sorting and the refusal of fields in older versions all read this one table.
 */
export interface Field<Row> {
  /** The first minor version that has it. Default: all have. */
  readonly since?: number;
  /** Where that differs: the first minor version that may name it in `fields=` and `sort_key=`. */
  readonly askedSince?: number;
  /** Default: the row's value of the same name. */
  readonly of?: (row: Row, call: Call) => unknown;
  /** Made for whole objects only, not to be asked for by name: links to sub-resources. */
  readonly whole?: true;
  /** An addition of ours that no OpenStack client expects: shown only when asked for, with `also=` or `fields=`. */
  readonly hidden?: true;
}
export type FieldTable<Row> = Readonly<Record<string, Field<Row>>>;
export type Shown = Record<string, unknown>;

export const isoTime = (at: unknown): string | null => (at instanceof Date ? at.toISOString().replace(/\.\d+Z$/, '+00:00') : null);
export const time = <Row extends object>(name: keyof Row & string): Field<Row> => ({ of: (row) => isoTime(row[name]) });

export const links = (base: string, path: string) => [
  { href: `${base}/v1/${path}`, rel: 'self' },
  { href: `${base}/${path}`, rel: 'bookmark' },
];

export const sinceOf = (field: Field<never>): number => field.askedSince ?? field.since ?? 1;

/** Which fields a call shows: names it asked for, the short form's, or undefined for all. @throws 400, 406 */
export function chosenFields<Row>(
  call: Call,
  table: FieldTable<Row>,
  shortForm: readonly string[] | undefined,
): readonly string[] | undefined {
  const fields = toList(call.query['fields']);
  const detail = toBoolean('detail', call.query['detail']);
  if (detail !== undefined && call.minor < 43)
    throw new RequestRefused(400, `Invalid query parameter ?detail=${short(call.query['detail'])} received.`);
  if (fields !== undefined && detail === true)
    throw new RequestRefused(400, 'Can not specify ?detail=True and fields in the same request.');
  if (fields === undefined) return detail === true ? undefined : shortForm;
  requireFields(call, table, fields);
  return fields;
}

/** @throws 406 for fields of newer versions, 400 for names that no version has. */
export function requireFields<Row>(call: Call, table: FieldTable<Row>, fields: readonly string[]): void {
  if (call.minor < 8) throw new RequestRefused(406, notAcceptable(8));
  for (const name of fields) {
    const since = Object.hasOwn(table, name) ? sinceOf(table[name]!) : 1;
    if (since > call.minor) throw new RequestRefused(406, notAcceptable(since));
  }
  const wrong = fields.filter((name) => name !== 'links' && (!Object.hasOwn(table, name) || table[name]!.whole === true));
  if (wrong.length > 0) throw new RequestRefused(400, `Field(s) "${short(wrong.join(', '))}" are not valid`);
}

type Maker<Row> = readonly [name: string, make: (row: Row, call: Call) => unknown];
const makersOf = new WeakMap<object, Map<string, readonly Maker<never>[]>>();

/** The fields of the table that `minor` has, compiled once. */
function makers<Row>(table: FieldTable<Row>, minor: number, only: readonly string[] | undefined, also: string): readonly Maker<Row>[] {
  const known = makersOf.get(table) ?? new Map<string, readonly Maker<never>[]>();
  makersOf.set(table, known);
  const key = `${minor} ${only?.join(',') ?? ''} ${also}`;
  const compiled = (known.get(key) as readonly Maker<Row>[] | undefined) ?? compile(table, minor, only, also.split(','));
  if (known.size < MAKERS_KEPT) known.set(key, compiled as readonly Maker<never>[]);
  return compiled;
}
/** Versions times the usual choices of fields; clients that ask for odd ones are compiled each time. */
const MAKERS_KEPT = 500;

const compile = <Row>(table: FieldTable<Row>, minor: number, only: readonly string[] | undefined, also: readonly string[]): Maker<Row>[] =>
  Object.entries(table)
    .filter(
      ([name, field]) =>
        (field.since ?? 1) <= minor &&
        ((only === undefined ? field.hidden !== true : only.includes(name)) || (field.hidden === true && also.includes(name))),
    )
    .map(([name, field]) => [name, field.of ?? ((row) => (row as Shown)[name])]);

/** One row as the call's version shows it, always with its links. */
export function show<Row>(table: FieldTable<Row>, row: Row, call: Call, path: string, only?: readonly string[]): Shown {
  const shown: Shown = {};
  for (const [name, make] of makers(table, call.minor, only, call.query['also'] ?? '')) shown[name] = make(row, call);
  shown['links'] = links(call.base, path);
  return shown;
}

import type { JsonObject } from '../../core/base/json.ts';
import type { RecordStore } from '../../inventory/record-store.ts';
import type { Condition } from '../../inventory/row-page.ts';
import { InventoryError, type Trx } from '../../inventory/node-record.ts';
import { created, noContent, ok, type Answer, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { chosenFields, requireFields, show, type FieldTable } from './field-table.ts';
import { applyPatch, patchBody, requirePatchable, type PatchOperation } from './json-patch.ts';
import { PAGE_QUERY, pageOf, showList } from './listing.ts';
import { whileLocked } from './locked-retry.ts';
import { toIdent, toList, toUuid } from './query-values.ts';

/*
 * The five routes of a resource that is only its row: list, show, create, patch, delete. What differs is data: shape,
 * rules, filters, and what is checked before a row is written.
 */
export interface PatchContext {
  readonly operations: readonly PatchOperation[];
  /** The transaction that has locked the row. */
  readonly trx: Trx;
}

export interface RecordNoun<Row extends { readonly uuid: string }> {
  /** Below `/v1/`. */
  readonly url: string;
  /** Key of the list in the body. */
  readonly name: string;
  /** As error texts call one: "Deploy template". */
  readonly title: string;
  readonly since?: number;
  /** What an older version gets for anything but GET. */
  readonly beforeWrite?: 404 | 405;
  /** Rules are `<rule>:get`, `:create`, `:update`, `:delete`. */
  readonly rule: string;
  readonly table: FieldTable<Row>;
  readonly shortForm: readonly string[];
  readonly unsortable: readonly string[];
  readonly store: RecordStore<Row>;
  readonly hasNames: boolean;
  readonly patchable: readonly string[];
  readonly filters?: readonly string[];
  /** Who may list what; default: whoever may `get`, everything. */
  conditions?(call: Call): Promise<Condition[]>;
  /** May the caller do this with this row? Default: the rule without a target. @throws 403, 404 */
  authorize?(call: Call, rule: string, row: Row): Promise<void>;
  /** The columns of a new row. @throws 400, 403, 406 */
  fromCreate(call: Call): Promise<Readonly<Record<string, unknown>>>;
  /** The columns of a changed one, from the patched document. */
  fromPatch(call: Call, document: JsonObject, row: Row, change: PatchContext): Promise<Readonly<Record<string, unknown>>>;
  /** In the transaction that writes. */
  afterWrite?(trx: Trx, row: Row): Promise<void>;
  beforeDelete?(trx: Trx, row: Row): Promise<void>;
}

const pathOf =
  <Row extends { readonly uuid: string }>(noun: RecordNoun<Row>) =>
  (row: Row) =>
    `${noun.url}/${row.uuid}`;

export async function listRecords<Row extends { readonly uuid: string }>(
  call: Call,
  noun: RecordNoun<Row>,
  isDetail: boolean,
  more: readonly Condition[] = [],
): Promise<Answer> {
  const conditions = noun.conditions ? await noun.conditions(call) : (call.require(`${noun.rule}:get`), []);
  const fields = isDetail ? undefined : chosenFields(call, noun.table, noun.shortForm);
  const page = pageOf(call, noun.table, noun.unsortable);
  const rows = await noun.store.list(call.context.database.db, [...more, ...conditions], page);
  const url = isDetail ? `${noun.url}/detail` : noun.url;
  return ok(showList(call, { name: noun.name, url, table: noun.table, pathOf: pathOf(noun) }, rows, page, fields));
}

export async function findRecord<Row extends { readonly uuid: string }>(call: Call, noun: RecordNoun<Row>, rule: string): Promise<Row> {
  const word = call.params['ident']!;
  const { db } = call.context.database;
  const ident = noun.hasNames ? toIdent(noun.title.toLowerCase(), word) : { uuid: toUuid(noun.title.toLowerCase(), word)! };
  if (noun.authorize === undefined) call.require(rule);
  let row = await noun.store.find(db, ident);
  // Until 1.90 a `.json` at the end is a wish for the format.
  if (row === undefined && noun.hasNames && call.minor < 91 && word.endsWith('.json') && word !== '.json')
    row = await noun.store.find(db, toIdent(noun.title.toLowerCase(), word.slice(0, -'.json'.length)));
  if (row === undefined) throw recordNotFound(noun, word);
  await noun.authorize?.(call, rule, row);
  return row;
}

export const recordNotFound = (noun: { readonly title: string }, word: string) =>
  new InventoryError(404, `${noun.title} ${word} could not be found.`);

async function showRecord<Row extends { readonly uuid: string }>(call: Call, noun: RecordNoun<Row>): Promise<Answer> {
  const row = await findRecord(call, noun, `${noun.rule}:get`);
  const fields = toList(call.query['fields']);
  if (fields !== undefined) requireFields(call, noun.table, fields);
  return ok(show(noun.table, row, call, pathOf(noun)(row), fields));
}

async function createRecord<Row extends { readonly uuid: string }>(call: Call, noun: RecordNoun<Row>): Promise<Answer> {
  if (noun.authorize === undefined) call.require(`${noun.rule}:create`);
  const values = await noun.fromCreate(call);
  const row = await call.context.database.db.transaction().execute(async (trx) => {
    const made = await noun.store.insert(trx, values);
    await noun.afterWrite?.(trx, made);
    return made;
  });
  const path = pathOf(noun)(row);
  return created(show(noun.table, row, call, path), `${call.base}/v1/${path}`);
}

async function patchRecord<Row extends { readonly uuid: string }>(call: Call, noun: RecordNoun<Row>): Promise<Answer> {
  const operations = patchBody.parse(call.body) as PatchOperation[];
  requirePatchable(operations, noun.patchable);
  const found = await findRecord(call, noun, `${noun.rule}:update`);
  const { db } = call.context.database;
  const change = async (trx: Trx) => {
    const locked = await noun.store.lock(trx, found.uuid);
    if (locked === undefined) throw recordNotFound(noun, found.uuid);
    const document = Object.fromEntries(noun.patchable.map((name) => [name, (locked as Record<string, unknown>)[name]])) as JsonObject;
    const values = await noun.fromPatch(call, applyPatch(document, operations), locked, { operations, trx });
    const changed = await noun.store.update(trx, locked.uuid, values);
    await noun.afterWrite?.(trx, changed);
    return changed;
  };
  const row = await whileLocked(() => db.transaction().execute(change));
  return ok(show(noun.table, row, call, pathOf(noun)(row)));
}

async function deleteRecord<Row extends { readonly uuid: string }>(call: Call, noun: RecordNoun<Row>): Promise<Answer> {
  const found = await findRecord(call, noun, `${noun.rule}:delete`);
  const { db } = call.context.database;
  await whileLocked(() =>
    db.transaction().execute(async (trx) => {
      await noun.beforeDelete?.(trx, found);
      await noun.store.remove(trx, found.uuid);
    }),
  );
  return noContent();
}

export function recordRoutes<Row extends { readonly uuid: string }>(
  noun: RecordNoun<Row>,
  detail: 'with-detail' | 'no-detail',
): BaremetalRoute[] {
  const gate = noun.since === undefined ? {} : { since: noun.since };
  const writeGate = noun.beforeWrite === undefined ? gate : { ...gate, before: noun.beforeWrite };
  const filters = [...PAGE_QUERY, ...(noun.filters ?? [])];
  const path = `/${noun.url}`;
  return [
    { method: 'GET', path, ...gate, query: [...filters, 'fields', 'detail'], handle: (call) => listRecords(call, noun, false) },
    ...(detail === 'with-detail'
      ? [{ method: 'GET', path: `${path}/detail`, ...gate, query: filters, handle: (call: Call) => listRecords(call, noun, true) } as const]
      : []),
    { method: 'POST', path, ...writeGate, handle: (call) => createRecord(call, noun) },
    { method: 'GET', path: `${path}/:ident`, ...gate, query: ['fields'], handle: (call) => showRecord(call, noun) },
    { method: 'PATCH', path: `${path}/:ident`, ...writeGate, handle: (call) => patchRecord(call, noun) },
    { method: 'DELETE', path: `${path}/:ident`, ...writeGate, handle: (call) => deleteRecord(call, noun) },
  ];
}

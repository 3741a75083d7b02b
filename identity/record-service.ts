import type { IdentityTables } from '../core/database/identity-tables.ts';
import { mergeExtra } from './extra-policy.ts';
import { conflict, notFound } from './identity-error.ts';
import type { IdentityContext, Reader, Writer } from './identity-context.ts';
import type { Selection } from './list-query-policy.ts';
import { recordStore, type Row } from './store/record-store.ts';
import { onUnique } from './store/unique-violation.ts';

/*
 * Nouns that are plain records: made, changed and deleted one at a time, with a check of what they point at. Users, projects
 * and roles have services of their own.
 */
export interface RecordKind {
  readonly table: keyof IdentityTables;
  /** In messages: `Could not find region: …`. */
  readonly noun: string;
  readonly columns: readonly string[];
  /** Columns that hold JSON; `extra` is one when callers may add attributes. */
  readonly json?: readonly string[];
  readonly takesExtra?: boolean;
  /** @throws IdentityError when it points at nothing, or would break a rule. */
  readonly check?: (trx: Writer, given: Row, before: StoredRecord | undefined) => Promise<void>;
  /** Before it is deleted. @throws IdentityError */
  readonly release?: (context: IdentityContext, trx: Writer, record: StoredRecord) => Promise<void>;
}

export type StoredRecord = Row & { readonly id: string; readonly extra?: Row };

const storeOf = (kind: RecordKind) => recordStore(kind.table, ['extra', ...(kind.json ?? [])]);

export const listRecords = (db: Reader, kind: RecordKind, selection?: Selection) => storeOf(kind).list<StoredRecord>(db, {}, selection);
export const findRecord = (db: Reader, kind: RecordKind, id: string) => storeOf(kind).find<StoredRecord>(db, { id });

export async function mustFindRecord(db: Reader, kind: RecordKind, id: string): Promise<StoredRecord> {
  const found = await findRecord(db, kind, id);
  if (found === undefined) throw notFound(kind.noun, id);
  return found;
}

function columnsOf(kind: RecordKind, given: Row, before?: StoredRecord): Row {
  const own = Object.fromEntries(kind.columns.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]));
  return kind.takesExtra ? { ...own, extra: mergeExtra(before?.extra ?? {}, given, ['id', 'links', ...kind.columns]) } : own;
}

export async function createRecord(context: IdentityContext, kind: RecordKind, id: string, given: Row): Promise<StoredRecord> {
  return context.write(async (trx) => {
    await kind.check?.(trx, given, undefined);
    await onUnique(storeOf(kind).insert(trx, { id, ...columnsOf(kind, given) }), () => conflict(kind.noun, `Duplicate ID, ${id}`));
    return mustFindRecord(trx, kind, id);
  });
}

export async function updateRecord(context: IdentityContext, kind: RecordKind, id: string, given: Row): Promise<StoredRecord> {
  return context.write(async (trx) => {
    const before = await mustFindRecord(trx, kind, id);
    await kind.check?.(trx, given, before);
    await storeOf(kind).update(trx, { id }, columnsOf(kind, given, before));
    return mustFindRecord(trx, kind, id);
  });
}

export async function deleteRecord(context: IdentityContext, kind: RecordKind, id: string): Promise<void> {
  await context.write(async (trx) => {
    const record = await mustFindRecord(trx, kind, id);
    await kind.release?.(context, trx, record);
    await storeOf(kind).remove(trx, { id });
  });
}

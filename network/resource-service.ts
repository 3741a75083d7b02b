import { NetworkError } from './network-error.ts';
import { inTransaction } from './mechanism/transaction.ts';
import { requireQuota } from './mechanism/quota-store.ts';
import { listRows, readRow, readRows, readRowText, type Db, type ListQuery, type Page } from './mechanism/row-read.ts';
import { deleteRow, insertRows, updateRow } from './mechanism/row-write.ts';
import type { NetworkActor, Resource, Row, Trx, Values } from './resource.ts';

/** What can be done with any noun. Who may is decided by the caller, before; what the actor can not see is not there. */
export { shownNames, type Db, type ListQuery, type Sort } from './mechanism/row-read.ts';
export { isTagFilter } from './mechanism/row-filter.ts';
export { inTransaction } from './mechanism/transaction.ts';

/** All or none: rows as this actor sees them, in the order of what was asked. */
export async function createRows(
  db: Db,
  actor: NetworkActor,
  resource: Resource,
  asked: readonly Values[],
  parentId?: string,
): Promise<Row[]> {
  return inTransaction(db, async (trx) => {
    const work = { trx, actor, parentId };
    if (resource.isCountedFirst === true) await requireQuota(trx, resource, asked, 'before');
    const ids = resource.create === undefined ? await insertRows(trx, resource, asked) : await resource.create(work, asked);
    const rows = await readRows(trx, actor, resource, ids, parentId);
    // Last: whoever creates beside us waits for these locks until we commit.
    await resource.settle?.(work, rows);
    if (resource.quota !== undefined && resource.isCountedFirst !== true) await requireQuota(trx, resource, asked, 'after');
    return rows;
  });
}

/** @throws the noun's own "not found" */
export async function mustShow(
  db: Db,
  actor: NetworkActor,
  resource: Resource,
  key: string,
  parentId?: string,
): Promise<{ readonly row: Row; readonly json: string }> {
  const found = await readRowText(db, actor, resource, key, { parentId });
  if (found === undefined) throw resource.notFound(key, parentId);
  return found;
}

export async function listOf(db: Db, actor: NetworkActor, resource: Resource, asked: ListQuery): Promise<Page> {
  if (resource.prepare !== undefined) await inTransaction(db, (trx) => resource.prepare!({ trx, actor }));
  return listRows(db, actor, resource, asked);
}

export interface Change {
  readonly key: string;
  readonly parentId?: string | undefined;
  /** The revision that the caller has seen (`If-Match`). */
  readonly revision?: number | undefined;
}

/** `decide` sees the locked row and may refuse. */
export async function updateOne(
  db: Db,
  actor: NetworkActor,
  resource: Resource,
  change: Change & { readonly values: Values },
  decide: (row: Row, trx: Trx) => Promise<void>,
): Promise<Row> {
  return inTransaction(db, async (trx) => {
    const row = await lockRow(trx, actor, resource, change);
    await decide(row, trx);
    requireRevision(row, change.revision);
    const id = row.id;
    if (resource.update === undefined) await updateRow(trx, resource, id, change.values);
    else await resource.update({ trx, actor, parentId: change.parentId }, row, change.values);
    return (await readRow(trx, actor.seesAll ? actor : { ...actor, seesAll: true }, resource, change.key, { parentId: change.parentId }))!;
  });
}

export async function deleteOne(
  db: Db,
  actor: NetworkActor,
  resource: Resource,
  change: Change,
  decide: (row: Row, trx: Trx) => Promise<void>,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const row = await lockRow(trx, actor, resource, change);
    await decide(row, trx);
    requireRevision(row, change.revision);
    if (resource.remove === undefined) await deleteRow(trx, resource, row.id);
    else await resource.remove({ trx, actor, parentId: change.parentId }, row);
  });
}

/** The row as an administrator sees it, when the actor sees it at all; nobody else changes it until the end. */
export const lockSeen = (trx: Trx, actor: NetworkActor, resource: Resource, key: string): Promise<Row> =>
  lockRow(trx, actor, resource, { key });

/** @throws the noun's own "not found" */
export async function seenRow(work: { readonly trx: Db; readonly actor: NetworkActor }, resource: Resource, key: string): Promise<Row> {
  const row = await readRow(work.trx, work.actor, resource, key);
  if (row === undefined) throw resource.notFound(key);
  return row;
}

async function lockRow(trx: Trx, actor: NetworkActor, resource: Resource, { key, parentId }: Change): Promise<Row> {
  const row = await readRow(trx, actor, resource, key, { parentId, lock: true });
  if (row === undefined) throw resource.notFound(key, parentId);
  return row;
}

export function requireRevision(row: Row, expected: number | undefined): void {
  if (expected !== undefined && row.revision_number !== expected)
    throw new NetworkError(
      412,
      'RevisionNumberConstraintFailed',
      `Constrained to ${expected}, but current revision is ${row.revision_number}`,
    );
}

/** A row whoever asks, seen from a project: for owners of parents and other facts that policies ask for. */
export const rowOf = (
  db: Db,
  resource: Resource,
  id: string,
  projectId: string | null,
  names: readonly string[],
): Promise<Row | undefined> => readRow(db, { projectId, seesAll: true }, resource, id, { names });

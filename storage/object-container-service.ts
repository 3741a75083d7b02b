import { sql } from 'kysely';
import { notFound, ObjectError } from './object-error.ts';
import type { Account, Container, Headers, ObjectStorage } from './object-storage.ts';
import { findAccount, findContainer, NOW_US } from './object-store.ts';

/** Accounts and containers. An account is there as soon as anything is said of it or put into it. */
const FOREIGN_KEY = '23503';

/** Header changes: null takes a header away. */
export type HeaderChanges = Readonly<Record<string, string | null>>;

export function changed(headers: Headers, changes: HeaderChanges): Headers {
  const all = Object.entries({ ...headers, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
}

async function makeAccount({ db }: ObjectStorage, name: string): Promise<Account> {
  await sql`insert into object_account (name, created_us) values (${name}, ${NOW_US}) on conflict do nothing`.execute(db);
  return (await findAccount(db, name))!;
}

/** `check` sees what would be there and refuses it by throwing. */
export async function updateAccount(
  storage: ObjectStorage,
  name: string,
  changes: HeaderChanges,
  check: (headers: Headers) => void,
): Promise<Account> {
  if ((await findAccount(storage.db, name)) === undefined) await makeAccount(storage, name);
  return storage.db.transaction().execute(async (trx) => {
    const locked = await trx
      .selectFrom('object_account')
      .select('headers')
      .where('name', '=', name)
      .forNoKeyUpdate()
      .executeTakeFirstOrThrow();
    const headers = changed(locked.headers, changes);
    check(headers);
    await trx
      .updateTable('object_account')
      .set({ headers: JSON.stringify(headers) })
      .where('name', '=', name)
      .execute();
    return (await findAccount(trx, name))!;
  });
}

/** Made when it is not there. @returns whether it was made */
export async function putContainer(
  storage: ObjectStorage,
  account: string,
  name: string,
  changes: HeaderChanges,
  check: (headers: Headers) => void,
): Promise<{ readonly container: Container; readonly isNew: boolean }> {
  const there = await findContainer(storage.db, account, name);
  if (there !== undefined) return { container: await updateContainer(storage, there, changes, check), isNew: false };
  const headers = changed({}, changes);
  check(headers);
  await makeAccount(storage, account);
  const { rows } = await sql`insert into object_container (account, name, created_us, changed_us, headers)
    values (${account}, ${name}, ${NOW_US}, ${NOW_US}, ${JSON.stringify(headers)}::jsonb) on conflict do nothing returning id`.execute(
    storage.db,
  );
  const container = await findContainer(storage.db, account, name);
  if (container === undefined) throw notFound();
  if (rows.length > 0) return { container, isNew: true };
  return { container: await updateContainer(storage, container, changes, check), isNew: false };
}

/** @throws ObjectError 404 */
export async function updateContainer(
  storage: ObjectStorage,
  { id }: Container,
  changes: HeaderChanges,
  check: (headers: Headers) => void,
): Promise<Container> {
  return storage.db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('object_container')
      .select(['account', 'name', 'headers'])
      .where('id', '=', id)
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (row === undefined) throw notFound();
    const headers = changed(row.headers, changes);
    check(headers);
    await trx
      .updateTable('object_container')
      .set({ headers: JSON.stringify(headers), changed_us: NOW_US })
      .where('id', '=', id)
      .execute();
    return (await findContainer(trx, row.account, row.name))!;
  });
}

/** @throws ObjectError 404, 409 while something is in it */
export async function deleteContainer({ db }: ObjectStorage, { id }: Container): Promise<void> {
  try {
    await db.transaction().execute(async (trx) => {
      // What expired and was not swept yet is nothing that a client could remove.
      await sql`delete from object_item where container_id = ${id} and delete_at <= extract(epoch from clock_timestamp())`.execute(trx);
      const { numDeletedRows } = await trx.deleteFrom('object_container').where('id', '=', id).executeTakeFirst();
      if (numDeletedRows === 0n) throw notFound();
    });
  } catch (error) {
    if ((error as { code?: string }).code === FOREIGN_KEY)
      throw new ObjectError(409, 'There was a conflict when trying to complete your request.');
    throw error;
  }
}

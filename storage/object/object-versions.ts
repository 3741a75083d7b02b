import { sql } from 'kysely';
import { ObjectError } from '../object-error.ts';
import type { Container, Item, Trx } from '../object-storage.ts';
import { findContainer, ITEM, NOW_US } from '../object-store.ts';
import { afterPrefix } from './name-range-policy.ts';

/*
 * Versions in another container (Swift's "Object Versioning", legacy modes). `x-versions-location`: a stack, a DELETE brings the version before back.
 * `x-history-location`: all that ever was, deletions too. The caller holds the container's row, so that versions come one after the other.
 */
interface Versioning {
  readonly mode: 'stack' | 'history';
  readonly location: string;
}

export const DELETE_MARKER_TYPE = 'application/x-deleted;swift_versions_deleted=1';

export function versioningOf({ headers }: Container): Versioning | undefined {
  const { 'x-versions-location': stack, 'x-history-location': history } = headers;
  if (stack !== undefined) return { mode: 'stack', location: stack };
  return history === undefined ? undefined : { mode: 'history', location: history };
}

/** `008photo.j/`: the length keeps the versions of one name from those of a longer one. */
const versionPrefix = (name: string): string => `${Buffer.byteLength(name).toString(16).padStart(3, '0')}${name}/`;
const stamp = (us: number): string =>
  `${Math.floor(us / 1e6)
    .toString()
    .padStart(10, '0')}.${String(Math.floor((us % 1e6) / 10)).padStart(5, '0')}`;

async function archiveOf(trx: Trx, container: Container): Promise<Container> {
  const { location } = versioningOf(container)!;
  const archive = await findContainer(trx, container.account, location);
  if (archive === undefined) throw new ObjectError(412, `The container ${location} for the versions does not exist.`);
  return archive;
}

async function moveAway(trx: Trx, container: Container, archive: Container, name: string): Promise<Item | undefined> {
  const find = sql<{ modifiedUs: number; expired: boolean }>`select modified_us as "modifiedUs",
      coalesce(delete_at <= extract(epoch from clock_timestamp()), false) as expired
    from object_item where container_id = ${container.id} and name = ${name} for update`;
  const [there] = (await find.execute(trx)).rows;
  if (there === undefined || there.expired) return undefined;
  const moved =
    await sql<Item>`update object_item i set container_id = ${archive.id}, name = ${versionPrefix(name) + stamp(there.modifiedUs)}
    where i.container_id = ${container.id} and i.name = ${name} returning ${ITEM}`.execute(trx);
  return moved.rows[0];
}

/** What is there under the name moves away. @throws ObjectError 412 */
export async function versionBeforePut(trx: Trx, container: Container, name: string): Promise<void> {
  await moveAway(trx, container, await archiveOf(trx, container), name);
}

/** The item that the DELETE took away, when this was all there is to do; undefined: it is to be deleted plainly. */
export async function versionBeforeDelete(trx: Trx, container: Container, name: string): Promise<Item | undefined> {
  const archive = await archiveOf(trx, container);
  if (versioningOf(container)!.mode === 'history') {
    const moved = await moveAway(trx, container, archive, name);
    if (moved !== undefined) await addDeleteMarker(trx, archive, name);
    return moved;
  }
  return bringBack(trx, container, archive, name);
}

async function addDeleteMarker(trx: Trx, archive: Container, name: string): Promise<void> {
  const [{ us }] = (await sql<{ us: number }>`select ${NOW_US} as us`.execute(trx)).rows as [{ us: number }];
  await sql`insert into object_item (container_id, name, size, etag, content_type, modified_us)
    values (${archive.id}, ${versionPrefix(name) + stamp(us)}, 0, 'd41d8cd98f00b204e9800998ecf8427e', ${DELETE_MARKER_TYPE}, ${us})`.execute(
    trx,
  );
}

async function bringBack(trx: Trx, container: Container, archive: Container, name: string): Promise<Item | undefined> {
  const prefix = versionPrefix(name);
  const last = sql<{ name: string }>`select name from object_item where container_id = ${archive.id} and name >= ${prefix}
    and name < ${afterPrefix(prefix)} and content_type <> ${DELETE_MARKER_TYPE} order by name desc limit 1 for update`;
  const [version] = (await last.execute(trx)).rows;
  if (version === undefined) return undefined;
  const gone =
    await sql<Item>`delete from object_item i where i.container_id = ${container.id} and i.name = ${name} returning ${ITEM}`.execute(trx);
  if (gone.rows[0] === undefined) return undefined;
  await sql`update object_item set container_id = ${container.id}, name = ${name} where container_id = ${archive.id} and name = ${version.name}`.execute(
    trx,
  );
  return gone.rows[0];
}

import { sql, type Selectable } from 'kysely';
import type { AggregateTable } from '../core/database/compute-tables.ts';
import { badRequest, conflict, notFound } from './compute-error.ts';
import type { Db } from './placement-provider-service.ts';
import { findHost } from './host-service.ts';

/** Hosts with something in common; one with `availability_zone` in its metadata makes the zone. */
export type Aggregate = Selectable<AggregateTable> & { readonly hosts: readonly string[] };

const ZONE = 'availability_zone';
const UNIQUE_VIOLATION = '23505';
const noAggregate = (id: string | number) => notFound(`Aggregate ${id} could not be found.`);
const withHosts = sql<string[]>`array(select h.host from aggregate_host h where h.aggregate_id = aggregate.id order by h.host)`.as('hosts');

const taken = (name: string) => (error: { code?: string }) => {
  throw error.code === UNIQUE_VIOLATION ? conflict(`Aggregate ${name} already exists.`) : error;
};

export const listAggregates = (db: Db): Promise<Aggregate[]> =>
  db.selectFrom('aggregate').selectAll().select(withHosts).orderBy('id').execute();

/** @throws ComputeError 404 */
export async function readAggregate(db: Db, id: string): Promise<Aggregate> {
  const found = /^\d{1,15}$/.test(id)
    ? await db.selectFrom('aggregate').selectAll().select(withHosts).where('id', '=', Number(id)).executeTakeFirst()
    : undefined;
  if (found === undefined) throw noAggregate(id);
  return found;
}

export async function createAggregate(db: Db, name: string, zone: string | null): Promise<Aggregate> {
  const metadata = JSON.stringify(zone === null ? {} : { [ZONE]: zone });
  const made = await db.insertInto('aggregate').values({ name, metadata }).returningAll().executeTakeFirstOrThrow().catch(taken(name));
  return { ...made, hosts: [] };
}

/** @throws ComputeError 400 when a host would be in two zones */
export async function changeAggregate(
  db: Db,
  id: string,
  change: { readonly name?: string; readonly metadata?: Readonly<Record<string, string | null>> },
): Promise<Aggregate> {
  const before = await readAggregate(db, id);
  const metadata = Object.fromEntries(
    Object.entries({ ...before.metadata, ...change.metadata }).filter((entry): entry is [string, string] => entry[1] !== null),
  );
  if (metadata[ZONE] !== undefined) for (const host of before.hosts) await requireOneZone(db, host, metadata[ZONE], before.id);
  await db
    .updateTable('aggregate')
    .set({ metadata: JSON.stringify(metadata), ...(change.name === undefined ? {} : { name: change.name }), updated_at: new Date() })
    .where('id', '=', before.id)
    .execute()
    .catch(taken(change.name ?? before.name));
  return readAggregate(db, id);
}

async function requireOneZone(db: Db, host: string, zone: string, except: number): Promise<void> {
  const other = await db
    .selectFrom('aggregate')
    .innerJoin('aggregate_host as h', 'h.aggregate_id', 'aggregate.id')
    .select('aggregate.id')
    .where('h.host', '=', host)
    .where('aggregate.id', '!=', except)
    .where(sql<boolean>`metadata ->> ${ZONE} <> ${zone}`)
    .executeTakeFirst();
  if (other !== undefined)
    throw conflict(
      `Cannot add host to aggregate ${except}. Reason: One or more hosts already in availability zone(s) of aggregate ${other.id}.`,
    );
}

/** @throws ComputeError 404, 409 */
export async function addHost(db: Db, id: string, name: string): Promise<Aggregate> {
  const aggregate = await readAggregate(db, id);
  const host = await findHost(db, name);
  if (host === undefined) throw notFound(`Compute host ${name} could not be found.`);
  if (aggregate.hosts.includes(host.host))
    throw conflict(`Cannot add host ${name} to aggregate ${id}: Aggregate ${id} already has host ${name}.`);
  const zone = (aggregate.metadata as Record<string, string>)[ZONE];
  if (zone !== undefined) await requireOneZone(db, host.host, zone, aggregate.id);
  await db.insertInto('aggregate_host').values({ aggregate_id: aggregate.id, host: host.host }).execute();
  return touched(db, aggregate.id);
}

export async function removeHost(db: Db, id: string, name: string): Promise<Aggregate> {
  const aggregate = await readAggregate(db, id);
  const host = (await findHost(db, name))?.host ?? name;
  if (!aggregate.hosts.includes(host))
    throw notFound(`Cannot remove host ${name} from aggregate ${id}: Aggregate ${id} has no host ${name}.`);
  await db.deleteFrom('aggregate_host').where('aggregate_id', '=', aggregate.id).where('host', '=', host).execute();
  return touched(db, aggregate.id);
}

async function touched(db: Db, id: number): Promise<Aggregate> {
  await db.updateTable('aggregate').set({ updated_at: new Date() }).where('id', '=', id).execute();
  return readAggregate(db, String(id));
}

/** @throws ComputeError 400 while it has hosts */
export async function deleteAggregate(db: Db, id: string): Promise<void> {
  const aggregate = await readAggregate(db, id);
  if (aggregate.hosts.length > 0)
    throw badRequest(`Cannot remove host aggregate ${id}: Aggregate ${id} still has hosts: remove them first.`);
  await db.deleteFrom('aggregate').where('id', '=', aggregate.id).execute();
}

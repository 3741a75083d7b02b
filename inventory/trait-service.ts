import { sql } from 'kysely';
import { InventoryError, type Db, type Trx } from './node-record.ts';

/** Traits of a node: what it can do, for the choice of nodes. */
/** Ironic's limit. */
export const TRAITS_MAX = 50;

export async function listTraits(db: Db, nodeUuid: string): Promise<string[]> {
  const rows = await db.selectFrom('node_trait').select('trait').where('node_uuid', '=', nodeUuid).orderBy('trait').execute();
  return rows.map((row) => row.trait);
}

/** @throws 400 when it becomes too many. */
export async function addTrait(trx: Trx, nodeUuid: string, trait: string): Promise<void> {
  await lockTraits(trx, nodeUuid);
  const has = await listTraits(trx, nodeUuid);
  if (has.includes(trait)) return;
  requireFew(nodeUuid, has.length + 1);
  await trx.insertInto('node_trait').values({ node_uuid: nodeUuid, trait }).execute();
}

/** @throws 400 when they are too many. */
export async function setTraits(trx: Trx, nodeUuid: string, traits: readonly string[]): Promise<void> {
  const wanted = [...new Set(traits)];
  requireFew(nodeUuid, wanted.length);
  await lockTraits(trx, nodeUuid);
  await trx.deleteFrom('node_trait').where('node_uuid', '=', nodeUuid).execute();
  if (wanted.length > 0)
    await trx
      .insertInto('node_trait')
      .values(wanted.map((trait) => ({ node_uuid: nodeUuid, trait })))
      .execute();
}

/** @throws 404 when the node does not have it. */
export async function removeTrait(trx: Trx, nodeUuid: string, trait: string): Promise<void> {
  const { numDeletedRows } = await trx
    .deleteFrom('node_trait')
    .where('node_uuid', '=', nodeUuid)
    .where('trait', '=', trait)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw new InventoryError(404, `Node ${nodeUuid} doesn't have a trait '${trait}'`);
}

/** Two additions at once must not both see room for one. */
const lockTraits = (trx: Trx, nodeUuid: string) => sql`select 1 from node where uuid = ${nodeUuid} for update`.execute(trx);

function requireFew(nodeUuid: string, count: number): void {
  if (count > TRAITS_MAX)
    throw new InventoryError(400, `Node ${nodeUuid} can not have more than ${TRAITS_MAX} traits, but ${count} were requested.`);
}

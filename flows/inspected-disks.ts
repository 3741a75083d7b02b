import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import type { Inventory, InventoryDisk } from '../deploy-agent/protocol.ts';

/** The disks of the newest inspection; empty before the first. */
export async function readInspectedDisks(db: Kysely<DatabaseSchema>, nodeUuid: string): Promise<readonly InventoryDisk[]> {
  const row = await db
    .selectFrom('inspection')
    .select('document')
    .where('node_uuid', '=', nodeUuid)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? [] : (row.document as unknown as Inventory).disks;
}

import { sql } from 'kysely';
import type { Db } from './placement-provider-service.ts';

/** Host's UUID → its servers. */
export async function serversOn(
  db: Db,
  hosts: readonly string[],
): Promise<ReadonlyMap<string, readonly { readonly uuid: string; readonly name: string }[]>> {
  const { rows } = await sql<{ node_uuid: string; uuid: string; name: string }>`
    select node_uuid, uuid, name from server where node_uuid = any(${hosts}::uuid[]) and deleted_at is null order by seq`.execute(db);
  return Map.groupBy(
    rows.map(({ node_uuid, uuid, name }) => ({ node_uuid, uuid, name })),
    (row) => row.node_uuid,
  ) as never;
}

import { sql, type Selectable } from 'kysely';
import type { ServerGroupTable } from '../core/database/compute-tables.ts';
import { forbidden, notFound } from './compute-error.ts';
import { projectQuotas } from './compute-quota-service.ts';
import { isUuid, type Db } from './placement-provider-service.ts';

/** Servers that want to be on the same host, or on different ones. */
export type ServerGroup = Selectable<ServerGroupTable> & { readonly members: readonly string[] };
export type GroupPolicy = 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';

const noGroup = (id: string) => notFound(`Instance group ${id} could not be found.`);
const members = sql<
  string[]
>`array(select s.uuid from server s where s.group_uuid = server_group.uuid and s.deleted_at is null order by s.seq)`.as('members');

interface GroupDraft {
  readonly projectId: string;
  readonly userId: string;
  readonly name: string;
  readonly policy: GroupPolicy;
  readonly rules: Readonly<Record<string, number>>;
}

/** @throws ComputeError 403 over quota */
export async function createServerGroup(db: Db, { projectId, userId, name, policy, rules }: GroupDraft): Promise<ServerGroup> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`server groups of ${projectId}`}, 0))`.execute(trx);
    const { server_groups: most } = await projectQuotas(trx, projectId, userId);
    if (most >= 0 && (await countGroups(trx, projectId)) >= most) throw forbidden('Quota exceeded, too many server groups.');
    const made = await trx
      .insertInto('server_group')
      .values({ project_id: projectId, user_id: userId, name, policy, rules: JSON.stringify(rules) })
      .returningAll()
      .executeTakeFirstOrThrow();
    return { ...made, members: [] };
  });
}

export const countGroups = async (db: Db, projectId: string): Promise<number> =>
  Number(
    (
      await db
        .selectFrom('server_group')
        .select(sql<number>`count(*)`.as('count'))
        .where('project_id', '=', projectId)
        .executeTakeFirstOrThrow()
    ).count,
  );

/** @param projectId undefined: of any project. @throws ComputeError 404 */
export async function readServerGroup(db: Db, id: string, projectId: string | null | undefined): Promise<ServerGroup> {
  let query = db.selectFrom('server_group').selectAll().select(members).where('uuid', '=', id);
  if (projectId !== undefined) query = query.where('project_id', '=', projectId);
  const row = isUuid(id) ? await query.executeTakeFirst() : undefined;
  if (row === undefined) throw noGroup(id);
  return row;
}

export async function listServerGroups(
  db: Db,
  projectId: string | null | undefined,
  page: { readonly limit: number; readonly offset: number },
): Promise<ServerGroup[]> {
  let query = db.selectFrom('server_group').selectAll().select(members);
  if (projectId !== undefined) query = query.where('project_id', '=', projectId);
  return query.orderBy('seq').limit(page.limit).offset(page.offset).execute();
}

export async function deleteServerGroup(db: Db, id: string): Promise<void> {
  const { numDeletedRows } = await db.deleteFrom('server_group').where('uuid', '=', id).executeTakeFirstOrThrow();
  if (numDeletedRows === 0n) throw noGroup(id);
}

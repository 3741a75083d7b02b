import { sql } from 'kysely';
import type { Db } from './placement-provider-service.ts';

/** How long servers were there within a period, whatever has become of them. */
export interface ServerUsage {
  readonly uuid: string;
  readonly name: string;
  readonly project_id: string;
  readonly flavor: string;
  readonly memory_mb: number;
  readonly local_gb: number;
  readonly vcpus: number;
  readonly state: string;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  /** Within the period. */
  readonly hours: number;
  readonly uptime: number;
}

/** A server that never ran took nothing. */
export async function readUsage(db: Db, period: { start: Date; end: Date }, projectId?: string): Promise<ServerUsage[]> {
  const { start, end } = period;
  const { rows } = await sql<ServerUsage>`
    select uuid, name, project_id, flavor ->> 'name' as flavor, (flavor ->> 'ram')::int as memory_mb,
      (flavor ->> 'disk')::int + (flavor ->> 'ephemeral')::int as local_gb, (flavor ->> 'vcpus')::int as vcpus,
      case when deleted_at is null then state else 'terminated' end as state, launched_at as started_at, terminated_at as ended_at,
      greatest(0, extract(epoch from least(coalesce(terminated_at, now()), ${end}) - greatest(launched_at, ${start})) / 3600)::float8 as hours,
      extract(epoch from coalesce(terminated_at, now()) - launched_at)::bigint as uptime
    from server where launched_at is not null and launched_at < ${end} and (terminated_at is null or terminated_at > ${start})
      ${projectId === undefined ? sql`` : sql`and project_id = ${projectId}`}
    order by project_id, seq`.execute(db);
  return rows;
}

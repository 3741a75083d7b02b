import { sql } from 'kysely';
import { ImageError } from './image-error.ts';
import type { Db, Trx } from './image-record.ts';

/*
 * What a project may have of images, by Glance's names of unified limits. Counts are exact; sizes are looked at before bytes come, whose number nobody knows then: one upload may go
 * over, the next one is refused.
 */
export const IMAGE_QUOTAS = ['image_size_total', 'image_stage_total', 'image_count_total', 'image_count_uploading'] as const;
export type ImageQuota = (typeof IMAGE_QUOTAS)[number];
export type ImageLimits = ReadonlyMap<string, number>;

/** Of sizes; as in Glance. */
const MIB = 2 ** 20;

export async function imageUsage(db: Db | Trx, owner: string): Promise<Readonly<Record<ImageQuota, number>>> {
  const { rows } = await sql<{ size: number; staged: number; count: number; uploading: number }>`
    select coalesce(sum(size) filter (where status in ('active', 'deactivated')), 0)::float8 as size,
      coalesce(sum(size) filter (where status in ('uploading', 'importing')), 0)::float8 as staged,
      count(*)::int as count, count(*) filter (where status in ('saving', 'uploading', 'importing'))::int as uploading
    from image where owner = ${owner}`.execute(db);
  const { size, staged, count, uploading } = rows[0]!;
  return {
    image_size_total: Math.ceil(size / MIB),
    image_stage_total: Math.ceil(staged / MIB),
    image_count_total: count,
    image_count_uploading: uploading,
  };
}

/**
 * Whether the project may have this much more. In the transaction that takes it: whoever else asks for the same project waits for its end.
 * @throws ImageError 413
 */
export async function requireRoom(
  trx: Trx,
  owner: string,
  limits: ImageLimits,
  deltas: Partial<Readonly<Record<ImageQuota, number>>>,
): Promise<void> {
  if (Object.keys(deltas).every((name) => !limits.has(name))) return;
  await sql`select pg_advisory_xact_lock(hashtextextended(${`image-quota:${owner}`}, 0))`.execute(trx);
  const usage = await imageUsage(trx, owner);
  for (const [name, delta] of Object.entries(deltas)) {
    const limit = limits.get(name);
    const used = usage[name as ImageQuota];
    if (limit === undefined || used + delta <= limit) continue;
    throw new ImageError(
      413,
      `Request Entity Too Large: Project ${owner} is over a limit for [Resource ${name} is over limit of ${limit} due to current usage ${used} and delta ${delta}]`,
    );
  }
}

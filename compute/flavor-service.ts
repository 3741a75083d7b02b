import { sql, type Selectable } from 'kysely';
import type { FlavorTable } from '../core/database/compute-tables.ts';
import { conflict, notFound } from './compute-error.ts';
import type { Db } from './placement-provider-service.ts';

/** Sizes and kinds of servers. Extra specs say what a scheduler looks for: `resources:CUSTOM_METAL`, `trait:…`. */
export type Flavor = Selectable<FlavorTable>;

export interface FlavorDraft {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly ram: number;
  readonly vcpus: number;
  readonly disk: number;
  readonly ephemeral: number;
  readonly swap: number;
  readonly rxtx_factor: number;
  readonly is_public: boolean;
}

const noFlavor = (id: string) => notFound(`Flavor ${id} could not be found.`);
const UNIQUE_VIOLATION = '23505';

/** Which flavors a project sees; undefined: all. */
export type FlavorEyes = string | null | undefined;

export const createFlavor = (db: Db, draft: FlavorDraft): Promise<Flavor> =>
  db
    .insertInto('flavor')
    .values(draft)
    .returningAll()
    .executeTakeFirstOrThrow()
    .catch((error: { code?: string; constraint?: string }) => {
      if (error.code !== UNIQUE_VIOLATION) throw error;
      throw conflict(
        error.constraint === 'flavor_name'
          ? `Flavor with name ${draft.name} already exists.`
          : `Flavor with ID ${draft.id} already exists.`,
      );
    });

const seenBy = (project: FlavorEyes) =>
  project === undefined
    ? sql<boolean>`true`
    : sql<boolean>`(flavor.is_public or exists (select from flavor_access a where a.flavor_id = flavor.id and a.project_id = ${project}))`;

/** @throws ComputeError 404, also for what the project does not see */
export async function readFlavor(db: Db, id: string, project: FlavorEyes): Promise<Flavor> {
  const row = await db.selectFrom('flavor').selectAll().where('id', '=', id).where(seenBy(project)).executeTakeFirst();
  if (row === undefined) throw noFlavor(id);
  return row;
}

export interface FlavorQuery {
  readonly project: FlavorEyes;
  /** Undefined: both. */
  readonly isPublic: boolean | undefined;
  readonly minRam: number;
  readonly minDisk: number;
  readonly sort: { readonly column: FlavorSortColumn; readonly descending: boolean };
  readonly limit: number;
  readonly marker: string | undefined;
}
export const FLAVOR_SORT_COLUMNS = {
  created_at: 'created_at',
  description: 'description',
  disabled: 'seq',
  ephemeral_gb: 'ephemeral',
  flavorid: 'id',
  id: 'seq',
  is_public: 'is_public',
  memory_mb: 'ram',
  name: 'name',
  root_gb: 'disk',
  rxtx_factor: 'rxtx_factor',
  swap: 'swap',
  updated_at: 'updated_at',
  vcpu_weight: 'seq',
  vcpus: 'vcpus',
} as const satisfies Readonly<Record<string, keyof FlavorTable>>;
export type FlavorSortColumn = (typeof FLAVOR_SORT_COLUMNS)[keyof typeof FLAVOR_SORT_COLUMNS];

const NULLABLE: ReadonlySet<FlavorSortColumn> = new Set(['description', 'updated_at']);
const orderOf = (column: FlavorSortColumn) =>
  NULLABLE.has(column) ? sql`coalesce(flavor.${sql.ref(column)}::text, '')` : sql`flavor.${sql.ref(column)}`;

/** @throws ComputeError 404 for a marker that is not there */
export async function listFlavors(db: Db, asked: FlavorQuery): Promise<Flavor[]> {
  const { column, descending } = asked.sort;
  let query = db
    .selectFrom('flavor')
    .selectAll()
    .where(seenBy(asked.project))
    .where('ram', '>=', asked.minRam)
    .where('disk', '>=', asked.minDisk);
  if (asked.isPublic !== undefined) query = query.where('is_public', '=', asked.isPublic);
  if (asked.marker !== undefined) {
    const known = await db.selectFrom('flavor').select('seq').where('id', '=', asked.marker).executeTakeFirst();
    if (known === undefined) throw noFlavor(asked.marker);
    const own = sql`${orderOf(column)}, flavor.seq`;
    const after = sql.raw(descending ? '<' : '>');
    query = query.where(sql<boolean>`(${own}) ${after} (select ${own} from flavor where seq = ${known.seq})`);
  }
  return query
    .orderBy(orderOf(column), descending ? 'desc' : 'asc')
    .orderBy('seq', descending ? 'desc' : 'asc')
    .limit(asked.limit)
    .execute();
}

export async function describeFlavor(db: Db, id: string, description: string | null): Promise<Flavor> {
  const row = await db
    .updateTable('flavor')
    .set({ description, updated_at: new Date() })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw noFlavor(id);
  return row;
}

export async function deleteFlavor(db: Db, id: string): Promise<void> {
  const { numDeletedRows } = await db.deleteFrom('flavor').where('id', '=', id).executeTakeFirstOrThrow();
  if (numDeletedRows === 0n) throw noFlavor(id);
}

/** @param change null: the key goes. */
export async function changeExtraSpecs(
  db: Db,
  id: string,
  change: Readonly<Record<string, string | null>>,
): Promise<Readonly<Record<string, string>>> {
  const removed = Object.entries(change).flatMap(([key, value]) => (value === null ? [key] : []));
  const kept = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null));
  const row = await db
    .updateTable('flavor')
    .set({ extra_specs: sql`(extra_specs - ${removed}::text[]) || ${JSON.stringify(kept)}::jsonb` as never, updated_at: new Date() })
    .where('id', '=', id)
    .returning('extra_specs')
    .executeTakeFirst();
  if (row === undefined) throw noFlavor(id);
  return row.extra_specs;
}

export const flavorProjects = async (db: Db, id: string): Promise<string[]> =>
  (await db.selectFrom('flavor_access').select('project_id').where('flavor_id', '=', id).orderBy('project_id').execute()).map(
    (row) => row.project_id,
  );

/** @throws ComputeError 409 when it has it already */
export async function grantFlavor(db: Db, id: string, project: string): Promise<void> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('flavor_access')
    .values({ flavor_id: id, project_id: project })
    .onConflict((on) => on.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) throw conflict(`Flavor access already exists for flavor ${id} and project ${project} combination.`);
}

/** @throws ComputeError 404 when it has none */
export async function revokeFlavor(db: Db, id: string, project: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('flavor_access')
    .where('flavor_id', '=', id)
    .where('project_id', '=', project)
    .executeTakeFirstOrThrow();
  if (numDeletedRows === 0n) throw notFound(`Flavor access not found for ${id} / ${project} combination.`);
}

import { sql } from 'kysely';
import { isTrait, STANDARD_TRAITS } from '../core/base/trait-names.ts';
import { PlacementError } from './placement-error.ts';
import type { Db } from './placement-provider-service.ts';

/** Resource classes and traits: the names that placement speaks in. Standard ones can not be changed or removed. */
export interface NameRow {
  readonly name: string;
  readonly updatedAt: Date;
}

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
const codeOf = (error: unknown) => (error as { code?: string }).code;
const toRow = ({ name, updated_at: updatedAt }: { name: string; updated_at: Date }): NameRow => ({ name, updatedAt });

export async function listClasses(db: Db): Promise<NameRow[]> {
  return (await db.selectFrom('placement_resource_class').select(['name', 'updated_at']).orderBy('seq').execute()).map(toRow);
}

/** @throws PlacementError 404 */
export async function getClass(db: Db, name: string): Promise<NameRow> {
  const row = await db.selectFrom('placement_resource_class').select(['name', 'updated_at']).where('name', '=', name).executeTakeFirst();
  if (row === undefined) throw new PlacementError(404, `No such resource class ${name}.`);
  return toRow(row);
}

/** Whether it was made now. */
export async function ensureClass(db: Db, name: string): Promise<boolean> {
  const made = await db
    .insertInto('placement_resource_class')
    .values({ name })
    .onConflict((on) => on.doNothing())
    .executeTakeFirst();
  return made.numInsertedOrUpdatedRows === 1n;
}

/** @throws PlacementError 400, 404, 409 */
export async function renameClass(db: Db, from: string, to: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await refuseStandardClass(trx, from, 'update');
    // Its holders are read again by everybody who keeps a picture.
    await sql`update placement_provider set changed = pg_current_xact_id()
      where uuid in (select provider_uuid from placement_inventory where resource_class = ${from})`.execute(trx);
    await trx
      .updateTable('placement_resource_class')
      .set({ name: to, updated_at: sql`now()` })
      .where('name', '=', from)
      .execute()
      .catch((error: unknown) => {
        if (codeOf(error) === UNIQUE_VIOLATION) throw new PlacementError(409, `Resource class already exists: ${to}`);
        throw error;
      });
  });
}

/** @throws PlacementError 400, 404, 409 */
export async function deleteClass(db: Db, name: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await refuseStandardClass(trx, name, 'delete');
    await trx
      .deleteFrom('placement_resource_class')
      .where('name', '=', name)
      .execute()
      .catch((error: unknown) => {
        if (codeOf(error) === FOREIGN_KEY_VIOLATION)
          throw new PlacementError(
            409,
            `Error in delete resource class: Cannot delete resource class ${name}. Class is in use in inventory.`,
          );
        throw error;
      });
  });
}

async function refuseStandardClass(db: Db, name: string, verb: 'update' | 'delete'): Promise<void> {
  const row = await db.selectFrom('placement_resource_class').select('is_standard').where('name', '=', name).forUpdate().executeTakeFirst();
  if (row === undefined) throw new PlacementError(404, `No such resource class ${name}.`);
  if (row.is_standard) throw new PlacementError(400, `Cannot ${verb} standard resource class ${name}`);
}

export interface TraitFilter {
  readonly names?: readonly string[];
  readonly prefix?: string;
  readonly associated?: boolean;
}

/** When the list of standard traits came with this program, for want of a better date of theirs. */
const STANDARD_SINCE = new Date();

export async function listTraits(db: Db, { names, prefix, associated }: TraitFilter): Promise<NameRow[]> {
  const used = sql<boolean>`exists (select from placement_provider_trait t where t.trait = placement_trait.name)`;
  const rows = await db
    .selectFrom('placement_trait')
    .select(['name', 'updated_at', used.as('used')])
    .execute();
  const usedNames = new Set(rows.filter((row) => row.used).map((row) => row.name));
  const all = new Map<string, Date>([...STANDARD_TRAITS].map((name) => [name, STANDARD_SINCE]));
  for (const row of rows) all.set(row.name, row.updated_at);
  return [...all]
    .filter(
      ([name]) =>
        (names === undefined || names.includes(name)) &&
        (prefix === undefined || name.startsWith(prefix)) &&
        (associated === undefined || usedNames.has(name) === associated),
    )
    .map(([name, updatedAt]) => ({ name, updatedAt }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** @throws PlacementError 404 */
export async function getTrait(db: Db, name: string): Promise<NameRow> {
  const row = await db.selectFrom('placement_trait').select(['name', 'updated_at']).where('name', '=', name).executeTakeFirst();
  if (row !== undefined) return toRow(row);
  if (STANDARD_TRAITS.has(name)) return { name, updatedAt: STANDARD_SINCE };
  throw new PlacementError(404, `No such trait ${name}.`);
}

/** Whether it was made now. @throws PlacementError 400 */
export async function ensureTrait(db: Db, name: string): Promise<boolean> {
  if (!isTrait(name) || STANDARD_TRAITS.has(name))
    throw new PlacementError(
      400,
      `The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"`,
    );
  const made = await db
    .insertInto('placement_trait')
    .values({ name })
    .onConflict((on) => on.doNothing())
    .executeTakeFirst();
  return made.numInsertedOrUpdatedRows === 1n;
}

/** @throws PlacementError 400, 404, 409 */
export async function deleteTrait(db: Db, name: string): Promise<void> {
  if (STANDARD_TRAITS.has(name)) throw new PlacementError(400, `Cannot delete standard trait ${name}.`);
  const { numDeletedRows } = await db
    .deleteFrom('placement_trait')
    .where('name', '=', name)
    .executeTakeFirst()
    .catch((error: unknown) => {
      if (codeOf(error) === FOREIGN_KEY_VIOLATION) throw new PlacementError(409, `The trait ${name} is in use by a resource provider.`);
      throw error;
    });
  if (numDeletedRows === 0n) throw new PlacementError(404, `No such trait ${name}.`);
}

/** Of these, the ones that are no traits at all. */
export async function unknownTraits(db: Db, names: readonly string[]): Promise<string[]> {
  const custom = names.filter((name) => !STANDARD_TRAITS.has(name));
  if (custom.length === 0) return [];
  const rows = await db.selectFrom('placement_trait').select('name').where('name', 'in', custom).execute();
  return custom.filter((name) => !rows.some((row) => row.name === name));
}

/** Of these, the ones that are no resource classes at all. */
export async function unknownClasses(db: Db, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await db.selectFrom('placement_resource_class').select('name').where('name', 'in', names).execute();
  return names.filter((name) => !rows.some((row) => row.name === name));
}

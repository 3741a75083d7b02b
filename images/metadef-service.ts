import { sql, type Insertable, type Selectable } from 'kysely';
import type { ImageTables } from '../core/database/image-tables.ts';
import { ImageError } from './image-error.ts';
import type { Db } from './image-record.ts';

/*
 * The catalog of metadata definitions: namespaces with objects, properties, tags, and the resource types that they apply to. What hangs on a
 * namespace goes with it. A name that is taken is 409, one that is not there 404, a protected one 403.
 */
export type MetadefNamespace = Selectable<ImageTables['metadef_namespace']>;
export type MetadefAssociation = Selectable<ImageTables['metadef_association']>;
type Part = 'metadef_object' | 'metadef_property' | 'metadef_tag';
export type MetadefPart<Table extends Part> = Selectable<ImageTables[Table]>;

const NOUN: Readonly<Record<Part, string>> = { metadef_object: 'object', metadef_property: 'property', metadef_tag: 'tag' };
const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
const codeOf = (error: unknown) => (error as { code?: string }).code;
const noNamespace = (namespace: string) => new ImageError(404, `The metadata definition namespace=${namespace} was not found.`);

export async function createNamespace(db: Db, values: Insertable<ImageTables['metadef_namespace']>): Promise<MetadefNamespace> {
  const row = await db
    .insertInto('metadef_namespace')
    .values(values)
    .onConflict((on) => on.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new ImageError(409, `The metadata definition namespace=${values.namespace} already exists.`);
  return row;
}

/** Undefined project: everybody's. @throws ImageError 404, also for one that may not be seen */
export async function getNamespace(db: Db, namespace: string, projectId: string | null | undefined): Promise<MetadefNamespace> {
  const row = await db.selectFrom('metadef_namespace').selectAll().where('namespace', '=', namespace).executeTakeFirst();
  if (row === undefined || (projectId !== undefined && row.visibility !== 'public' && row.owner !== projectId))
    throw noNamespace(namespace);
  return row;
}

export interface NamespaceFilter {
  readonly projectId: string | null | undefined;
  readonly visibility?: string;
  readonly resourceTypes?: readonly string[];
  readonly marker?: string;
  readonly limit: number;
  readonly sortKey: 'created_at' | 'updated_at' | 'namespace';
  readonly descending: boolean;
}

/** @throws ImageError 404 for a marker that is not there */
export async function listNamespaces(db: Db, filter: NamespaceFilter): Promise<MetadefNamespace[]> {
  let query = db.selectFrom('metadef_namespace').selectAll();
  if (filter.projectId !== undefined)
    query = query.where((where) => where.or([where('visibility', '=', 'public'), where('owner', '=', filter.projectId ?? '')]));
  if (filter.visibility !== undefined) query = query.where('visibility', '=', filter.visibility);
  if (filter.resourceTypes !== undefined)
    query = query.where(
      'namespace',
      'in',
      db.selectFrom('metadef_association').select('namespace').where('resource_type', 'in', filter.resourceTypes),
    );
  const rows = await query
    .orderBy(filter.sortKey, filter.descending ? 'desc' : 'asc')
    .orderBy('seq', filter.descending ? 'desc' : 'asc')
    .execute();
  const at = filter.marker === undefined ? -1 : rows.findIndex((row) => row.namespace === filter.marker);
  if (filter.marker !== undefined && at === -1) throw noNamespace(filter.marker);
  return rows.slice(at + 1, at + 1 + filter.limit);
}

export async function updateNamespace(
  db: Db,
  namespace: string,
  values: Omit<Partial<Insertable<ImageTables['metadef_namespace']>>, 'created_at' | 'updated_at' | 'seq'>,
): Promise<MetadefNamespace> {
  const row = await db
    .updateTable('metadef_namespace')
    .set({ ...values, updated_at: sql`now()` })
    .where('namespace', '=', namespace)
    .returningAll()
    .executeTakeFirst()
    .catch((error: unknown) => {
      if (codeOf(error) === UNIQUE_VIOLATION)
        throw new ImageError(409, `The metadata definition namespace=${values.namespace} already exists.`);
      throw error;
    });
  if (row === undefined) throw noNamespace(namespace);
  return row;
}

/** @throws ImageError 403, 404 */
export async function deleteNamespace(db: Db, namespace: string): Promise<void> {
  const row = await getNamespace(db, namespace, undefined);
  requireUnprotected(row);
  await db.deleteFrom('metadef_namespace').where('namespace', '=', namespace).execute();
}

export function requireUnprotected({ namespace, protected: isProtected }: MetadefNamespace): void {
  if (isProtected) throw new ImageError(403, `Metadata definition namespace ${namespace} is protected and cannot be deleted.`);
}

export async function listParts<Table extends Part>(db: Db, table: Table, namespace: string): Promise<MetadefPart<Table>[]> {
  const rows = await db
    .selectFrom(table as Part)
    .selectAll()
    .where('namespace', '=', namespace)
    .orderBy('seq', 'desc')
    .execute();
  return rows as MetadefPart<Table>[];
}

/** @throws ImageError 404 */
export async function getPart<Table extends Part>(db: Db, table: Table, namespace: string, name: string): Promise<MetadefPart<Table>> {
  const row = await db
    .selectFrom(table as Part)
    .selectAll()
    .where('namespace', '=', namespace)
    .where('name', '=', name)
    .executeTakeFirst();
  if (row === undefined)
    throw new ImageError(404, `The metadata definition ${NOUN[table]} with name=${name} was not found in namespace=${namespace}.`);
  return row as MetadefPart<Table>;
}

/** @throws ImageError 409 */
export async function createPart<Table extends Part>(
  db: Db,
  table: Table,
  values: Insertable<ImageTables[Table]> & { name: string; namespace: string },
): Promise<MetadefPart<Table>> {
  const row = await db
    .insertInto(table as 'metadef_tag')
    .values(values as Insertable<ImageTables['metadef_tag']>)
    .onConflict((on) => on.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined)
    throw new ImageError(
      409,
      `A metadata definition ${NOUN[table]} with name=${values.name} already exists in namespace=${values.namespace}.`,
    );
  return row as unknown as MetadefPart<Table>;
}

/** @throws ImageError 404, 409 */
export async function updatePart<Table extends Part>(
  db: Db,
  table: Table,
  namespace: string,
  name: string,
  values: object,
): Promise<MetadefPart<Table>> {
  const row = await db
    .updateTable(table as 'metadef_tag')
    .set({ ...values, updated_at: sql`now()` })
    .where('namespace', '=', namespace)
    .where('name', '=', name)
    .returningAll()
    .executeTakeFirst()
    .catch((error: unknown) => {
      if (codeOf(error) === UNIQUE_VIOLATION)
        throw new ImageError(409, `A metadata definition ${NOUN[table]} of that name already exists in namespace=${namespace}.`);
      throw error;
    });
  if (row === undefined)
    throw new ImageError(404, `The metadata definition ${NOUN[table]} with name=${name} was not found in namespace=${namespace}.`);
  return row as unknown as MetadefPart<Table>;
}

/** One, or all. @throws ImageError 404 */
export async function deleteParts(db: Db, table: Part, namespace: string, name?: string): Promise<void> {
  if (name !== undefined) await getPart(db, table, namespace, name);
  let query = db.deleteFrom(table).where('namespace', '=', namespace);
  if (name !== undefined) query = query.where('name', '=', name);
  await query.execute();
}

export async function listResourceTypes(db: Db): Promise<Selectable<ImageTables['metadef_resource_type']>[]> {
  return db.selectFrom('metadef_resource_type').selectAll().orderBy('name').execute();
}

export async function listAssociations(db: Db, namespaces: readonly string[]): Promise<MetadefAssociation[]> {
  if (namespaces.length === 0) return [];
  return db.selectFrom('metadef_association').selectAll().where('namespace', 'in', namespaces).orderBy('created_at').execute();
}

/** The resource type is made when it is new. */
export async function addAssociation(db: Db, values: Insertable<ImageTables['metadef_association']>): Promise<MetadefAssociation> {
  await db
    .insertInto('metadef_resource_type')
    .values({ name: values.resource_type, protected: false })
    .onConflict((on) => on.doNothing())
    .execute();
  const row = await db
    .insertInto('metadef_association')
    .values(values)
    .onConflict((on) => on.doNothing())
    .returningAll()
    .executeTakeFirst()
    .catch((error: unknown) => {
      if (codeOf(error) === FOREIGN_KEY_VIOLATION) throw noNamespace(values.namespace);
      throw error;
    });
  if (row === undefined)
    throw new ImageError(
      409,
      `The metadata definition resource-type association of resource-type=${values.resource_type} to namespace=${values.namespace} already exists.`,
    );
  return row;
}

/** @throws ImageError 404 */
export async function removeAssociation(db: Db, namespace: string, resourceType: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('metadef_association')
    .where('namespace', '=', namespace)
    .where('resource_type', '=', resourceType)
    .executeTakeFirst();
  if (numDeletedRows === 0n)
    throw new ImageError(
      404,
      `The metadata definition resource-type association of resource-type=${resourceType} to namespace=${namespace}, was not found.`,
    );
}

import { sql, type Selectable } from 'kysely';
import type { ImageTables } from '../core/database/image-tables.ts';
import { ImageError } from './image-error.ts';
import type { Db } from './image-record.ts';

/** Projects that an image is shared with. */
export type ImageMember = Selectable<ImageTables['image_member']>;

const missing = (member: string, id: string) => new ImageError(404, `${member} not found in the member list of the image ${id}.`);

export async function listMembers(db: Db, imageId: string): Promise<ImageMember[]> {
  return db.selectFrom('image_member').selectAll().where('image_id', '=', imageId).orderBy('created_at').execute();
}

/** @throws ImageError 404 */
export async function getMember(db: Db, imageId: string, member: string): Promise<ImageMember> {
  const row = await db
    .selectFrom('image_member')
    .selectAll()
    .where('image_id', '=', imageId)
    .where('member', '=', member)
    .executeTakeFirst();
  if (row === undefined) throw missing(member, imageId);
  return row;
}

/** @throws ImageError 409 when it is one */
export async function addMember(db: Db, imageId: string, member: string): Promise<ImageMember> {
  const row = await db
    .insertInto('image_member')
    .values({ image_id: imageId, member })
    .onConflict((on) => on.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw new ImageError(409, `Member ${member} is duplicated for image ${imageId}`);
  return row;
}

/** @throws ImageError 404 */
export async function setMemberStatus(db: Db, imageId: string, member: string, status: string): Promise<ImageMember> {
  const row = await db
    .updateTable('image_member')
    .set({ status, updated_at: sql`now()` })
    .where('image_id', '=', imageId)
    .where('member', '=', member)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw missing(member, imageId);
  return row;
}

/** @throws ImageError 404 */
export async function removeMember(db: Db, imageId: string, member: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('image_member')
    .where('image_id', '=', imageId)
    .where('member', '=', member)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw missing(member, imageId);
}

/** Whether the image was shared with the project. */
export async function isMember(db: Db, imageId: string, projectId: string | null): Promise<boolean> {
  if (projectId === null) return false;
  const row = await db
    .selectFrom('image_member')
    .select('member')
    .where('image_id', '=', imageId)
    .where('member', '=', projectId)
    .executeTakeFirst();
  return row !== undefined;
}

import { badRequest, notFound } from './network-error.ts';
import { query } from './mechanism/statement.ts';
import type { Resource, Row, Trx } from './resource.ts';

/** Tags of any noun that has some. */
const TAG_LENGTH_MAX = 255;
const TAGS_MAX = 50;

export function readTag(value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw badRequest(`Invalid input for tag. Reason: '${String(value)}' is not a valid string.`);
  if (value.length > TAG_LENGTH_MAX)
    throw badRequest(`Invalid input for tag. Reason: '${value}' exceeds maximum length of ${TAG_LENGTH_MAX}.`);
  return value;
}

export function readTags(value: unknown): string[] {
  if (!Array.isArray(value)) throw badRequest(`Invalid input for tags. Reason: '${JSON.stringify(value)}' is not a list.`);
  return [...new Set(value.map(readTag))];
}

export async function writeTags(trx: Trx, resource: Resource, row: Row, tags: readonly string[]): Promise<void> {
  if (tags.length > TAGS_MAX) throw badRequest(`The number of tags exceed the per-resource limit of ${TAGS_MAX}`);
  await query(
    trx,
    `update ${resource.table} set tags = $2, revision_number = revision_number + 1, updated_at = now() where id = $1 and tags is distinct from $2`,
    [row.id, tags],
  );
}

export const tagNotFound = (tag: string) => notFound('TagNotFound', `Tag ${tag} could not be found.`);

import { listFiles } from './object/object-files.ts';
import type { Db } from './object-storage.ts';

/**
 * Files that no row knows, and rows whose file is not there. Rows are read before and after the files: what came or went meanwhile is nobody's
 * fault, and so is a file younger than `settlingMs`.
 */
export async function compareObjectFiles(db: Db, directory: string, settlingMs: number): Promise<string[]> {
  const known = async () => new Set((await db.selectFrom('object_blob').select('id').execute()).map(({ id }) => id));
  const before = await known();
  const settled = await listFiles(directory, settlingMs);
  const present = new Set(await listFiles(directory, 0));
  const after = await known();
  return [
    ...settled.filter((id) => !before.has(id) && !after.has(id)).map((id) => `${id}: a file without a row`),
    ...[...before].filter((id) => after.has(id) && !present.has(id)).map((id) => `${id}: a row without a file`),
  ];
}

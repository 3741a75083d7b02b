import type { NetworkActor, Resource, Row, Work } from '../resource.ts';
import { readRow } from './row-read.ts';

/** A row that a request names: it has to be there for whoever asks. @throws the noun's "not found" */
export async function mustSee(
  work: Work,
  resource: Resource,
  id: unknown,
  options: { lock?: true; names?: readonly string[] } = {},
): Promise<Row> {
  const row = await readRow(work.trx, work.actor, resource, String(id), options);
  if (row === undefined) throw resource.notFound(String(id));
  return row;
}

/** Whoever asks: for rows that follow from one that is seen. */
export const ANYONE: NetworkActor = { projectId: null, seesAll: true };
export const asAnyone = (work: Work): Work => ({ trx: work.trx, actor: ANYONE });

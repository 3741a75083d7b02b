import { sql } from 'kysely';
import type { PowerState } from '../bmc/capability.ts';
import type { Db, Trx } from './node-record.ts';
import { lockNode } from './node-store.ts';
import { powerWord, setMaintenance, setPowerState } from './node-service.ts';

/*
 * What a look at the BMC means. A BMC that does not answer puts its node into maintenance with the fault `power failure`;
 * the first answer ends exactly that maintenance. A node whose flow switches power right now is left to the flow.
 */
export const POWER_FAULT = 'power failure';

export async function acceptPowerSighting(trx: Trx, uuid: string, sighting: { state: PowerState } | { error: string }): Promise<void> {
  const node = await lockNode(trx, uuid);
  if (node === undefined || node.target_power_state !== null) return;
  if ('error' in sighting) {
    if (!node.maintenance) await setMaintenance(trx, uuid, true, `The BMC does not answer: ${sighting.error}`, POWER_FAULT);
    return;
  }
  if (node.fault === POWER_FAULT) await setMaintenance(trx, uuid, false, null, null);
  if (node.power_state !== powerWord(sighting.state)) await setPowerState(trx, uuid, sighting.state);
}

export type PowerSighting = { readonly state: PowerState } | { readonly error: string };

/**
 * Of these, the ones that tell something new: a reading that is what the node's row says already is worth no transaction, and nearly all are. One statement for any
 * number; `acceptPowerSighting` looks again under the row's lock.
 */
export async function newsOf(db: Db, sightings: ReadonlyMap<string, PowerSighting>): Promise<string[]> {
  const seen = [...sightings].map(([uuid, sighting]) => ({ uuid, state: 'state' in sighting ? powerWord(sighting.state) : null }));
  const { rows } = await sql<{ uuid: string }>`
    select n.uuid from jsonb_to_recordset(${JSON.stringify(seen)}::jsonb) as s (uuid uuid, state text) join node n on n.uuid = s.uuid
    where n.target_power_state is null
      and case when s.state is null then not n.maintenance else n.power_state is distinct from s.state or n.fault = ${POWER_FAULT} end`.execute(
    db,
  );
  return rows.map(({ uuid }) => uuid);
}

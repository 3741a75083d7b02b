import type { PowerState } from '../bmc/capability.ts';
import type { Trx } from './node-record.ts';
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

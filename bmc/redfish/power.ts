import { BmcError, type BmcConnection, type PowerAction, type PowerState } from '../capability.ts';
import type { JsonObject } from '../../core/base/json.ts';
import { textAt } from './json-codec.ts';
import { resetTypeFor } from './redfish-boot-codec.ts';
import type { RedfishTree } from './redfish-tree.ts';

export const RESET_ACTION = '#ComputerSystem.Reset';

export function redfishPower(tree: RedfishTree): Pick<BmcConnection, 'powerState' | 'setPower'> {
  const powerOf = (system: JsonObject): PowerState => {
    const state = textAt(system, 'PowerState');
    // "PoweringOn" is not off any more, "PoweringOff" not off yet.
    if (state === 'Off') return 'off';
    if (state === undefined) throw new BmcError('protocol', `${tree.address.host}: the BMC does not tell the power state`, 'Try IPMI.');
    return 'on';
  };
  return {
    powerState: async (signal) => powerOf(await tree.system(signal)),
    async setPower(action, signal) {
      const system = await tree.system(signal);
      const state = powerOf(system);
      if (state === 'off' && (action === 'off' || action === 'soft-off')) return;
      if (state === 'on' && action === 'on') return;
      const wanted: PowerAction = state === 'off' ? 'on' : action;
      const reset = await tree.action(system, RESET_ACTION, 'ResetType', signal);
      if (!reset) throw tree.missing('reset action');
      const type = resetTypeFor(wanted, reset.allowableValues);
      if (!type) throw tree.missing(`reset type for "${wanted}"`);
      await tree.http.post(reset.target, { ResetType: type }, signal);
    },
  };
}

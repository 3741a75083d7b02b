import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { DCMI_COMMAND, DCMI_GROUP, encodePowerReading } from '../../../bmc/ipmi/dcmi-power-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import { wattsOf } from '../state/sensor-table.ts';
import type { CommandTable } from './command-handler.ts';

/** DCMI 1.5: its capabilities and power reading. An emulated machine draws the same power all the time. */
const PERIOD_MS = 1_000;
const SUPPORTED_CAPABILITIES = 1;

export const dcmiCommands: CommandTable = {
  [DCMI_COMMAND.capabilities]: {
    privilege: PRIVILEGE.user,
    bytesMin: 2,
    // conformance 1.5, parameter revision 2; power management, and access in band and over the LAN
    run: (_bmc, data) =>
      data[0] === DCMI_GROUP && data[1] === SUPPORTED_CAPABILITIES
        ? Buffer.from([DCMI_GROUP, 1, 5, 2, 0, 1, 0x07])
        : COMPLETION.parameterOutOfRange,
  },
  [DCMI_COMMAND.powerReading]: {
    privilege: PRIVILEGE.user,
    bytesMin: 4,
    run(bmc, data) {
      if (data[0] !== DCMI_GROUP) return COMPLETION.invalidField;
      const watts = wattsOf(bmc);
      const power = { watts, minimumWatts: watts, maximumWatts: watts, averageWatts: watts, isActive: true };
      return encodePowerReading(power, bmc.eventLog.nowSeconds(), PERIOD_MS);
    },
  },
};

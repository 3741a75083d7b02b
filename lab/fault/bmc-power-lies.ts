import type { Fault } from './fault.ts';

export const bmcPowerLies: Fault = {
  name: 'bmc-power-lies',
  part: 'bmc',
  does: 'a BMC answers power commands with success and obeys 3 to 8 seconds later',
  expects: 'every machine still reaches its goal',
  bmc: { powerDelayMs: [3_000, 8_000] },
  counters: { bmc: ['powerDelayMs'] },
};

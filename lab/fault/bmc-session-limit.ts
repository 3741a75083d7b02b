import type { Fault } from './fault.ts';

export const bmcSessionLimit: Fault = {
  name: 'bmc-session-limit',
  part: 'bmc',
  does: 'other tools hold a BMC’s sessions: half of all new ones are refused',
  expects: 'every machine still reaches its goal',
  bmc: { sessionRefusal: 0.5 },
  counters: { bmc: ['sessionRefusal'] },
};

import type { Fault } from './fault.ts';

export const bmcSlow: Fault = {
  name: 'bmc-slow',
  part: 'bmc',
  does: 'every answer of a BMC takes 0.3 to 1.5 seconds',
  expects: 'every machine still reaches its goal',
  bmc: { answerDelayMs: [300, 1_500] },
  counters: { bmc: ['answerDelayMs'] },
};

import type { Fault } from './fault.ts';

export const networkDuplicates: Fault = {
  name: 'network-duplicates',
  part: 'switch',
  does: 'the switch sends a fifth of the datagrams and 2 % of the TCP segments twice',
  expects: 'every machine still reaches its goal',
  frames: { duplicate: { datagram: 0.2, stream: 0.02 } },
  counters: { frames: ['duplicate'] },
};

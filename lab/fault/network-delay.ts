import type { Fault } from './fault.ts';

export const networkDelay: Fault = {
  name: 'network-delay',
  part: 'switch',
  does: 'a third of the datagrams and 0.5 % of the TCP segments come late and out of order',
  expects: 'every machine still reaches its goal',
  frames: { delay: { datagram: 0.3, stream: 0.005, ms: [5, 120] } },
  counters: { frames: ['delay'] },
};

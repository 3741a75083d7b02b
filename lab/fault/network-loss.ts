import type { Fault } from './fault.ts';

export const networkLoss: Fault = {
  name: 'network-loss',
  part: 'switch',
  does: 'the switch loses 8 % of the datagrams (DHCP, TFTP, ARP) and 0.2 % of the TCP segments',
  expects: 'every machine still reaches its goal',
  frames: { loss: { datagram: 0.08, stream: 0.002 } },
  counters: { frames: ['loss'] },
};

import type { Fault } from './fault.ts';

export const bmcDropsPackets: Fault = {
  name: 'bmc-drops-packets',
  part: 'bmc',
  does: 'a fifth of all packets to and from a BMC is lost, Redfish connections break',
  expects: 'every machine still reaches its goal',
  bmc: { packetLoss: 0.2 },
  counters: { bmc: ['packetLoss'] },
};

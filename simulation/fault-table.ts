/**
 * What can go wrong with a simulated machine, its BMC, its network and the processes that serve it. `diagnosis` names the rule of
 * `inventory/diagnosis-rule-table.ts` by which `explain` knows it again, from what a real installation has: never from here.
 */
export interface SimulatedFault {
  readonly name: string;
  readonly part: 'bmc' | 'network' | 'machine' | 'disk' | 'agent' | 'control plane' | 'operator';
  readonly does: string;
  readonly diagnosis: string;
  /** From when on it acts in its one run of the catalogue: the start, or the state in which the machine is then. */
  readonly from?: 'manageable' | 'available';
  /** Seconds that it lasts in that run; without: to the end. */
  readonly forSeconds?: number;
  /** Not for seeds: nothing would come of the machine, whatever is tried. */
  readonly neverEnds?: true;
}

export const SIMULATED_FAULTS: readonly SimulatedFault[] = [
  { name: 'bmc-slow', part: 'bmc', does: 'every answer of a BMC takes 4 to 12 seconds', diagnosis: 'bmc-slow' },
  {
    name: 'bmc-drops-packets',
    part: 'bmc',
    does: 'a third of all requests to a BMC, or their answers, is lost',
    diagnosis: 'bmc-drops-packets',
  },
  { name: 'bmc-unreachable', part: 'bmc', does: 'a BMC answers nothing at all', diagnosis: 'bmc-unreachable' },
  {
    name: 'bmc-session-limit',
    part: 'bmc',
    does: 'other tools hold a BMC’s sessions: most new ones are refused',
    diagnosis: 'bmc-session-limit',
  },
  {
    name: 'bmc-power-lies',
    part: 'bmc',
    does: 'a BMC answers power commands with success and obeys 3 to 40 seconds later',
    diagnosis: 'bmc-power-lies',
  },
  {
    name: 'bmc-ignores-power',
    part: 'bmc',
    does: 'a BMC answers power commands with success and never obeys',
    diagnosis: 'bmc-power-lies',
  },
  {
    name: 'bmc-forgets-boot-device',
    part: 'bmc',
    does: 'a BMC accepts a boot device and forgets it',
    diagnosis: 'bmc-forgets-boot-device',
    from: 'available',
  },
  { name: 'bmc-vendor-odd', part: 'bmc', does: 'a BMC gives answers that no specification knows', diagnosis: 'bmc-vendor-odd' },
  { name: 'wrong-bmc-password', part: 'operator', does: 'the password of a BMC is not the right one', diagnosis: 'bmc-credentials' },
  {
    name: 'network-loss',
    part: 'network',
    does: 'a third of all DHCP packets, and some of TFTP and HTTP, is lost',
    diagnosis: 'network-loss',
  },
  { name: 'network-duplicates', part: 'network', does: 'most DHCP packets arrive twice', diagnosis: 'network-duplicates' },
  { name: 'network-delay', part: 'network', does: 'each DHCP packet is on its way for more than a second', diagnosis: 'network-delay' },
  { name: 'network-reorder', part: 'network', does: 'DHCP packets overtake each other by seconds', diagnosis: 'network-reorder' },
  { name: 'http-cut', part: 'network', does: 'downloads of kernel and ramdisk break off in the middle', diagnosis: 'http-cut' },
  { name: 'rogue-dhcp', part: 'network', does: 'a second DHCP server answers first', diagnosis: 'rogue-dhcp' },
  { name: 'malformed-packets', part: 'network', does: 'damaged DHCP packets arrive between the good ones', diagnosis: 'malformed-packets' },
  { name: 'nic-no-link', part: 'machine', does: 'the cable of the boot NIC is out', diagnosis: 'nic-no-link', from: 'manageable' },
  {
    name: 'nic-wrong-vlan',
    part: 'machine',
    does: 'the switch port is in a VLAN without a boot server',
    diagnosis: 'nic-wrong-vlan',
    from: 'manageable',
  },
  {
    name: 'nic-wrong-network',
    part: 'machine',
    does: 'the NIC is on a network that the boot server has no subnet for',
    diagnosis: 'nic-wrong-network',
    from: 'manageable',
  },
  {
    name: 'nic-wrong-port',
    part: 'machine',
    does: 'the cable is in another switch port than before',
    diagnosis: 'nic-wrong-port',
    from: 'available',
  },
  {
    name: 'unknown-architecture',
    part: 'machine',
    does: 'the firmware is of an architecture that no boot file is there for',
    diagnosis: 'unknown-architecture',
  },
  { name: 'hang-firmware', part: 'machine', does: 'the machine hangs in its self-test', diagnosis: 'hang-firmware', from: 'manageable' },
  { name: 'hang-loader', part: 'machine', does: 'the machine hangs in its network boot', diagnosis: 'hang-loader', from: 'manageable' },
  { name: 'hang-kernel', part: 'machine', does: 'the kernel hangs', diagnosis: 'hang-kernel', from: 'manageable' },
  {
    name: 'hang-ramdisk',
    part: 'machine',
    does: 'the ramdisk hangs before its agent calls',
    diagnosis: 'hang-ramdisk',
    from: 'manageable',
  },
  { name: 'kernel-panic', part: 'machine', does: 'the kernel panics', diagnosis: 'console-kernel-panic', from: 'manageable' },
  {
    name: 'agent-killed',
    part: 'agent',
    does: 'the agent is killed in the midst of a write',
    diagnosis: 'agent-killed',
    from: 'available',
  },
  {
    name: 'disk-bad-sectors',
    part: 'disk',
    does: 'the disk has sectors that can not be written',
    diagnosis: 'disk-bad-sectors',
    from: 'available',
  },
  {
    name: 'disk-slow',
    part: 'disk',
    does: 'the disk writes twenty times slower than it should',
    diagnosis: 'disk-slow',
    from: 'available',
  },
  { name: 'disk-vanished', part: 'disk', does: 'the disk is not there any more', diagnosis: 'disk-vanished', from: 'available' },
  {
    name: 'disk-lost-while-writing',
    part: 'disk',
    does: 'the disk vanishes while it is written',
    diagnosis: 'disk-vanished',
    from: 'available',
  },
  { name: 'disk-too-small', part: 'operator', does: 'the image is bigger than the disk', diagnosis: 'disk-too-small', neverEnds: true },
  {
    name: 'bad-checksum',
    part: 'operator',
    does: 'the image is registered with another checksum than it has',
    diagnosis: 'image-checksum',
    neverEnds: true,
  },
  {
    name: 'short-download',
    part: 'control plane',
    does: 'half of the image file is missing on the boot server',
    diagnosis: 'image-short',
    from: 'available',
  },
  {
    name: 'full-disk',
    part: 'control plane',
    does: 'the boot server’s disk is full: no lease can be written',
    diagnosis: 'boot-server-disk-full',
    forSeconds: 300,
  },
  {
    name: 'kill-control-plane',
    part: 'control plane',
    does: 'control planes are killed between any two statements',
    diagnosis: 'control-plane-killed',
  },
  { name: 'kill-database', part: 'control plane', does: 'the database is killed between any two statements', diagnosis: 'database-lost' },
  {
    name: 'kill-boot-server',
    part: 'control plane',
    does: 'the boot server is killed again and again',
    diagnosis: 'boot-server-restarted',
  },
];

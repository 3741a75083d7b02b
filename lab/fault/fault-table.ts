import { badChecksum } from './bad-checksum.ts';
import { bmcDropsPackets } from './bmc-drops-packets.ts';
import { bmcForgetsBootDevice } from './bmc-forgets-boot-device.ts';
import { bmcPowerLies } from './bmc-power-lies.ts';
import { bmcSessionLimit } from './bmc-session-limit.ts';
import { bmcSlow } from './bmc-slow.ts';
import { diskBadSectors } from './disk-bad-sectors.ts';
import { diskLostWhileWriting } from './disk-lost-while-writing.ts';
import { diskSlow } from './disk-slow.ts';
import { diskTooSmall } from './disk-too-small.ts';
import { diskVanished } from './disk-vanished.ts';
import type { Fault } from './fault.ts';
import { fullDisk } from './full-disk.ts';
import { killControlPlane } from './kill-control-plane.ts';
import { malformedPackets } from './malformed-packets.ts';
import { networkDelay } from './network-delay.ts';
import { networkDuplicates } from './network-duplicates.ts';
import { networkLoss } from './network-loss.ts';
import { nicWrongPort } from './nic-wrong-port.ts';
import { nicWrongVlan } from './nic-wrong-vlan.ts';
import { shortDownload } from './short-download.ts';
import { unknownArchitecture } from './unknown-architecture.ts';
import { wrongBmcPassword } from './wrong-bmc-password.ts';

/** Every fault that `lab --fault` knows, in the order of the help. */
export const FAULTS: readonly Fault[] = [
  killControlPlane,
  fullDisk,
  bmcSlow,
  bmcDropsPackets,
  bmcSessionLimit,
  bmcForgetsBootDevice,
  bmcPowerLies,
  networkLoss,
  networkDuplicates,
  networkDelay,
  malformedPackets,
  unknownArchitecture,
  wrongBmcPassword,
  badChecksum,
  shortDownload,
  diskTooSmall,
  diskBadSectors,
  diskVanished,
  diskLostWhileWriting,
  diskSlow,
  nicWrongVlan,
  nicWrongPort,
];

import { decodeDeviceId, getDeviceId } from './device-codec.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';

/*
 * What BMCs of a maker do over IPMI in their own way and no answer of theirs shows. All else is met as it comes: ways of making codes (`rakp-variant-codec`), steps of boot
 * options, sizes of pieces, channels, consoles that have to be switched on, clocks, sums (docs/bmc.md lists them).
 */
export interface IpmiHabits {
  readonly maker: string;
  /** The device code that boots the disk of a UEFI system, in place of the standard's. */
  readonly uefiDisk?: 'remote-media';
}

interface MakerRow extends IpmiHabits {
  /** IANA enterprise numbers in the answer to Get Device ID. */
  readonly numbers: readonly number[];
  readonly because: string;
}

const ROWS: readonly MakerRow[] = [
  {
    maker: 'Supermicro',
    numbers: [10876, 47488],
    uefiDisk: 'remote-media',
    because:
      'with UEFI, "disk" means the legacy list of disks and starts nothing; "primary remote media" starts the boot manager’s first disk',
  },
];

const GENERIC: IpmiHabits = { maker: 'generic' };
export const habitsOfMaker = (manufacturerId: number): IpmiHabits =>
  ROWS.find(({ numbers }) => numbers.includes(manufacturerId)) ?? GENERIC;

/** Asked once: who made a BMC does not change while we know it. */
export async function habitsOf(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<IpmiHabits> {
  endpoint.memory.manufacturerId ??= (await endpoint.ask(getDeviceId, decodeDeviceId, signal)).manufacturerId;
  return habitsOfMaker(endpoint.memory.manufacturerId);
}

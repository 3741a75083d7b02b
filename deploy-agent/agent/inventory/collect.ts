import type { Clock } from '../../../core/base/clock.ts';
import type { Inventory } from '../../protocol.ts';
import type { BmcDevice } from '../bmc/bmc-device.ts';
import { readBmcLan } from '../bmc/bmc-lan.ts';
import type { LogLine } from '../control/log-shipper.ts';
import type { Disks } from '../disks/disk.ts';
import type { Firmware } from '../firmware/firmware.ts';
import { describeBoot } from './boot.ts';
import { describeCpu, describeNuma } from './cpu.ts';
import { describeNics } from './nics.ts';
import { describePci } from './pci.ts';
import { describeMemory, describeSystem, readSmbios } from './system.ts';
import { describeTpm } from './tpm.ts';

export interface InventorySources {
  readonly clock: Clock;
  readonly log: LogLine;
  readonly disks: Disks;
  readonly firmware: Firmware;
  readonly openBmc: () => Promise<BmcDevice | undefined>;
}

async function describeBmc(sources: InventorySources): Promise<Inventory['bmc']> {
  const bmc = await sources.openBmc();
  try {
    return bmc && (await readBmcLan(bmc));
  } catch (error) {
    sources.log('warning', `the BMC is not telling about itself: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    bmc?.close();
  }
}

/** All of the machine at once; waiting for the switches and the BMC overlaps. */
export async function collectInventory(sources: InventorySources): Promise<Inventory> {
  const structures = readSmbios();
  const [nics, bmc, disks] = await Promise.all([describeNics(sources.clock), describeBmc(sources), sources.disks.list()]);
  const tpm = describeTpm();
  return {
    system: describeSystem(structures),
    boot: describeBoot(sources.firmware),
    cpu: describeCpu(),
    numaNodes: describeNuma(),
    memory: describeMemory(structures),
    pci: describePci(),
    disks,
    nics,
    ...(bmc ? { bmc } : {}),
    ...(tpm ? { tpm } : {}),
  };
}

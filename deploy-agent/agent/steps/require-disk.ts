import type { InventoryDisk, PlannedDisk } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import type { Disks } from '../disks/disk.ts';
import { findPlannedDisk } from '../disks/planned-disk-policy.ts';

/** The one way to a disk that may be written: the guard. */
export async function requirePlannedDisk(disks: Disks, planned: unknown): Promise<InventoryDisk> {
  const found = findPlannedDisk(await disks.list(), planned as PlannedDisk);
  if ('code' in found) throw new AgentFailure(found.code, found.message);
  return found.disk;
}

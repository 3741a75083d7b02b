import type { JsonObject } from '../../core/base/json.ts';
import type { InventoryDisk } from '../../deploy-agent/protocol.ts';
import { readInspectedDisks } from '../inspected-disks.ts';
import type { NodeFlowServices } from '../node-flow-services.ts';

const toPlannedDisk = (disk: InventoryDisk): JsonObject => ({
  serial: disk.serial!,
  sizeBytes: disk.sizeBytes,
  ...(disk.wwn === undefined ? {} : { wwn: disk.wwn }),
});

type Services = Pick<NodeFlowServices, 'db'>;

/** Every disk that the last inspection saw and that can be told from others. */
export async function allPlannedDisks(services: Services, nodeUuid: string): Promise<JsonObject[]> {
  const disks = await readInspectedDisks(services.db, nodeUuid);
  return disks.filter((disk) => disk.serial !== undefined).map(toPlannedDisk);
}

/** The same without members of arrays: what is done to an array is done to them. */
export async function plannedDisks(services: Services, nodeUuid: string): Promise<JsonObject[]> {
  const disks = await readInspectedDisks(services.db, nodeUuid);
  return disks.filter((disk) => disk.serial !== undefined && disk.memberOf === undefined).map(toPlannedDisk);
}

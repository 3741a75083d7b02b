import type { JsonObject } from '../../core/base/json.ts';
import type { InventoryDisk } from '../../deploy-agent/protocol.ts';
import { readInspectedDisks } from '../inspected-disks.ts';
import type { NodeFlowServices } from '../node-flow-services.ts';

const toPlannedDisk = (disk: InventoryDisk): JsonObject => ({
  serial: disk.serial!,
  sizeBytes: disk.sizeBytes,
  ...(disk.wwn === undefined ? {} : { wwn: disk.wwn }),
});

/** Every disk that the last inspection saw and that can be told from others. */
export async function plannedDisks(services: Pick<NodeFlowServices, 'db'>, nodeUuid: string): Promise<JsonObject[]> {
  const disks = await readInspectedDisks(services.db, nodeUuid);
  return disks.filter((disk) => disk.serial !== undefined).map(toPlannedDisk);
}

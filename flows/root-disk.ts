import type { JsonObject } from '../core/base/json.ts';
import type { InventoryDisk } from '../deploy-agent/protocol.ts';
import { chooseRootDevice } from '../deploy-agent/root-device-policy.ts';
import type { NodeRecord } from '../inventory/node-record.ts';

/** The disk of the instance as a planned disk, by the hints of the instance, else of the node. */
export function chooseDisk(
  disks: readonly InventoryDisk[],
  node: Pick<NodeRecord, 'properties' | 'instance_info'>,
): { readonly disk: JsonObject } | { readonly error: string } {
  const hintsOf = (of: object) => (of as JsonObject)['root_device'] as JsonObject | undefined;
  const choice = chooseRootDevice(disks, { ...hintsOf(node.properties), ...hintsOf(node.instance_info) });
  if ('error' in choice) return choice;
  const { serial, sizeBytes, wwn } = choice.disk;
  return { disk: { serial: serial ?? '', sizeBytes, ...(wwn === undefined ? {} : { wwn }) } };
}

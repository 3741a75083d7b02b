import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import { volumeConnectorStore, volumeTargetStore } from '../inventory/baremetal-stores.ts';
import { interfaceOf } from '../inventory/driver-table.ts';
import type { Db } from '../inventory/node-record.ts';
import { planRamdisk, planVolume, type NetworkBootPlan } from './network-boot-policy.ts';

export interface BootingNode {
  readonly uuid: string;
  readonly driver: string;
  readonly interfaces: object;
  readonly instance_info: object;
  readonly hasConfigDrive: boolean;
}

const ALL = { limit: 1000, descending: false } as const;

/** How the node's instance boots over the network; undefined: it is on a disk of the machine. */
export async function planNetworkBoot(db: Db, node: BootingNode): Promise<NetworkBootPlan | undefined> {
  if (interfaceOf(node, 'deploy') === 'ramdisk') return planRamdisk(node.instance_info as JsonObject, node.hasConfigDrive);
  if (interfaceOf(node, 'storage') !== 'external') return undefined;
  const own = [sql`v.node_uuid = ${node.uuid}`];
  const [connectors, targets] = [await volumeConnectorStore.list(db, own, ALL), await volumeTargetStore.list(db, own, ALL)];
  return planVolume({ connectors, targets });
}

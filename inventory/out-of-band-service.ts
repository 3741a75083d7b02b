import type { BmcIdentity, FirmwareMode } from '../bmc/capability.ts';
import type { StorageController } from '../bmc/storage.ts';
import type { JsonObject } from '../core/base/json.ts';
import { mergedProperties } from './discovery-service.ts';
import type { Trx } from './node-record.ts';
import { mustLock, notifyBootModel } from './node-service.ts';
import { updateNode } from './node-store.ts';

/*
 * What a BMC tells of its machine without the machine running. It goes into the node's properties and ports; disks are planned by
 * the agent's own inspection alone, since a BMC rounds their sizes.
 */
export interface OutOfBandFacts {
  readonly identity: BmcIdentity;
  readonly storage: readonly StorageController[];
  readonly firmwareMode: FirmwareMode | undefined;
}

export function propertiesOutOfBand({ identity, storage, firmwareMode }: OutOfBandFacts): JsonObject {
  const { processors, memoryBytes } = identity;
  const sizes = storage.flatMap(({ drives }) => drives.map(({ sizeBytes }) => sizeBytes)).filter((size) => size > 0);
  const cpus = processors?.threads ?? processors?.sockets;
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(processors?.architecture === undefined ? {} : { cpu_arch: processors.architecture }),
    ...(memoryBytes === undefined ? {} : { memory_mb: Math.floor(memoryBytes / 2 ** 20) }),
    ...(sizes.length === 0 ? {} : { local_gb: Math.max(1, Math.floor(Math.min(...sizes) / 2 ** 30)) }),
    ...(firmwareMode === undefined ? {} : { capabilities: `boot_mode:${firmwareMode}` }),
  };
}

/** A MAC that belongs to another node stays there: who is right is seen when the machine runs the agent. */
export async function acceptOutOfBand(trx: Trx, nodeUuid: string, facts: OutOfBandFacts): Promise<void> {
  const { systemUuid, serial, nicMacs = [] } = facts.identity;
  const { serials } = await mustLock(trx, nodeUuid);
  const properties = await mergedProperties(trx, nodeUuid, propertiesOutOfBand(facts));
  await updateNode(trx, nodeUuid, {
    properties,
    ...(systemUuid === undefined ? {} : { system_uuid: systemUuid }),
    ...(serial === undefined || serials.includes(serial) ? {} : { serials: [...serials, serial] }),
  });
  for (const address of nicMacs)
    await trx
      .insertInto('port')
      .values({ node_uuid: nodeUuid, address, pxe_enabled: true } as never)
      .onConflict((conflict) => conflict.column('address').doNothing())
      .execute();
  await notifyBootModel(trx);
}

import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { ServerRecord } from '../compute/server-record.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { Sealer } from '../core/base/sealer-codec.ts';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { bondsOf } from '../inventory/vif-service.ts';
import { describeInterfaces } from '../network/device-port-service.ts';
import { networkData } from './server-network-data-policy.ts';

/*
 * What an instance learns of itself, in OpenStack's documents (nova, "Metadata API" and "Config drives"): the same on a config drive and from the metadata
 * service, on metal and in virtual machines.
 */
export interface InstanceDocuments {
  readonly metaData: JsonObject;
  readonly networkData: JsonObject;
  readonly userData: Buffer | undefined;
  /** What the installation tells every instance. */
  readonly vendorData: JsonObject;
  readonly vendorData2: JsonObject;
  /** To be written into the system. */
  readonly files: readonly { readonly path: string; readonly contents: Buffer }[];
}

/** Entropy for a system that has none yet, as Nova gives it. */
const SEED_BYTES = 512;

export async function instanceDocuments(
  db: Kysely<DatabaseSchema>,
  given: { readonly sealer: Sealer; readonly vendorData: JsonObject },
  server: ServerRecord,
): Promise<InstanceDocuments> {
  const { sealer, vendorData } = given;
  const { public_key: key, key_name: name } = server;
  const ports = server.networks.map(({ port }) => port);
  const interfaces = await describeInterfaces(db, ports);
  return {
    metaData: {
      uuid: server.uuid,
      name: server.name,
      hostname: server.hostname,
      launch_index: server.launch_index,
      availability_zone: server.zone ?? '',
      project_id: server.project_id,
      meta: server.metadata,
      random_seed: randomBytes(SEED_BYTES).toString('base64'),
      devices: [],
      ...(key === null || name === null ? {} : { public_keys: { [name]: key }, keys: [{ name, type: 'ssh', data: key }] }),
    },
    networkData: networkData(interfaces, await bondsOf(db, ports)),
    userData: server.user_data === null ? undefined : Buffer.from(sealer.open(server.user_data), 'base64'),
    vendorData,
    // Nova's name for what is not made for each instance anew.
    vendorData2: { static: vendorData },
    files: server.files.map(({ path, contents }) => ({ path, contents: Buffer.from(sealer.open(contents), 'base64') })),
  };
}

/** Files as the documents name them: `/content/0000`. */
export const contentName = (at: number): string => String(at).padStart(4, '0');

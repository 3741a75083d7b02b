import { randomBytes } from 'node:crypto';
import type { Sealer } from '../core/base/sealer-codec.ts';
import type { Trx } from '../compute/placement-provider-service.ts';
import type { ServerRecord } from '../compute/server-record.ts';
import { buildConfigDrive, encodeConfigDrive } from '../images/configdrive-build.ts';
import { describeInterfaces } from '../network/device-port-service.ts';
import { networkData } from './server-network-data-policy.ts';

/** Entropy for a system that has none yet, as Nova gives it. */
const SEED_BYTES = 512;

/** What the instance learns of itself. A machine of metal always has one: no metadata service reaches it. */
export async function serverConfigDrive(trx: Trx, sealer: Sealer, server: ServerRecord): Promise<string> {
  const { public_key: key, key_name: name } = server;
  const interfaces = await describeInterfaces(
    trx,
    server.networks.map(({ port }) => port),
  );
  const password = server.admin_password === null ? undefined : sealer.open(server.admin_password);
  const metaData = {
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
    ...(password === undefined ? {} : { admin_pass: password }),
  };
  const userData = server.user_data === null ? undefined : Buffer.from(sealer.open(server.user_data), 'base64');
  const files = server.files.map(({ path, contents }) => ({ path, contents: Buffer.from(sealer.open(contents), 'base64') }));
  return encodeConfigDrive(
    buildConfigDrive({
      metaData,
      networkData: networkData(interfaces),
      ...(userData === undefined ? {} : { userData }),
      files,
    }),
  );
}

import type { Trx } from '../compute/placement-provider-service.ts';
import type { ServerRecord } from '../compute/server-record.ts';
import { buildConfigDrive, encodeConfigDrive } from '../images/configdrive-build.ts';
import { instanceDocuments } from './instance-documents.ts';
import type { ServerFlowServices } from './server-flow-services.ts';

/** What the instance learns of itself. A machine of metal always has one: it is there before any network is. */
export async function serverConfigDrive(trx: Trx, services: ServerFlowServices, server: ServerRecord): Promise<string> {
  const { metaData, userData, ...others } = await instanceDocuments(trx, services, server);
  // Only here: whoever can ask the metadata service is not always whoever may sign in.
  const password = server.admin_password === null ? {} : { admin_pass: services.sealer.open(server.admin_password) };
  return encodeConfigDrive(
    buildConfigDrive({ metaData: { ...metaData, ...password }, ...(userData === undefined ? {} : { userData }), ...others }),
  );
}

import { BAREMETAL_RULES } from '../../api/baremetal-rules.ts';
import { COMPUTE_RULES } from '../../api/compute-rules.ts';
import { IMAGE_RULES } from '../../api/image-rules.ts';
import { PLACEMENT_RULES } from '../../api/placement-rules.ts';
import { createAgentServer, createApiServer } from '../../api/http-server.ts';
import { introspectionService } from '../../api/introspection-service.ts';
import { OBJECT_RULES } from '../../api/object-rules.ts';
import { NETWORK_RULES } from '../../api/network-rules.ts';
import { mount, mountCompute, mountImages, mountNetwork, mountObjects, mountPlacement, type MountedService } from '../../api/services.ts';
import { createPlacementSnapshot } from '../../compute/placement-snapshot.ts';
import type { BmcConnector } from '../../bmc/connect-bmc.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { bootServerAddresses } from './boot/boot-configuration.ts';
import { splitEndpoint, type Configuration } from './configuration.ts';
import { ovnComparison } from './network/ovn-comparison.ts';
import { switchComparison } from './switch/switch-comparison.ts';
import { startObjects } from './object-setup.ts';
import { publishCatalog, startIdentity, writeCredentials } from './identity-setup.ts';
import type { ConsoleLogs } from '../../inventory/console-log-files.ts';
import type { PolicyEngine } from '../../identity/policy-engine.ts';
import type { ImageData } from '../../images/image-data-service.ts';
import { unknownPolicies } from '../../images/property-protection-policy.ts';
import type { Installation } from './installation.ts';

/** The api role: identity, the operators' face, the agents' face. Returns the address that it listens at. */
export async function startApiRole(options: {
  configuration: Configuration;
  installation: Installation;
  database: Database;
  images: ImageData;
  connectBmc: BmcConnector['connect'];
  consoleLogs: ConsoleLogs;
  logger: Logger;
  metrics: () => Promise<string>;
  waiting: () => readonly { readonly what: string; readonly since: string }[];
  stops: (() => Promise<void>)[];
}): Promise<string> {
  const { configuration, installation, database, logger, stops } = options;
  let ready = true;
  stops.push(async () => void (ready = false));
  const identity = await startIdentity({
    configuration,
    installation,
    database,
    logger,
    rules: [...BAREMETAL_RULES, ...NETWORK_RULES, ...PLACEMENT_RULES, ...IMAGE_RULES, ...COMPUTE_RULES, ...OBJECT_RULES],
  });
  stops.push(() => identity.stop());
  requireKnownPolicies(options.images, identity.policy);
  const objects = await startObjects(configuration, database, logger, stops);
  const context = {
    database,
    sealer: installation.sealer,
    bootSecret: installation.bootSecret,
    connectBmc: options.connectBmc,
    consoleLogs: options.consoleLogs,
    audit: await auditOf(configuration, options.images, objects, logger),
    policy: identity.policy,
  };
  const services: readonly MountedService[] = [
    mount(introspectionService, context),
    mountNetwork(database),
    mountPlacement(database),
    mountImages(options.images),
    mountCompute({ ...context, images: options.images, placement: createPlacementSnapshot(database.db) }),
    mountObjects(objects),
  ];
  const onWarning = (fields: object, message: string) => logger.warn(fields, message);
  const api = createApiServer({
    context,
    identity,
    services,
    administrator: installation.administrator,
    metrics: options.metrics,
    waiting: options.waiting,
    isReady: () => ready,
    onWarning,
  });
  stops.push(() => api.close());
  const { host, port } = splitEndpoint(configuration.listen);
  const address = await api.listen({ host, port });
  const { keyPem: key, certificatePem: cert } = installation.agentTls;
  for (const agentHost of configuration.boot.networks.length > 0 ? bootServerAddresses(configuration.boot) : []) {
    const agents = createAgentServer({ context, tls: { key, cert }, onWarning });
    stops.push(() => agents.close());
    await agents.listen({ host: agentHost, port: configuration.boot.agent_port });
  }
  const publicUrl = configuration.public_url ?? address;
  await publishCatalog(identity.identity, publicUrl, services);
  await writeCredentials(configuration.dataDirectory, publicUrl, installation.administrator);
  return address;
}

/** What an audit asks beside the database. */
const auditOf = async (configuration: Configuration, images: ImageData, objects: { readonly directory: string }, logger: Logger) => ({
  stores: images.stores,
  objectDirectory: objects.directory,
  compareOvn: await ovnComparison(configuration, logger),
  compareSwitches: await switchComparison(configuration),
});

function requireKnownPolicies({ protections }: ImageData, policy: PolicyEngine): void {
  const unknown = protections === undefined ? [] : unknownPolicies(protections, (name) => policy.rules.has(name));
  if (unknown.length > 0) throw new Error(`The property protections of images name policies that are not there: ${unknown.join(', ')}`);
}

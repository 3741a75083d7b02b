import type { Service } from '../service-plugin.ts';
import { aggregateRoutes } from './aggregate-routes.ts';
import type { ComputeContext, ComputeRoute } from './compute-context.ts';
import { computeErrorBody, explainComputeError } from './compute-error-view.ts';
import { negotiateCompute } from './compute-version.ts';
import { extensionRoutes } from './extension-list.ts';
import { extraSpecRoutes } from './extra-spec-routes.ts';
import { flavorRoutes } from './flavor-routes.ts';
import { floatingIpRoutes } from './floating-ip-routes.ts';
import { hostRoutes } from './host-routes.ts';
import { hypervisorRoutes } from './hypervisor-routes.ts';
import { keypairRoutes } from './keypair-routes.ts';
import { migrationRoutes } from './migration-routes.ts';
import { quotaRoutes } from './quota-routes.ts';
import { imageProxyRoutes } from './image-proxy-routes.ts';
import { interfaceRoutes } from './interface-routes.ts';
import { securityGroupRoutes } from './security-group-routes.ts';
import { serverActionRoutes } from './server-action-routes.ts';
import { serverDetailRoutes } from './server-detail-routes.ts';
import { serverGroupRoutes } from './server-group-routes.ts';
import { serverRoutes } from './server-routes.ts';
import { serviceRoutes } from './service-routes.ts';
import { usageRoutes } from './usage-routes.ts';
import { versionRoutes } from './version-routes.ts';

/** User data of 64 KiB, and files, in base64. */
const BODY_BYTES_MAX = 2 * 2 ** 20;

const withOlderPath = (route: ComputeRoute): ComputeRoute => ({ ...route, also: [route.path.replace(/^\/v2\.1/, '/v2')] });

/** Compute 2.1–2.93 (docs.openstack.org/api-ref/compute). */
export const computeService: Service<ComputeContext> = {
  type: 'compute',
  name: 'nova',
  title: 'Compute v2.1',
  prefix: '/compute',
  catalogPath: '/v2.1',
  bodyBytesMax: BODY_BYTES_MAX,
  routes: [
    ...versionRoutes,
    ...[
      ...flavorRoutes,
      ...extraSpecRoutes,
      ...keypairRoutes,
      ...quotaRoutes,
      ...hostRoutes,
      ...serviceRoutes,
      ...hypervisorRoutes,
      ...aggregateRoutes,
      ...serverGroupRoutes,
      ...serverRoutes,
      ...serverActionRoutes,
      ...serverDetailRoutes,
      ...interfaceRoutes,
      ...migrationRoutes,
      ...securityGroupRoutes,
      ...floatingIpRoutes,
      ...imageProxyRoutes,
      ...usageRoutes,
      ...extensionRoutes,
    ].map(withOlderPath),
  ],
  negotiate: negotiateCompute,
  errorBody: computeErrorBody,
  explain: explainComputeError,
};

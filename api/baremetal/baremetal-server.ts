import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import type { ApiContext } from './api-context.ts';
import { registerRoutes, type BaremetalRoute } from './baremetal-route.ts';
import { consoleSocket } from './console-socket.ts';
import { allocationRoutes } from './allocation-routes.ts';
import { chassisRoutes } from './chassis-routes.ts';
import { conductorRoutes } from './conductor-routes.ts';
import { deployTemplateRoutes } from './deploy-template-routes.ts';
import { driverRoutes } from './driver-routes.ts';
import { commissionRoutes } from './commission-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { hardwareRoutes } from './hardware-routes.ts';
import { secureBootKeyRoutes } from './secure-boot-key-routes.ts';
import { inspectionRuleRoutes } from './inspection-rule-routes.ts';
import { machineGroupRoutes } from './machine-group-routes.ts';
import { machineTagRoutes } from './machine-tag-routes.ts';
import { managementRoutes } from './management-routes.ts';
import { nodeRecordRoutes } from './node-record-routes.ts';
import { bmcAccessRoutes } from './bmc-access-routes.ts';
import { nodeSettingRoutes } from './node-setting-routes.ts';
import { portRoutes } from './port-routes.ts';
import { portgroupRoutes } from './portgroup-routes.ts';
import { traitRoutes } from './trait-routes.ts';
import { validateRoutes } from './validate-routes.ts';
import { vendorRoutes } from './vendor-routes.ts';
import { vifRoutes } from './vif-routes.ts';
import { bootServerRoutes } from './boot-server-routes.ts';
import { auditRoutes } from './audit-routes.ts';
import { volumeRoutes } from './volume-routes.ts';
import { parseJsonBodies } from '../json-body.ts';
import { negotiateMicroversion } from './microversion.ts';
import { nodeRoutes } from './node-routes.ts';
import { runbookRoutes } from './runbook-routes.ts';
import { vmediaRoutes } from './vmedia-routes.ts';
import { stateRoutes } from './state-routes.ts';
import { eventStream, timelineRoutes } from './timeline-routes.ts';
import { versionRoutes } from './version-routes.ts';

/** Every route of the Bare Metal API behind the login. */
export const baremetalRoutes: readonly BaremetalRoute[] = [
  ...nodeRoutes,
  ...stateRoutes,
  ...timelineRoutes,
  ...auditRoutes,
  ...bootServerRoutes,
  ...validateRoutes,
  ...nodeSettingRoutes,
  ...bmcAccessRoutes,
  ...managementRoutes,
  ...nodeRecordRoutes,
  ...hardwareRoutes,
  ...secureBootKeyRoutes,
  ...traitRoutes,
  ...vifRoutes,
  ...vendorRoutes,
  ...portRoutes,
  ...portgroupRoutes,
  ...chassisRoutes,
  ...driverRoutes,
  ...conductorRoutes,
  ...allocationRoutes,
  ...deployTemplateRoutes,
  ...volumeRoutes,
  ...runbookRoutes,
  ...inspectionRuleRoutes,
  ...vmediaRoutes,
  ...eventRoutes,
  ...commissionRoutes,
  ...machineGroupRoutes,
  ...machineTagRoutes,
];

/** Discovery is open to everyone; all else wants a login. */
export function registerBaremetal(app: FastifyInstance, context: ApiContext, requireLogin: onRequestAsyncHookHandler): void {
  negotiateMicroversion(app);
  versionRoutes(app);
  void app.register(async (scope) => {
    scope.addHook('onRequest', requireLogin);
    parseJsonBodies(scope);
    registerRoutes(scope, context, baremetalRoutes);
    eventStream(scope, context);
    consoleSocket(scope, context);
  });
}

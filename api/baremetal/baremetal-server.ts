import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify';
import type { ApiContext } from './api-context.ts';
import { registerRoutes, type BaremetalRoute } from './baremetal-route.ts';
import { consoleSocket } from './console-socket.ts';
import { parseJsonBodies } from './json-body.ts';
import { negotiateMicroversion } from './microversion.ts';
import { nodeRoutes } from './node-routes.ts';
import { stateRoutes } from './state-routes.ts';
import { eventStream, timelineRoutes } from './timeline-routes.ts';
import { versionRoutes } from './version-routes.ts';

/** Every route of the Bare Metal API behind the login. */
export const baremetalRoutes: readonly BaremetalRoute[] = [...nodeRoutes, ...stateRoutes, ...timelineRoutes];

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

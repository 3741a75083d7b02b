import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { serverCreateFlow } from './server-create-flow.ts';
import { serverDeleteFlow } from './server-delete-flow.ts';
import type { ServerFlowServices } from './server-flow-services.ts';
import { serverVerbFlow } from './server-verb-flow.ts';

export const serverFlows = (services: ServerFlowServices): FlowDefinition[] => [
  serverCreateFlow(services) as unknown as FlowDefinition,
  serverVerbFlow(services),
  serverDeleteFlow(services),
];

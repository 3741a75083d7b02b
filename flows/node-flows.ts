import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { adoptFlow } from './adopt-flow.ts';
import { cleanFlow, manualCleanFlow } from './clean-flow.ts';
import { deployFlow } from './deploy-flow.ts';
import { enrollFlow } from './enroll-flow.ts';
import { firmwareSettingFlow } from './firmware-setting-flow.ts';
import { inspectFlow } from './inspect-flow.ts';
import type { NodeFlowServices } from './node-flow-services.ts';
import { telling } from './node-flow-waiters.ts';
import { powerFlow } from './power-flow.ts';
import { replaceBmcCertificateFlow } from './replace-bmc-certificate-flow.ts';
import { rescueFlow, unrescueFlow } from './rescue-flow.ts';
import { rotateBmcPasswordFlow } from './rotate-bmc-password-flow.ts';
import { serviceFlow } from './service-flow.ts';
import { undeployFlow } from './undeploy-flow.ts';
import { verifyFlow } from './verify-flow.ts';

export const nodeFlows = (services: NodeFlowServices): FlowDefinition[] =>
  [
    enrollFlow,
    verifyFlow,
    adoptFlow,
    powerFlow,
    firmwareSettingFlow,
    rotateBmcPasswordFlow,
    replaceBmcCertificateFlow,
    inspectFlow,
    cleanFlow,
    manualCleanFlow,
    deployFlow,
    serviceFlow,
    rescueFlow,
    unrescueFlow,
    undeployFlow,
  ].map((define) => telling(define(services)));

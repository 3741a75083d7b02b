import type { JsonObject } from '../core/base/json.ts';
import type { FlowDefinition, FlowStep } from '../core/flow/flow-definition.ts';
import type { InventoryDisk } from '../deploy-agent/protocol.ts';
import { applyEvent, setBootIntent, setPowerState } from '../inventory/node-service.ts';
import { agentStep, bootAgentStep, intendAgentStep } from './agent-steps.ts';
import { readInspectedDisks } from './inspected-disks.ts';
import { failNode } from './node-flow-endings.ts';
import { bmcStep, connectTo, loadNode, POWER_CHANGE_MS, switchOff, type NodeFlowServices } from './node-flow-services.ts';

/*
 * `provide`, and the second half of `delete`: cleaning → available.
 *   1.–2. the agent runs   3. the metadata of every inspected disk is wiped   4. power off, network boots are held
 */
export const cleanSteps = (services: NodeFlowServices): readonly FlowStep[] => [
  intendAgentStep(services, 'cleaning'),
  bootAgentStep(services),
  agentStep(services, {
    name: 'erase_devices_metadata',
    step: 'erase_devices_metadata',
    timeoutSeconds: 1800,
    what: 'the agent to wipe partition tables and file system marks',
    next: 'power off, then available',
    async args(ctx) {
      const disks = await readInspectedDisks(services.db, ctx.subjectId);
      return { disks: disks.filter(hasSerial).map(toPlannedDisk) };
    },
  }),
  bmcStep({
    name: 'power_off',
    deadlineMs: POWER_CHANGE_MS,
    attempts: { max: 5, backoffMs: 1000 },
    waitingFor: () => ({ what: 'the BMC to switch the machine off', next: 'the node is available' }),
    async run(ctx) {
      await switchOff(connectTo(services, await loadNode(services, ctx.subjectId)), ctx.clock, ctx.signal);
      return {
        kind: 'done',
        async commit(trx) {
          await setPowerState(trx, ctx.subjectId, 'off');
          await setBootIntent(trx, ctx.subjectId, 'hold', 'the machine is available: nothing is deployed on it');
        },
      };
    },
  }),
];

const hasSerial = (disk: InventoryDisk) => disk.serial !== undefined;
const toPlannedDisk = (disk: InventoryDisk): JsonObject => ({
  serial: disk.serial!,
  sizeBytes: disk.sizeBytes,
  ...(disk.wwn === undefined ? {} : { wwn: disk.wwn }),
});

export const cleanFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.clean',
  version: 1,
  steps: cleanSteps(services),
  onSucceeded: (trx, flow) => applyEvent(trx, flow.subjectId, 'done'),
  ...failNode,
});

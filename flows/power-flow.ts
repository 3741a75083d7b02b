import { sql } from 'kysely';
import type { PowerAction } from '../bmc/capability.ts';
import type { FlowDefinition, FlowTransaction } from '../core/flow/flow-definition.ts';
import { setPowerState } from '../inventory/node-service.ts';
import { bmcStep, awaitPower, connectTo, loadNode, POWER_CHANGE_MS, type NodeFlowServices } from './node-flow-services.ts';

/** `PUT states/power`. The command and the look whether it was obeyed are one step: a repeated `on` or `off` harms nobody. */
export const powerFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.power',
  version: 1,
  steps: [
    bmcStep({
      name: 'switch_power',
      deadlineMs: POWER_CHANGE_MS,
      attempts: { max: 4, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to switch the power', next: 'the new power state is stored' }),
      async run(ctx) {
        const action = String(ctx.input['action']) as PowerAction;
        const wanted = action === 'off' || action === 'soft-off' ? 'off' : 'on';
        const bmc = connectTo(services, await loadNode(services, ctx.subjectId));
        await bmc.setPower(action, ctx.signal);
        await awaitPower(bmc, wanted, ctx.clock, ctx.signal);
        return { kind: 'done', commit: (trx) => setPowerState(trx, ctx.subjectId, wanted, { clearTarget: true }) };
      },
    }),
  ],
  onFailed: (trx, flow, error) => giveUp(trx, flow.subjectId, `Power: ${error.message} ${error.advice}`),
  onCancelled: (trx, flow, reason) => giveUp(trx, flow.subjectId, `Power: ${reason}`),
});

async function giveUp(trx: FlowTransaction, uuid: string, lastError: string): Promise<void> {
  await trx
    .updateTable('node')
    .set({ target_power_state: null, last_error: lastError, updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute();
}

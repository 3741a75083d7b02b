import { sql } from 'kysely';
import { timeLimit } from '../core/base/clock.ts';
import { sentences } from '../core/base/sentences.ts';
import type { PowerState } from '../bmc/capability.ts';
import type { FlowContext, FlowDefinition, FlowTransaction } from '../core/flow/flow-definition.ts';
import { setPowerState, type PowerRequest } from '../inventory/node-service.ts';
import { bmcStep, awaitPower, connectTo, loadNode, POWER_CHANGE_MS, type NodeFlowServices } from './node-flow-services.ts';

/*
 * `PUT states/power`. The command and the look whether it was obeyed are one step: a repeated `on` or `off` harms nobody.
 * A client may bring its own time limit; an operating system that is asked to stop gets longer than a BMC.
 */
const SOFT_CHANGE_MS = 600_000;

export const powerFlow = (services: NodeFlowServices): FlowDefinition => ({
  kind: 'node.power',
  version: 1,
  steps: [
    bmcStep({
      name: 'switch_power',
      deadlineMs: SOFT_CHANGE_MS + POWER_CHANGE_MS,
      attempts: { max: 4, backoffMs: 1000 },
      waitingFor: () => ({ what: 'the BMC to switch the power', next: 'the new power state is stored' }),
      async run(ctx) {
        const action = String(ctx.input['action']) as PowerRequest;
        const isSoft = action === 'soft-off' || action === 'soft-reboot';
        const forMs =
          ctx.input['timeoutSeconds'] === undefined
            ? isSoft
              ? SOFT_CHANGE_MS
              : POWER_CHANGE_MS
            : Number(ctx.input['timeoutSeconds']) * 1000;
        const { signal, end } = timeLimit(ctx.clock, forMs, ctx.signal);
        try {
          const state = await switchPower(services, ctx, action, signal);
          return { kind: 'done', commit: (trx) => setPowerState(trx, ctx.subjectId, state, { clearTarget: true }) };
        } catch (error) {
          if (!signal.aborted || ctx.signal.aborted) throw error;
          return {
            kind: 'fail',
            code: 'power-timeout',
            message: `The machine did not change its power within ${forMs / 1000} s of "${action}".`,
            advice: isSoft ? 'Its operating system may ignore the power button: use the hard action.' : "Look at the BMC's own log.",
          };
        } finally {
          end();
        }
      },
    }),
  ],
  onFailed: (trx, flow, error) => giveUp(trx, flow.subjectId, sentences(`Power: ${error.message}`, error.advice)),
  onCancelled: (trx, flow, reason) => giveUp(trx, flow.subjectId, `Power: ${reason}`),
});

async function giveUp(trx: FlowTransaction, uuid: string, lastError: string): Promise<void> {
  await trx
    .updateTable('node')
    .set({ target_power_state: null, last_error: lastError, updated_at: sql`now()` })
    .where('uuid', '=', uuid)
    .execute();
}

async function switchPower(services: NodeFlowServices, ctx: FlowContext, action: PowerRequest, signal: AbortSignal): Promise<PowerState> {
  const bmc = connectTo(services, await loadNode(services, ctx.subjectId));
  if (action === 'soft-reboot') {
    await bmc.setPower('soft-off', signal);
    await awaitPower(bmc, 'off', ctx.clock, signal);
  }
  const wanted = action === 'off' || action === 'soft-off' ? 'off' : 'on';
  await bmc.setPower(action === 'soft-reboot' ? 'on' : action, signal);
  await awaitPower(bmc, wanted, ctx.clock, signal);
  return wanted;
}

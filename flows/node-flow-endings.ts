import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { sentences } from '../core/base/sentences.ts';
import { abortCommands } from '../inventory/agent-command-service.ts';
import { applyEvent } from '../inventory/node-service.ts';

/** Every flow of a provision state fails the same way: the node goes to its `… failed` state with the cause and the advice. */
export const failNode: Required<Pick<FlowDefinition, 'onFailed' | 'onCancelled'>> = {
  async onFailed(trx, flow, error) {
    await abortCommands(trx, flow.subjectId);
    await applyEvent(trx, flow.subjectId, 'fail', sentences(`${error.message} (${error.code} in step ${error.step ?? '?'})`, error.advice));
  },
  async onCancelled(trx, flow, reason) {
    await abortCommands(trx, flow.subjectId);
    await applyEvent(trx, flow.subjectId, 'fail', reason);
  },
};

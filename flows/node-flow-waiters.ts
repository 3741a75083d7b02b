import type { JsonObject } from '../core/base/json.ts';
import { sentences } from '../core/base/sentences.ts';
import type { FlowDefinition, FlowTransaction } from '../core/flow/flow-definition.ts';
import { signalFlow } from '../core/flow/flow-service.ts';

/*
 * A flow that had a node's flow started waits for its end: whoever starts one with `tell` in its input gets an event of that key in the
 * transaction in which it ends.
 */
export type NodeNews = { readonly outcome: 'succeeded' | 'failed' | 'cancelled' | 'torn-down'; readonly message: string };

export const tellWaiter = async (trx: FlowTransaction, input: JsonObject, news: NodeNews): Promise<void> => {
  if (typeof input['tell'] === 'string') await signalFlow(trx, input['tell'], news);
};

export const telling = (definition: FlowDefinition): FlowDefinition => ({
  ...definition,
  async onSucceeded(trx, flow) {
    await definition.onSucceeded?.(trx, flow);
    // Whoever gave a node back has been told when it was torn down: cleaning is nobody's wait.
    if (definition.kind !== 'node.undeploy') await tellWaiter(trx, flow.input, { outcome: 'succeeded', message: '' });
  },
  async onFailed(trx, flow, error) {
    await definition.onFailed?.(trx, flow, error);
    await tellWaiter(trx, flow.input, { outcome: 'failed', message: sentences(error.message, error.advice) });
  },
  async onCancelled(trx, flow, reason) {
    await definition.onCancelled?.(trx, flow, reason);
    await tellWaiter(trx, flow.input, { outcome: 'cancelled', message: reason });
  },
});

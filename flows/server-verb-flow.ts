import type { JsonObject } from '../core/base/json.ts';
import { sentences } from '../core/base/sentences.ts';
import type { FlowContext, FlowDefinition, FlowTransaction, StepOutcome } from '../core/flow/flow-definition.ts';
import { endAction } from '../compute/server-action-service.ts';
import { verbRow, type ServerVerb } from '../compute/server-machine.ts';
import type { ServerRecord } from '../compute/server-record.ts';
import { failServer, faultOf, restServer, returnServer } from '../compute/server-service.ts';
import { readServer } from '../compute/server-store.ts';
import { requestPower, requestVerb, type PowerRequest } from '../inventory/node-service.ts';
import type { ProvisionVerb } from '../inventory/provision-machine.ts';
import { tellIdle } from './server-create-flow.ts';
import { nodeNewsKey, type ServerFlowServices } from './server-flow-services.ts';
import { busy, furnishNode, nodeWork, whyNodeCanNot } from './server-node.ts';
import type { NodeNews } from './node-flow-waiters.ts';

/*
 * What is done with a server by one piece of work of its machine: power, rebuild, rescue. The machine's flow is started and its end
 * waited for; a system that does not react to the power button is switched hard, as Nova's ironic driver does.
 */
type Work =
  | { readonly kind: 'power'; readonly action: PowerRequest; readonly orElse?: PowerRequest }
  | { readonly kind: 'verb'; readonly verb: ProvisionVerb };

const WORK: Partial<Record<ServerVerb, (server: ServerRecord) => Work>> = {
  start: () => ({ kind: 'power', action: 'on' }),
  stop: () => ({ kind: 'power', action: 'soft-off', orElse: 'off' }),
  reboot: () => ({ kind: 'power', action: 'soft-reboot', orElse: 'cycle' }),
  reboot_hard: ({ power }) => ({ kind: 'power', action: power === 4 ? 'on' : 'cycle' }),
  rebuild: () => ({ kind: 'verb', verb: 'rebuild' }),
  rescue: () => ({ kind: 'verb', verb: 'rescue' }),
  unrescue: () => ({ kind: 'verb', verb: 'unrescue' }),
};

/** Nova's `graceful_shutdown` default. */
const GRACEFUL_SECONDS = 60;
const STEP_MS = 600_000;
const NODE_MS_MAX = 24 * 60 * 60_000;

const verbOf = (input: JsonObject) => String(input['verb']) as ServerVerb;

export const serverVerbFlow = (services: ServerFlowServices): FlowDefinition => ({
  kind: 'server.verb',
  version: 1,
  steps: [
    {
      name: 'work',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'the machine to do it', next: 'the server rests' }),
      run: (ctx) => begin(services, ctx, (work) => work),
      onEvent: async (ctx, payload) => after(ctx, payload as NodeNews, 'work_hard'),
    },
    {
      name: 'work_hard',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'the machine to be switched hard', next: 'the server rests' }),
      run: (ctx) => begin(services, ctx, (work) => (work.kind === 'power' && work.orElse ? { kind: 'power', action: work.orElse } : work)),
      onEvent: async (ctx, payload) => after(ctx, payload as NodeNews, undefined),
    },
    {
      name: 'end',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'the end to be recorded', next: 'the server rests' }),
      run: async () => ({ kind: 'done' }),
    },
  ],
  async onSucceeded(trx, { subjectId, input }) {
    const { to } = verbRow(verbOf(input));
    await restServer(trx, subjectId, to ?? 'active');
    await endAction(trx, Number(input['action']), null);
    await tellIdle(trx, subjectId);
  },
  async onFailed(trx, { subjectId, input }, error) {
    const message = sentences(error.message, error.advice);
    await endAction(trx, Number(input['action']), message);
    await giveUp(trx, subjectId, verbOf(input), message);
    await tellIdle(trx, subjectId);
  },
  async onCancelled(trx, { subjectId, input }, reason) {
    await endAction(trx, Number(input['action']), reason);
    await tellIdle(trx, subjectId);
  },
});

const WORK_IS_DEPLOYMENT: ReadonlySet<ServerVerb> = new Set(['rebuild', 'rescue', 'unrescue']);

/** After a deployment that failed there is no instance that could run. */
async function giveUp(trx: FlowTransaction, uuid: string, verb: ServerVerb, message: string): Promise<void> {
  const row = await trx.selectFrom('server').select('task').where('uuid', '=', uuid).executeTakeFirst();
  if (row?.task === 'deleting') return;
  const fault = faultOf(message);
  if (WORK_IS_DEPLOYMENT.has(verb)) await failServer(trx, uuid, fault);
  else await returnServer(trx, uuid, fault);
}

async function begin(services: ServerFlowServices, ctx: FlowContext, choose: (work: Work) => Work): Promise<StepOutcome> {
  const server = await readServer(services.db, ctx.subjectId, undefined);
  const [verb, nodeUuid] = [verbOf(ctx.input), server.node_uuid];
  if (nodeUuid === null) return { kind: 'fail', code: 'no-machine', message: 'The server has no machine.', advice: 'Delete it.' };
  const wait = {
    kind: 'wait',
    key: nodeNewsKey(server.uuid),
    forMs: NODE_MS_MAX,
    waitingFor: { what: `node ${nodeUuid} to ${verb.replace('_', ' ')}`, next: 'the server rests' },
  } as const;
  const running = await nodeWork(services, server);
  if (running.kind === 'theirs') return busy(nodeUuid);
  if (running.kind === 'ours') return wait;
  const work = choose(WORK[verb]!(server));
  const tell = { tell: nodeNewsKey(server.uuid) };
  if (work.kind === 'power') {
    const limit = work.orElse === undefined ? undefined : GRACEFUL_SECONDS;
    return { ...wait, commit: (trx) => requestPower(trx, nodeUuid, work.action, limit, tell) };
  }
  const why = await whyNodeCanNot(services, nodeUuid, work.verb);
  if (why !== undefined) return { kind: 'fail', code: 'node-can-not', message: why, advice: 'Look at the node.' };
  const secret = ctx.input['sealed_rescue_password'];
  return {
    ...wait,
    async commit(trx) {
      if (work.verb === 'rebuild') await furnishNode(trx, services, server);
      await requestVerb(trx, nodeUuid, work.verb, { ...tell, ...(secret === undefined ? {} : { sealed_rescue_password: secret }) });
    },
  };
}

function after(ctx: FlowContext, { outcome, message }: NodeNews, next: string | undefined): StepOutcome {
  if (outcome === 'succeeded') return { kind: 'goto', step: 'end' };
  const verb = verbOf(ctx.input);
  if (next !== undefined && (verb === 'stop' || verb === 'reboot')) return { kind: 'goto', step: next, evidence: { why: message } };
  return { kind: 'fail', code: 'machine-failed', message, advice: "Look at the node's timeline." };
}

import type { FlowDefinition, FlowTransaction, StepOutcome } from '../core/flow/flow-definition.ts';
import { sentences } from '../core/base/sentences.ts';
import { signalFlow } from '../core/flow/flow-service.ts';
import { endAction } from '../compute/server-action-service.ts';
import type { ServerRecord } from '../compute/server-record.ts';
import { failServer, faultOf, restServer } from '../compute/server-service.ts';
import { lockServer, readServer } from '../compute/server-store.ts';
import { requestVerb } from '../inventory/node-service.ts';
import { nodeNewsKey, serverIdleKey, type ServerFlowServices } from './server-flow-services.ts';
import { attachInterfaces } from './server-interfaces.ts';
import { busy, dismissNode, furnishNode, leaveMachine, nodeWork, whyNodeCanNot } from './server-node.ts';
import type { NodeNews } from './node-flow-waiters.ts';
import { NO_VALID_HOST, placeOnMetal, type PlacingWish } from './server-placing.ts';

/*
 * A server on metal: building → active. It has its machine, claim and ports already, since the transaction in which it was asked for.
 *   1. deploy        the machine is told of the instance and deployed by its own flow, whose end is waited for
 *   2. next_machine  after a failure: that machine goes to be undeployed and cleaned, another one is taken, and 1 again
 * Whatever fails for good leaves the server in `error` without machine, ports and claim.
 */
type State = { tried: string[] };

/** As many as Nova tries: a machine that fails is one in a hundred, three in a row are a cause that more tries do not end. */
export const DEPLOY_ATTEMPTS_MAX = 3;
/** The node's own flow ends long before: its steps have deadlines of their own. */
const DEPLOY_MS_MAX = 24 * 60 * 60_000;
const STEP_MS = 600_000;

export const serverCreateFlow = (services: ServerFlowServices): FlowDefinition<State> => ({
  kind: 'server.create',
  version: 1,
  steps: [
    {
      name: 'deploy',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'the machine to be deployed', next: 'the server is active' }),
      async run(ctx) {
        const server = await readServer(services.db, ctx.subjectId, undefined);
        const work = await nodeWork(services, server);
        if (work.kind === 'theirs') return busy(server.node_uuid!) as StepOutcome<State>;
        if (work.kind === 'ours') return waitForNode(server);
        const why = await whyNodeCanNot(services, server.node_uuid!, 'deploy');
        if (why !== undefined) return { kind: 'goto', step: 'next_machine', evidence: { why } };
        return {
          ...waitForNode(server),
          async commit(trx) {
            await furnishNode(trx, services, server);
            await requestVerb(trx, server.node_uuid!, 'deploy', { tell: nodeNewsKey(server.uuid) });
          },
        };
      },
      async onEvent(_ctx, payload) {
        const { outcome, message } = payload as NodeNews;
        if (outcome === 'succeeded') return { kind: 'goto', step: 'finish' };
        return { kind: 'goto', step: 'next_machine', evidence: { why: message } };
      },
    },
    {
      name: 'next_machine',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'another machine', next: 'it is deployed' }),
      async run(ctx) {
        const tried = ctx.state.tried ?? [];
        const server = await readServer(services.db, ctx.subjectId, undefined);
        // A look after a crash: this one has been taken in the place of the one that failed.
        if (tried.length > 0 && !tried.includes(server.host ?? '')) return { kind: 'goto', step: 'deploy' };
        const failed = [...new Set([...tried, ...(server.host === null ? [] : [server.host])])];
        if (failed.length >= DEPLOY_ATTEMPTS_MAX)
          return {
            kind: 'fail',
            code: 'deploy-failed',
            message: `Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for instance ${server.uuid}.`,
            advice: `It failed on ${failed.join(', ')}: ask those nodes why.`,
          };
        const model = await services.placement.read();
        const moved = await services.db
          .transaction()
          .execute((trx) => moveOn(trx, server, model, { tried: failed, host: textOf(ctx.input['host']) }));
        if ('problem' in moved) return { kind: 'fail', code: 'no-valid-host', message: moved.problem, advice: moved.details };
        return { kind: 'goto', step: 'deploy', patch: { tried: failed }, evidence: { failed, next: moved.place.host } };
      },
    },
    {
      name: 'finish',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'the end to be recorded', next: 'the server is active' }),
      run: async () => ({ kind: 'done' }),
    },
  ],
  async onSucceeded(trx, { subjectId, input }) {
    await restServer(trx, subjectId, 'active', { launched: true });
    await endAction(trx, Number(input['action']), null);
    await tellIdle(trx, subjectId);
  },
  async onFailed(trx, { subjectId, input }, error) {
    const server = await lockServer(trx, subjectId);
    const wasDeleted = server.task === 'deleting';
    if (!wasDeleted && (await dismissNode(trx, server))) await leaveMachine(trx, server, { dropPorts: true });
    await endAction(trx, Number(input['action']), sentences(error.message, error.advice));
    const message = error.code === 'no-valid-host' ? NO_VALID_HOST : `Build of instance ${subjectId} aborted: ${error.message}`;
    if (!wasDeleted) await failServer(trx, subjectId, faultOf(message, error.advice));
    await tellIdle(trx, subjectId);
  },
  async onCancelled(trx, { subjectId, input }, reason) {
    await endAction(trx, Number(input['action']), reason);
    await tellIdle(trx, subjectId);
  },
});

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined);

const waitForNode = (server: ServerRecord): Extract<StepOutcome<State>, { kind: 'wait' }> => ({
  kind: 'wait',
  key: nodeNewsKey(server.uuid),
  forMs: DEPLOY_MS_MAX,
  waitingFor: { what: `node ${server.node_uuid} to be deployed`, next: 'the server is active' },
});

/** The failed machine goes its own way, another is taken; in one transaction, so that there is never none and never two. */
async function moveOn(
  trx: FlowTransaction,
  seen: ServerRecord,
  model: Parameters<typeof placeOnMetal>[1],
  wish: Omit<PlacingWish, 'ports'>,
) {
  const server = await lockServer(trx, seen.uuid);
  if (server.task === 'deleting') return { problem: NO_VALID_HOST, details: 'The server is deleted.' };
  if (!(await dismissNode(trx, server)))
    return { problem: NO_VALID_HOST, details: `Node ${server.node_uuid} can not be given back now: it stays with the server.` };
  await leaveMachine(trx, server, { dropPorts: false });
  const placed = await placeOnMetal(trx, model, await lockServer(trx, server.uuid), {
    ...wish,
    ports: server.networks.length,
  });
  if ('place' in placed) await attachInterfaces(trx, placed.place.nodeUuid, server.networks);
  return placed;
}

/** To the flow that deletes the server, when there is one: it waits for this one's end. */
export async function tellIdle(trx: FlowTransaction, uuid: string): Promise<void> {
  const row = await trx.selectFrom('server').select('task').where('uuid', '=', uuid).executeTakeFirst();
  if (row?.task === 'deleting') await signalFlow(trx, serverIdleKey(uuid), {});
}

import type { FlowDefinition } from '../core/flow/flow-definition.ts';
import { sentences } from '../core/base/sentences.ts';
import { activeFlow, cancelFlow } from '../core/flow/flow-service.ts';
import { endAction } from '../compute/server-action-service.ts';
import { abandonDelete, faultOf, forgetServer, serverLock } from '../compute/server-service.ts';
import { lockServer, readServer } from '../compute/server-store.ts';
import { holdsInstance } from '../inventory/instance-service.ts';
import { requestVerb } from '../inventory/node-service.ts';
import { findNode } from '../inventory/node-store.ts';
import { nodeNewsKey, serverIdleKey, type ServerFlowServices } from './server-flow-services.ts';
import { busy, leaveMachine, nodeWork, stopNodeWork, whyNodeCanNot } from './server-node.ts';
import type { NodeNews } from './node-flow-waiters.ts';

/*
 * A server goes: what is done with it is stopped, its machine is torn down (and cleaned by itself), and then ports, claim and row are let
 * go of in one transaction. A machine that can not be torn down stays the server's, which is in `error` and can be deleted again.
 *   1. stop_work     the server's other flow is cancelled, and its end waited for
 *   2. tear_down     a deployment is broken off; then the machine is undeployed until its instance is gone
 *   3. forget
 */
const STEP_MS = 600_000;
/** Breaking off waits for what can not be broken off, such as a firmware update. */
const STOP_MS_MAX = 2 * 60 * 60_000;

export const serverDeleteFlow = (services: ServerFlowServices): FlowDefinition => ({
  kind: 'server.delete',
  version: 1,
  steps: [
    {
      name: 'stop_work',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'other work on the server to stop', next: 'its machine is torn down' }),
      async run(ctx) {
        const running = await services.db.transaction().execute((trx) => activeFlow(trx, serverLock(ctx.subjectId)));
        if (running === undefined) return { kind: 'done' };
        return {
          kind: 'wait',
          key: serverIdleKey(ctx.subjectId),
          forMs: STOP_MS_MAX,
          commit: async (trx) => void (await cancelFlow(trx, running.id, 'the server is deleted')),
        };
      },
    },
    {
      name: 'tear_down',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'the machine to be torn down', next: 'the server is forgotten' }),
      async run(ctx) {
        const server = await readServer(services.db, ctx.subjectId, undefined);
        const node = server.node_uuid === null ? undefined : await findNode(services.db, server.node_uuid);
        if (!holdsInstance(node, server.uuid) || node.provision_state === 'available') return { kind: 'done' };
        const wait = {
          kind: 'wait',
          key: nodeNewsKey(server.uuid),
          forMs: STOP_MS_MAX,
          waitingFor: { what: `node ${node.uuid} to be torn down`, next: 'the server is forgotten' },
        } as const;
        const work = await nodeWork(services, server);
        if (work.kind === 'theirs') return busy(node.uuid);
        if (work.kind === 'ours')
          return work.flow === 'node.undeploy' ? wait : { ...wait, commit: async (trx) => void (await stopNodeWork(trx, work.id)) };
        const why = await whyNodeCanNot(services, node.uuid, 'delete');
        if (why !== undefined)
          return { kind: 'fail', code: 'node-stays', message: why, advice: 'Mend the node, then delete the server again.' };
        return { ...wait, commit: (trx) => requestVerb(trx, node.uuid, 'delete', { tell: nodeNewsKey(server.uuid) }) };
      },
      async onEvent(_ctx, payload) {
        const { outcome, message } = payload as NodeNews;
        if (outcome === 'torn-down') return { kind: 'done' };
        // The end of what was broken off, or of a tear-down that failed: look again.
        return { kind: 'goto', step: 'tear_down', evidence: { news: message } };
      },
    },
    {
      name: 'forget',
      deadlineMs: STEP_MS,
      waitingFor: () => ({ what: 'ports and claim to be let go of', next: 'the server is gone' }),
      run: async () => ({ kind: 'done' }),
    },
  ],
  async onSucceeded(trx, { subjectId, input }) {
    const server = await lockServer(trx, subjectId);
    await leaveMachine(trx, server, { dropPorts: true });
    await endAction(trx, Number(input['action']), null);
    await forgetServer(trx, subjectId);
  },
  async onFailed(trx, { subjectId, input }, error) {
    await endAction(trx, Number(input['action']), sentences(error.message, error.advice));
    await abandonDelete(trx, subjectId, faultOf(`The server could not be deleted: ${error.message}`, error.advice));
  },
});

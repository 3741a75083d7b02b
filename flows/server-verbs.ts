import type { JsonObject } from '../core/base/json.ts';
import { startFlow } from '../core/flow/flow-service.ts';
import { conflict } from '../compute/compute-error.ts';
import type { Trx } from '../compute/placement-provider-service.ts';
import { beginEvent, endAction, recordAction, type Doer } from '../compute/server-action-service.ts';
import type { ServerVerb } from '../compute/server-machine.ts';
import type { ServerRecord } from '../compute/server-record.ts';
import { beginDelete, beginVerb, forgetServer, serverLock, type Rights } from '../compute/server-service.ts';
import { leaveMachine } from './server-node.ts';

/** What people ask of servers: the task and the flow that does it begin in one transaction. */
export interface VerbOrder {
  readonly verb: ServerVerb;
  readonly by: Doer;
  readonly rights: Rights;
  /** For the flow; secrets are sealed. */
  readonly input?: JsonObject;
  /** With the server as it was, before the flow begins. */
  readonly prepare?: (server: ServerRecord) => Promise<void>;
}

const ACTION_OF: Partial<Record<ServerVerb, string>> = { reboot_hard: 'reboot' };

/** @throws ComputeError 409, 501 */
export async function orderVerb(trx: Trx, uuid: string, order: VerbOrder): Promise<ServerRecord> {
  const server = await beginVerb(trx, uuid, order.verb, order.rights);
  await order.prepare?.(server);
  const name = ACTION_OF[order.verb] ?? order.verb;
  const action = await recordAction(trx, uuid, name, order.by);
  await beginEvent(trx, action, `compute_${name}_instance`, server.host);
  const input = { ...order.input, verb: order.verb, action };
  const started = await startFlow(trx, { kind: 'server.verb', subjectId: uuid, lockKey: serverLock(uuid), input });
  if ('conflict' in started) throw conflict(`Instance ${uuid} is at other work (${started.conflict.kind}).`);
  return server;
}

/** A server without a machine is gone at once. @throws ComputeError 404, 409 locked */
export async function orderDelete(trx: Trx, uuid: string, by: Doer, rights: Rights): Promise<void> {
  const server = await beginDelete(trx, uuid, rights);
  if (server === undefined) return;
  const action = await recordAction(trx, uuid, 'delete', by);
  await beginEvent(trx, action, 'compute_terminate_instance', server.host);
  if (server.node_uuid === null && server.task === null) {
    await leaveMachine(trx, server, { dropPorts: true });
    await endAction(trx, action, null);
    await forgetServer(trx, uuid);
    return;
  }
  const lockKey = `server-delete:${uuid}`;
  await startFlow(trx, { kind: 'server.delete', subjectId: uuid, lockKey, input: { action } });
}

import type { ShownServer } from '../../compute/server-record.ts';
import type { Rights } from '../../compute/server-service.ts';
import { noServer, readServer, type ServerEyes } from '../../compute/server-store.ts';
import { dbOf, type ComputeCall } from './compute-context.ts';

/** Administrators see servers of every project; others those of their own: what they may not see is not there. */
export const serverEyes = (call: ComputeCall): ServerEyes =>
  call.allows('os_compute_api:servers:index:get_all_tenants') ? undefined : call.actor.projectId;

export const targetOf = (server: { readonly project_id: string; readonly user_id: string }) => ({
  project_id: server.project_id,
  user_id: server.user_id,
});

/** @throws ComputeError 404, Refusal 403 */
export async function findServer(call: ComputeCall, rule: string, options: { deletedToo?: boolean } = {}): Promise<ShownServer> {
  const server = await readServer(dbOf(call), call.params['server_id']!, serverEyes(call), options);
  if (!call.allows('os_compute_api:servers:show', targetOf(server))) throw noServer(server.uuid);
  if (rule !== 'servers:show') call.require(`os_compute_api:${rule}`, targetOf(server));
  return server;
}

export const rightsOf = (call: ComputeCall): Rights => ({
  ignoresLock: call.allows('os_compute_api:os-lock-server:unlock:unlock_override'),
});

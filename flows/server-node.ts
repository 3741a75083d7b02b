import type { JsonObject } from '../core/base/json.ts';
import { activeFlow, cancelFlow } from '../core/flow/flow-service.ts';
import type { StepOutcome } from '../core/flow/flow-definition.ts';
import type { Trx } from '../compute/placement-provider-service.ts';
import type { ServerRecord } from '../compute/server-record.ts';
import { requestOf } from '../compute/flavor-request-policy.ts';
import { holdsInstance, takeNodeBack } from '../inventory/instance-service.ts';
import { nodeLock, requestVerb } from '../inventory/node-service.ts';
import { findNode, updateNode } from '../inventory/node-store.ts';
import { verbsFrom, type ProvisionVerb } from '../inventory/provision-machine.ts';
import { serverConfigDrive } from './server-config-drive.ts';
import { nodeNewsKey, type ServerFlowServices } from './server-flow-services.ts';
import { detachInterfaces, dropInterfaces } from './server-interfaces.ts';
import { releaseClaim } from './server-placing.ts';

/** A server's machine: what it is told of the instance, and how it is given back. */
export async function furnishNode(trx: Trx, services: ServerFlowServices, server: ServerRecord): Promise<void> {
  const { traits } = requestOf(server.flavor, server.flavor.extra_specs, server.image_properties);
  await updateNode(trx, server.node_uuid!, {
    instance_info: {
      image_source: server.image_id ?? '',
      display_name: server.name,
      root_gb: server.flavor.disk,
      vcpus: server.flavor.vcpus,
      memory_mb: server.flavor.ram,
      traits: [...traits],
    },
    configdrive: services.sealer.seal(await serverConfigDrive(trx, services, server)),
  });
}

/** Who works on the node now: another's work is waited for. */
export type NodeWork =
  | { readonly kind: 'idle' }
  | { readonly kind: 'ours'; readonly flow: string; readonly id: string }
  | { readonly kind: 'theirs' };

export async function nodeWork(services: ServerFlowServices, server: ServerRecord): Promise<NodeWork> {
  const running = await services.db.transaction().execute(async (trx) => {
    const flow = await activeFlow(trx, nodeLock(server.node_uuid!));
    if (flow === undefined) return undefined;
    const { input } = await trx.selectFrom('flow').select('input').where('id', '=', flow.id).executeTakeFirstOrThrow();
    return { flow, input: input as JsonObject };
  });
  if (running === undefined) return { kind: 'idle' };
  if (running.input['tell'] !== nodeNewsKey(server.uuid)) return { kind: 'theirs' };
  return { kind: 'ours', flow: running.flow.kind, id: running.flow.id };
}

export const stopNodeWork = (trx: Trx, flowId: string) => cancelFlow(trx, flowId, 'the server is deleted');

/** A power sync or a person's command is over soon. */
const BUSY_PAUSE_MS = 1_000;
export const busy = (nodeUuid: string): StepOutcome => ({
  kind: 'retry',
  afterMs: BUSY_PAUSE_MS,
  because: `node ${nodeUuid} is at other work`,
});

/** Undefined: the verb can be used now. */
export async function whyNodeCanNot(services: ServerFlowServices, nodeUuid: string, verb: ProvisionVerb): Promise<string | undefined> {
  const node = await findNode(services.db, nodeUuid);
  if (node === undefined) return `Node ${nodeUuid} is gone.`;
  if (!verbsFrom(node.provision_state).includes(verb)) return `Node ${nodeUuid} is in state "${node.provision_state}": it can not ${verb}.`;
  if (node.maintenance && verb !== 'delete')
    return `Node ${nodeUuid} is in maintenance: ${node.maintenance_reason ?? 'no reason was given'}.`;
  return undefined;
}

/** Everything that the server has of a machine: links, ports, claim. The machine itself is undeployed before or besides. */
export async function leaveMachine(trx: Trx, server: ServerRecord, options: { readonly dropPorts: boolean }): Promise<void> {
  if (server.node_uuid !== null) {
    await detachInterfaces(trx, server.node_uuid, server.networks);
    await takeNodeBack(trx, server.node_uuid, server.uuid);
  }
  if (options.dropPorts) await dropInterfaces(trx, server, server.networks);
  await releaseClaim(trx, server);
}

/** The machine is undeployed and cleaned on its own; false: it can not be now, and stays the server's. */
export async function dismissNode(trx: Trx, server: ServerRecord): Promise<boolean> {
  const node = server.node_uuid === null ? undefined : await findNode(trx, server.node_uuid);
  if (!holdsInstance(node, server.uuid)) return true;
  if (node.provision_state === 'available') return true;
  if (!verbsFrom(node.provision_state).includes('delete')) return false;
  if ((await activeFlow(trx, nodeLock(node.uuid))) !== undefined) return false;
  await requestVerb(trx, node.uuid, 'delete', {});
  return true;
}

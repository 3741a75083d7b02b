import { randomBytes, randomUUID } from 'node:crypto';
import { startFlow } from '../core/flow/flow-service.ts';
import { ComputeError, forbidden } from '../compute/compute-error.ts';
import { claimQuota, projectQuotas } from '../compute/compute-quota-service.ts';
import type { PlacementModel } from '../compute/placement-model.ts';
import type { Trx } from '../compute/placement-provider-service.ts';
import { beginEvent, endAction, recordAction, type Doer } from '../compute/server-action-service.ts';
import { readServerGroup } from '../compute/server-group-service.ts';
import type { ServerRecord } from '../compute/server-record.ts';
import { failServer, insertServer, requireMetadataFits, serverLock, type ServerDraft } from '../compute/server-service.ts';
import { lockServer } from '../compute/server-store.ts';
import type { NetworkActor } from '../network/resource.ts';
import type { ServerFlowServices } from './server-flow-services.ts';
import { attachInterfaces, makeInterfaces, resolveNetworks, type AskedNetworks, type NetworkWish } from './server-interfaces.ts';
import { placeOnMetal, placingFault } from './server-placing.ts';

/*
 * Servers are asked for: rows, quota, machine, claim, ports and the flow that deploys are one transaction. A server for which there is no
 * machine is there all the same, in `error`, and says why.
 */
export interface ServersWanted {
  readonly draft: Omit<ServerDraft, 'uuid' | 'launch_index' | 'reservation_id' | 'name' | 'hostname'>;
  readonly name: string;
  readonly hostname: string;
  readonly min: number;
  readonly max: number;
  readonly networks: AskedNetworks;
  readonly securityGroups: readonly string[];
  readonly networkActor: NetworkActor;
  /** By name or UUID. */
  readonly host: string | undefined;
  readonly by: Doer;
}

export interface ServersMade {
  readonly uuids: readonly string[];
  readonly reservationId: string;
}

/** Deadlocks with other creators end one of them, which is made again. */
const MADE_AGAIN = new Set(['40P01', '40001']);
const ROUNDS_MAX = 20;

/** @throws ComputeError 400, 403 over quota, 409; NetworkError */
export async function createServers(services: Omit<ServerFlowServices, 'vendorData'>, wanted: ServersWanted): Promise<ServersMade> {
  for (let round = 1; ; round += 1) {
    const model = await services.placement.read();
    try {
      return await services.db.transaction().execute((trx) => create(trx, model, wanted));
    } catch (error) {
      if (round >= ROUNDS_MAX || !MADE_AGAIN.has((error as { code?: string }).code ?? '')) throw error;
    }
  }
}

async function create(trx: Trx, model: PlacementModel, wanted: ServersWanted): Promise<ServersMade> {
  const count = await fitQuota(trx, wanted);
  await requireMetadataFits(trx, wanted.draft.project_id, wanted.draft.metadata);
  await requireGroupFits(trx, wanted, count);
  const networks = await resolveNetworks(trx, wanted.networkActor, wanted.networks, count);
  const reservationId = `r-${randomBytes(4).toString('hex')}`;
  const uuids: string[] = [];
  for (let index = 0; index < count; index += 1) uuids.push(await createOne(trx, model, wanted, { index, count, reservationId, networks }));
  return { uuids, reservationId };
}

/** As many as fit between the least and the most. @throws ComputeError 403 */
async function fitQuota(trx: Trx, { draft, min, max }: ServersWanted): Promise<number> {
  const owner = { projectId: draft.project_id, userId: draft.user_id };
  for (let count = max; ; count -= 1) {
    try {
      await claimQuota(trx, owner, { instances: count, cores: count * draft.flavor.vcpus, ram: count * draft.flavor.ram });
      return count;
    } catch (error) {
      if (!(error instanceof ComputeError) || count <= min) throw error;
    }
  }
}

async function requireGroupFits(trx: Trx, { draft }: ServersWanted, count: number): Promise<void> {
  if (draft.group_uuid === null) return;
  const group = await readServerGroup(trx, draft.group_uuid, draft.project_id);
  const { server_group_members: most } = await projectQuotas(trx, draft.project_id, draft.user_id);
  if (most >= 0 && group.members.length + count > most) throw forbidden('Quota exceeded, too many servers in group');
}

interface Turn {
  readonly index: number;
  readonly count: number;
  readonly reservationId: string;
  readonly networks: readonly NetworkWish[];
}

async function createOne(trx: Trx, model: PlacementModel, wanted: ServersWanted, turn: Turn): Promise<string> {
  const uuid = randomUUID();
  const suffix = turn.count > 1 ? `-${turn.index + 1}` : '';
  await insertServer(trx, {
    ...wanted.draft,
    uuid,
    name: `${wanted.name}${suffix}`,
    hostname: `${wanted.hostname}${suffix}`,
    launch_index: turn.index,
    reservation_id: turn.reservationId,
  });
  const action = await recordAction(trx, uuid, 'create', wanted.by);
  const server = await lockServer(trx, uuid);
  const placed = await placeOnMetal(trx, model, server, { host: wanted.host, tried: [], ports: turn.networks.length });
  if ('problem' in placed) {
    await failServer(trx, uuid, placingFault(placed));
    await beginEvent(trx, action, 'conductor_schedule_and_build_instances', null);
    await endAction(trx, action, `${placed.problem} ${placed.details}`);
    return uuid;
  }
  await connect(trx, wanted, await lockServer(trx, uuid), turn.networks);
  await beginEvent(trx, action, 'compute__do_build_and_run_instance', placed.place.host);
  const input = { action, ...(wanted.host === undefined ? {} : { host: wanted.host }) };
  await startFlow(trx, { kind: 'server.create', subjectId: uuid, lockKey: serverLock(uuid), input });
  return uuid;
}

async function connect(trx: Trx, wanted: ServersWanted, server: ServerRecord, networks: readonly NetworkWish[]): Promise<void> {
  const made = await makeInterfaces(trx, wanted.networkActor, server, networks, wanted.securityGroups);
  await attachInterfaces(trx, server.node_uuid!, made);
}

import { explainNoCandidates, findCandidates, type Candidate } from '../compute/allocation-candidates-policy.ts';
import { requestOf } from '../compute/flavor-request-policy.ts';
import { listHosts } from '../compute/host-service.ts';
import { claimResources } from '../compute/placement-allocation-service.ts';
import { PlacementError } from '../compute/placement-error.ts';
import type { PlacementModel } from '../compute/placement-model.ts';
import type { Trx } from '../compute/placement-provider-service.ts';
import { readServerGroup } from '../compute/server-group-service.ts';
import { chooseHosts, explainPlacement, type PlaceHost, type PlaceRequest } from '../compute/server-place-policy.ts';
import type { ServerRecord } from '../compute/server-record.ts';
import { faultOf, placeServer, unplaceServer, type Place } from '../compute/server-service.ts';
import { hostsOfServers } from '../compute/server-store.ts';
import { giveNode, lockFreeNode, nodeFacts } from '../inventory/instance-service.ts';

/*
 * A server gets a machine: Placement's candidates, less those that filters remove, and of the rest the first that is really free. The claim,
 * the node's `instance_uuid` and the server's row are written in one transaction, so that nobody else can have the machine and nothing
 * is held for nobody.
 */
export interface PlacingWish {
  readonly host: string | undefined;
  readonly tried: readonly string[];
  /** How many ports it will have. */
  readonly ports: number;
}

export type Placed = { readonly place: Place } | { readonly problem: string; readonly details: string };

export const NO_VALID_HOST = 'No valid host was found. There are not enough hosts available.';

/** `model` is read before the transaction; the claim decides. */
export async function placeOnMetal(trx: Trx, model: PlacementModel, server: ServerRecord, wish: PlacingWish): Promise<Placed> {
  const { request } = requestOf(server.flavor, server.flavor.extra_specs, server.image_properties);
  const byHost = Map.groupBy(findCandidates(model, request), ({ anchor }) => anchor);
  const offered = await offeredHosts(trx, [...byHost.keys()]);
  const placement = chooseHosts(offered, await placeRequest(trx, server, wish));
  const left = new Map(placement.hosts.map((host) => [host.uuid, host]));
  while (left.size > 0) {
    const uuid = await lockFreeNode(trx, [...left.keys()]);
    if (uuid === undefined) break;
    const host = left.get(uuid)!;
    left.delete(uuid);
    if (!(await claimFor(trx, server, byHost.get(uuid)![0]!))) continue;
    await giveNode(trx, uuid, server.uuid);
    const place = { nodeUuid: uuid, host: host.host, zone: host.zone };
    await placeServer(trx, server.uuid, place);
    return { place };
  }
  return { problem: NO_VALID_HOST, details: explainPlacement(placement, offered.length, explainNoCandidates(model, request)) };
}

async function offeredHosts(trx: Trx, uuids: readonly string[]): Promise<PlaceHost[]> {
  const facts = await nodeFacts(trx, uuids);
  const hosts = await listHosts(trx, { only: uuids });
  return hosts.flatMap((host) => {
    const known = facts.get(host.uuid);
    return known === undefined ? [] : [{ ...host, ...known }];
  });
}

async function placeRequest(trx: Trx, server: ServerRecord, wish: PlacingWish): Promise<PlaceRequest> {
  const ids = (name: string) => [server.hints[name] ?? []].flat().map(String);
  const hostsOf = async (uuids: readonly string[]) => new Set(await hostsOfServers(trx, server.project_id, uuids));
  const group = server.group_uuid === null ? undefined : await readServerGroup(trx, server.group_uuid, undefined);
  const groupHosts = await hostsOf((group?.members ?? []).filter((uuid) => uuid !== server.uuid));
  const same = ids('same_host');
  const different = await hostsOf(ids('different_host'));
  const specs = Object.entries(server.flavor.extra_specs).filter(([key]) => key.startsWith('capabilities:'));
  return {
    zone: server.zone_asked ?? undefined,
    host: wish.host,
    ports: wish.ports,
    architecture: server.image_properties['hw_architecture'] ?? server.image_properties['architecture'],
    capabilities: Object.fromEntries(specs.map(([key, value]) => [key.slice('capabilities:'.length), value])),
    onlyOn: same.length > 0 ? await hostsOf(same) : group?.policy === 'affinity' && groupHosts.size > 0 ? groupHosts : undefined,
    notOn: group?.policy === 'anti-affinity' ? new Set([...different, ...groupHosts]) : different,
    tried: new Set(wish.tried),
  };
}

/** False: what it needs went to somebody else. */
async function claimFor(trx: Trx, server: ServerRecord, candidate: Candidate): Promise<boolean> {
  const allocations = new Map([...candidate.allocations].map(([provider, classes]) => [provider.uuid, classes]));
  try {
    await claimResources(trx, [
      {
        consumerUuid: server.uuid,
        allocations,
        projectId: server.project_id,
        userId: server.user_id,
        generation: undefined,
        consumerType: 'INSTANCE',
      },
    ]);
    return true;
  } catch (error) {
    if (error instanceof PlacementError && error.status === 409) return false;
    throw error;
  }
}

/** Nothing happens when it holds nothing. */
export async function releaseClaim(trx: Trx, server: ServerRecord): Promise<void> {
  await claimResources(trx, [
    {
      consumerUuid: server.uuid,
      allocations: new Map(),
      projectId: server.project_id,
      userId: server.user_id,
      generation: undefined,
      consumerType: undefined,
    },
  ]);
  await unplaceServer(trx, server.uuid);
}

export const placingFault = ({ problem, details }: { readonly problem: string; readonly details: string }) => faultOf(problem, details);

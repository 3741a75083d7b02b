import { conflict, notFound } from './network-error.ts';
import { ANYONE } from './mechanism/seen.ts';
import { query } from './mechanism/statement.ts';
import { readRow } from './mechanism/row-read.ts';
import { readCreate } from './attribute-policy.ts';
import type { Resource, Row, Trx, Values, Work } from './resource.ts';
import { networks, routers, subnets } from './resources.ts';
import { addInterface, removeInterface } from './router-service.ts';

/** A network with subnets of the default pools behind a router to the default external network, for who wants no more than that. */
interface Ingredients {
  readonly externalId: string;
  readonly pools: readonly { readonly id: string; readonly ip_version: number }[];
}

/** @throws NetworkError 409 */
export async function autoIngredients(trx: Trx): Promise<Ingredients> {
  const external = await query<{ id: string }>(trx, 'select id from network where is_default');
  if (external.length === 0) throw unable('No default router:external network');
  const pools = await query<{ id: string; ip_version: number }>(
    trx,
    'select id, ip_version from network_subnetpool where is_default order by ip_version',
  );
  if (pools.length === 0) throw unable('No default subnetpools defined');
  return { externalId: external[0]!.id, pools };
}

const unable = (reason: string) =>
  conflict('AutoAllocationFailure', `Deployment error: ${reason}. Default ones have to be made for automatic topologies.`);

/** The project's network; made when there is none. Two callers at once: the second finds the first one's. */
export async function autoTopology(work: Work, projectId: string): Promise<string> {
  const { trx } = work;
  await query(trx, 'select pg_advisory_xact_lock(hashtextextended($1, 1))', [projectId]);
  const known = await query<{ network_id: string }>(trx, 'select network_id from network_auto_topology where project_id = $1', [projectId]);
  if (known[0] !== undefined) return known[0].network_id;
  const { externalId, pools } = await autoIngredients(trx);
  const network = await make(work, networks, { name: 'auto_allocated_network', project_id: projectId });
  const router = await make(work, routers, {
    name: 'auto_allocated_router',
    project_id: projectId,
    external_gateway_info: { network_id: externalId },
  });
  for (const pool of pools) {
    const subnet = await make(work, subnets, {
      name: `auto_allocated_subnet_v${pool.ip_version}`,
      project_id: projectId,
      network_id: network.id,
      ip_version: pool.ip_version,
      subnetpool_id: pool.id,
    });
    await addInterface(work, router, { subnet_id: subnet.id });
  }
  await query(trx, 'insert into network_auto_topology (project_id, network_id, router_id) values ($1, $2, $3)', [
    projectId,
    network.id,
    router.id,
  ]);
  return network.id;
}

async function make(work: Work, resource: Resource, values: Values): Promise<Row> {
  const [id] = await resource.create!({ trx: work.trx, actor: ANYONE }, [readCreate(resource, values, ANYONE)]);
  return (await readRow(work.trx, ANYONE, resource, id!))!;
}

/** @throws NetworkError 404, 409 */
export async function dropAutoTopology(work: Work, projectId: string): Promise<void> {
  const { trx } = work;
  const asAll = { trx, actor: ANYONE };
  const known = await query<{ network_id: string; router_id: string }>(
    trx,
    'delete from network_auto_topology where project_id = $1 returning network_id, router_id',
    [projectId],
  );
  if (known[0] === undefined) throw notFound('AutoTopologyNotFound', `There is no automatic topology of project ${projectId}.`);
  const router = await readRow(trx, ANYONE, routers, known[0].router_id);
  if (router !== undefined) {
    const legs = await query<{ port_id: string }>(trx, 'select port_id from network_router_interface where router_id = $1', [router.id]);
    for (const leg of legs) await removeInterface(asAll, router, { port_id: leg.port_id });
    await routers.remove!(asAll, router);
  }
  const network = await readRow(trx, ANYONE, networks, known[0].network_id);
  if (network === undefined) return;
  for (const id of network['subnets'] as string[]) await subnets.remove!(asAll, (await readRow(trx, ANYONE, subnets, id))!);
  await networks.remove!(asAll, network);
}

import { readCreate } from '../attribute-policy.ts';
import { readRow } from '../mechanism/row-read.ts';
import { ANYONE } from '../mechanism/seen.ts';
import { query } from '../mechanism/statement.ts';
import type { Trx } from '../resource.ts';
import { networks } from './network-noun.ts';

/*
 * Clients that ask for a router with high availability look for its project's "HA network". It is a network as any other and nobody's own; OVN's gateway hosts watch
 * each other through their tunnels (BFD) and plug nothing into it. It is there as long as the project has such a router.
 */
const nameOf = (projectId: string) => `HA network tenant ${projectId}`;

/** Two routers of one project that come and go at once meet here. */
const lockProject = (trx: Trx, projectId: string) => query(trx, 'select pg_advisory_xact_lock(hashtextextended($1, 2))', [projectId]);

export async function needHaNetwork(trx: Trx, projectId: string): Promise<void> {
  await lockProject(trx, projectId);
  const known = await query(trx, 'select from network_ha_network where project_id = $1', [projectId]);
  if (known.length > 0) return;
  const values = readCreate(networks, { name: nameOf(projectId), project_id: '' }, ANYONE);
  const [id] = await networks.create!({ trx, actor: ANYONE }, [values]);
  await query(trx, 'insert into network_ha_network (project_id, network_id) values ($1, $2)', [projectId, id]);
}

/** After the project's last router with high availability the network goes, unless somebody has put ports into it. */
export async function leaveHaNetwork(trx: Trx, projectId: string): Promise<void> {
  await lockProject(trx, projectId);
  const loose = await query<{ network_id: string }>(
    trx,
    `select network_id from network_ha_network h where project_id = $1
       and not exists (select from network_router r where r.project_id = h.project_id and r.ha)
       and not exists (select from network_port p where p.network_id = h.network_id)`,
    [projectId],
  );
  const row = loose[0] === undefined ? undefined : await readRow(trx, ANYONE, networks, loose[0].network_id);
  if (row !== undefined) await networks.remove!({ trx, actor: ANYONE }, row);
}

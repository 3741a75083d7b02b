import { conflict } from '../network-error.ts';
import { query } from '../mechanism/statement.ts';
import type { Row, Trx, Work } from '../resource.ts';
import { disassociate } from './floatingip-association.ts';

/** Ports of routers and floating IPs go with what they belong to. */
const OWNED_BY_OTHERS: Readonly<Record<string, string>> = {
  'network:router_interface': 'select from network_router_interface where port_id = $1',
  'network:router_gateway': 'select from network_router where gateway_port_id = $1',
  'network:floatingip': 'select from network_floatingip where floating_port_id = $1',
};

export async function removePort({ trx }: Work, row: Row): Promise<void> {
  const owner = String(row['device_owner']);
  const holder = OWNED_BY_OTHERS[owner];
  if (holder !== undefined && (await query(trx, holder, [row.id])).length > 0)
    throw conflict('ServicePortInUse', `Port ${row.id} cannot be deleted directly via the port API: has device owner ${owner}.`);
  await dropPort(trx, row.id);
}

/** @throws NetworkError 409 for a port of a trunk or a local IP */
export async function dropPort(trx: Trx, id: string): Promise<void> {
  const trunks = await query<{ id: string }>(
    trx,
    'select id from network_trunk where port_id = $1 union select trunk_id from network_subport where port_id = $1',
    [id],
  );
  if (trunks.length > 0) throw conflict('PortInUse', `Port ${id} is currently a parent or subport of trunk ${trunks[0]!.id}.`);
  const local = await query<{ id: string }>(trx, 'select id from network_local_ip where local_port_id = $1', [id]);
  if (local.length > 0) throw conflict('PortInUse', `Port ${id} is in use by local IP ${local[0]!.id}.`);
  await disassociate(trx, id);
  await query(trx, 'delete from network_log where target_id = $1', [id]);
  await query(trx, 'delete from network_port where id = $1', [id]);
}

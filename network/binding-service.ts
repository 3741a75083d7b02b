import { conflict, notFound } from './network-error.ts';
import { query } from './mechanism/statement.ts';
import { touch } from './mechanism/row-write.ts';
import type { Trx, Values } from './resource.ts';

/** Moves a port from host to host: the other binding is prepared, then made the active one. */
export async function activateBinding(trx: Trx, portId: string, host: string): Promise<Values> {
  const [port] = await query<{ host: string }>(trx, 'select host from network_port where id = $1 for update', [portId]);
  if (port!.host === host) throw conflict('PortBindingAlreadyActive', `Binding for port ${portId} on host ${host} is already active.`);
  const [next] = await query<Record<string, unknown>>(
    trx,
    'delete from network_port_binding where port_id = $1 and host = $2 returning *',
    [portId, host],
  );
  if (next === undefined) throw notFound('PortBindingNotFound', `Binding for port ${portId} for host ${host} could not be found.`);
  await query(
    trx,
    `insert into network_port_binding (port_id, host, vnic_type, profile, vif_type, vif_details)
     select id, host, vnic_type, profile, vif_type, vif_details from network_port where id = $1 and host <> ''`,
    [portId],
  );
  await query(
    trx,
    `update network_port set host = $2, vnic_type = $3, profile = $4, vif_type = $5, vif_details = $6, status = 'ACTIVE' where id = $1`,
    [portId, host, next['vnic_type'], JSON.stringify(next['profile']), next['vif_type'], JSON.stringify(next['vif_details'])],
  );
  await touch(trx, 'network_port', [portId]);
  const { host: at, vnic_type: vnicType, profile, vif_type: vifType, vif_details: details } = next;
  return { host: at, vnic_type: vnicType, profile, vif_type: vifType, vif_details: details, status: 'ACTIVE' };
}

import { eui64, type IpPrefix } from '../../core/base/ip-address.ts';
import { touch } from '../mechanism/row-write.ts';
import { query } from '../mechanism/statement.ts';
import type { Trx } from '../resource.ts';
import { isAutomatic } from '../address/subnet-policy.ts';

/** Addresses that machines make themselves (RFC 4862): ports of the network have them as long as the subnet is there. */
export async function automaticAddresses(
  trx: Trx,
  subnet: { id: string; networkId: string; prefix: IpPrefix; mode: string | undefined },
): Promise<void> {
  if (!isAutomatic(subnet.mode)) return;
  const ports = await query<{ id: string; mac: string }>(
    trx,
    `select p.id, p.mac_address::text as mac from network_port p where p.network_id = $1 and p.device_owner not like 'network:router%'
       and p.ip_allocation = 'immediate' and p.device_owner <> 'network:floatingip'`,
    [subnet.networkId],
  );
  if (ports.length === 0) return;
  await query(
    trx,
    `insert into network_address (subnet_id, network_id, port_id, ip_address, position)
     select $1, $2, port, ip, 100 from unnest($3::uuid[], $4::inet[]) as each (port, ip) on conflict do nothing`,
    [subnet.id, subnet.networkId, ports.map((port) => port.id), ports.map((port) => eui64(subnet.prefix, port.mac))],
  );
  await touch(
    trx,
    'network_port',
    ports.map((port) => port.id),
  );
}

export async function releaseAutomatic(trx: Trx, subnetId: string): Promise<void> {
  const ports = await query<{ port_id: string }>(trx, 'delete from network_address where subnet_id = $1 returning port_id', [subnetId]);
  await touch(
    trx,
    'network_port',
    ports.map((port) => port.port_id),
  );
}

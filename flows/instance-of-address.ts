import { sql, type Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';

/*
 * Whose instance an address on the boot plane's networks is: the address was given to a NIC (by lease, or as the address of a port that is bound to a
 * machine), the NIC is a machine's, the machine has a server. An address that two could have is nobody's.
 */
export async function serverOfAddress(
  db: Kysely<DatabaseSchema>,
  address: string,
  networks: { readonly names: readonly string[]; readonly cidrs: readonly string[] },
): Promise<string | undefined> {
  const { rows } = await sql<{ uuid: string }>`
    with machine as (
      select nic.node_uuid as uuid from lease l join port nic on nic.address = l.mac
        where l.ip_address = ${address} and l.state = 'bound' and l.expires_at > now() and l.subnet_id = any(${networks.names}::text[])
      union
      select n.uuid from network_address a join network_port p on p.id = a.port_id join node n on n.uuid::text = p.host
        where a.ip_address = ${address}::inet and a.ip_address <<= any(${networks.cidrs}::inet[]) and p.vnic_type = 'baremetal')
    select s.uuid from server s join node n on n.uuid = s.node_uuid and n.instance_uuid = s.uuid
    where s.deleted_at is null and n.uuid in (select uuid from machine) limit 2`.execute(db);
  return rows.length === 1 ? rows[0]!.uuid : undefined;
}

import { sql, type Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';

/*
 * What the boot plane's DHCP gives to machines is what the Network API says: a port that is bound to a node has the MAC address of the node's NIC, so its
 * addresses are that NIC's on every network that the boot plane serves.
 */
export interface BootAddresses {
  /** By MAC address. */
  readonly ipv4: Readonly<Record<string, string>>;
  readonly ipv6: Readonly<Record<string, string>>;
}

/**
 * @param prefixes of the networks that are served: an address elsewhere is somebody else's to give.
 */
export async function readBootAddresses(db: Kysely<DatabaseSchema>, prefixes: readonly string[]): Promise<BootAddresses> {
  const { rows } = await sql<{ mac: string; address: string; family: number }>`
    select distinct on (port.mac_address, family(address.ip_address))
      port.mac_address::text as mac, host(address.ip_address) as address, family(address.ip_address) as family
    from network_port port join network_address address on address.port_id = port.id
    where port.vnic_type = 'baremetal' and port.host <> '' and address.ip_address <<= any(${prefixes}::inet[])
    order by port.mac_address, family(address.ip_address), address.position`.execute(db);
  const of = (family: number) => Object.fromEntries(rows.filter((row) => row.family === family).map(({ mac, address }) => [mac, address]));
  return { ipv4: of(4), ipv6: of(6) };
}

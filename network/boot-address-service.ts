import { sql, type Kysely } from 'kysely';
import type { DatabaseSchema } from '../core/database/schema-types.ts';
import { OWN_BINARY } from './agent-service.ts';
import { DHCP_AGENT } from './noun/agent-noun.ts';

/*
 * What the boot plane's DHCP gives to machines is what the Network API says: a port that is bound to a node has the MAC address of the node's NIC, so its
 * addresses are that NIC's on every network that the boot plane serves.
 */
export interface BootAddresses {
  /** By MAC address. */
  readonly ipv4: Readonly<Record<string, string>>;
  readonly ipv6: Readonly<Record<string, string>>;
  /** NICs on networks that this host's DHCP agent was taken from: they are not answered. */
  readonly withdrawn: readonly string[];
}

/**
 * @param prefixes of the networks that are served: an address elsewhere is somebody else's to give.
 * @param host of the boot plane, as its DHCP agent is named.
 */
export async function readBootAddresses(db: Kysely<DatabaseSchema>, prefixes: readonly string[], host: string): Promise<BootAddresses> {
  const { rows } = await sql<{ mac: string; address: string; family: number; is_withdrawn: boolean }>`
    select distinct on (port.mac_address, family(address.ip_address))
      port.mac_address::text as mac, host(address.ip_address) as address, family(address.ip_address) as family,
      exists (select from network_agent a where a.agent_type = ${DHCP_AGENT} and a."binary" = ${OWN_BINARY} and a.host = ${host} and (not a.admin_state_up
        or exists (select from network_agent_withdrawal w where w.agent_id = a.id and w.network_id = port.network_id))) as is_withdrawn
    from network_port port join network_address address on address.port_id = port.id
    where port.vnic_type = 'baremetal' and port.host <> '' and address.ip_address <<= any(${prefixes}::inet[])
    order by port.mac_address, family(address.ip_address), address.position`.execute(db);
  const served = rows.filter((row) => !row.is_withdrawn);
  const of = (family: number) =>
    Object.fromEntries(served.filter((row) => row.family === family).map(({ mac, address }) => [mac, address]));
  const withdrawn = new Set(rows.filter((row) => row.is_withdrawn).map(({ mac }) => mac));
  return { ipv4: of(4), ipv6: of(6), withdrawn: [...withdrawn] };
}

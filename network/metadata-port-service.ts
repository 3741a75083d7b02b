import type { Logger } from '../core/base/logger.ts';
import { NetworkError } from './network-error.ts';
import { readRow, type Db } from './mechanism/row-read.ts';
import { ANYONE } from './mechanism/seen.ts';
import { query } from './mechanism/statement.ts';
import { inTransaction } from './mechanism/transaction.ts';
import { createPort, portNetwork } from './noun/port-create.ts';
import { ports } from './noun/port-noun.ts';
import { dropPort } from './noun/port-remove.ts';
import { updatePort } from './noun/port-update.ts';
import { METADATA_OWNER } from './ovn/network-state.ts';
import type { Trx } from './resource.ts';

/*
 * Each network whose machines ask for their addresses has one port at which every host answers for metadata: it has an address of each IPv4 subnet with DHCP, to which
 * machines are told the way (option 121).
 */
interface Gap {
  readonly networkId: string;
  readonly portId: string | null;
  readonly isWanted: boolean;
  readonly subnets: readonly string[];
}

const WANTED = 'array(select s.id from network_subnet s where s.network_id = n.id and s.enable_dhcp and s.ip_version = 4 order by s.id)';
const HAS = `array(select a.subnet_id from network_address a join network_subnet s on s.id = a.subnet_id where a.port_id = m.port_id and s.ip_version = 4 order by 1)`;
const GAPS = `select * from (
    select n.id as "networkId", m.port_id as "portId", ${WANTED} as subnets, ${HAS} as has,
      exists (select from network_subnet s where s.network_id = n.id and s.enable_dhcp) as "isWanted"
    from network n left join network_metadata_port m on m.network_id = n.id) each
  where "isWanted" <> ("portId" is not null) or ("isWanted" and subnets <> has)`;

/** @returns how many ports were made, changed and removed; a network without room for one is told, and goes without */
export async function keepMetadataPorts(db: Db, logger: Logger): Promise<number> {
  const gaps = await query<Gap>(db, GAPS);
  let changed = 0;
  for (const gap of gaps) {
    try {
      await inTransaction(db, (trx) => closeGap(trx, gap));
      changed += 1;
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      logger.warn({ err: error, network: gap.networkId }, 'machines of this network can not ask for metadata');
    }
  }
  return changed;
}

async function closeGap(trx: Trx, { networkId, portId, isWanted, subnets }: Gap): Promise<void> {
  const all = { trx, actor: ANYONE };
  if (!isWanted) return portId === null ? undefined : dropPort(trx, portId);
  const before = portId === null ? undefined : await readRow(trx, ANYONE, ports, portId);
  if (before === undefined) {
    const id = await createPort(all, await portNetwork(all, networkId), {
      project_id: '',
      network_id: networkId,
      device_owner: METADATA_OWNER,
      device_id: `ovnmeta-${networkId}`,
      fixed_ips: subnets.map((id) => ({ subnet_id: id })),
    });
    await query(trx, 'insert into network_metadata_port (network_id, port_id) values ($1, $2)', [networkId, id]);
    return;
  }
  const kept = (before['fixed_ips'] as { subnet_id: string; ip_address: string }[]).filter(
    ({ subnet_id: subnet, ip_address: address }) => address.includes(':') || subnets.includes(subnet),
  );
  const added = subnets.filter((id) => !kept.some(({ subnet_id: subnet }) => subnet === id)).map((id) => ({ subnet_id: id }));
  await updatePort(all, before, { fixed_ips: [...kept, ...added] });
}

/** Whose a port is that has an address or a MAC address on a network. */
export interface PortHolder {
  readonly deviceId: string;
  readonly projectId: string;
}

/** Undefined when it is nobody's. The address is one that the network gave; the MAC address is in any form that PostgreSQL reads. */
export async function holderOnNetwork(
  db: Db,
  networkId: string,
  at: { readonly address: string } | { readonly mac: string },
): Promise<PortHolder | undefined> {
  const [condition, value] =
    'address' in at
      ? ['p.id = (select a.port_id from network_address a where a.network_id = $1 and a.ip_address = $2::inet)', at.address]
      : ['p.mac_address = $2::macaddr', at.mac];
  const rows = await query<PortHolder>(
    db,
    `select p.device_id as "deviceId", p.project_id as "projectId" from network_port p
     where p.network_id = $1 and ${condition} and p.device_owner not like 'network:%'`,
    [networkId, value],
  );
  return rows[0];
}

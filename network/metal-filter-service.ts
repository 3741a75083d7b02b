import type { Db } from './mechanism/row-read.ts';
import { OVN_BINARY } from './network-host-service.ts';
import { query } from './mechanism/statement.ts';

/*
 * Security groups of ports that are machines behind switches. A switch does not filter, and OVN only sees frames that pass it and tracks no connections there: a
 * stateful group is carried out by nobody, a stateless one between the machine and what is not its neighbour. It is said wherever somebody looks for a reason.
 */
export interface MetalPort {
  readonly portId: string;
  readonly nodeId: string;
  /** Names of its groups. */
  readonly groups: readonly string[];
  /** By OVN, where it sees the frames. */
  readonly isCarriedOut: boolean;
}

const PORTS = `select p.id as "portId", p.host as "nodeId", array_agg(g.name order by g.name) as groups,
    bool_and(not g.stateful) and exists (select from network_segment e where e.network_id = p.network_id and e.physical_network is not null)
      and exists (select from network_agent a where a."binary" = '${OVN_BINARY}') as "isCarriedOut" from network_port p
  join network_port_security_group s on s.port_id = p.id join network_security_group g on g.id = s.security_group_id
  where p.vnic_type = 'baremetal' and p.host <> '' and p.port_security_enabled`;

export const metalPortsOf = (db: Db, nodeId: string): Promise<MetalPort[]> =>
  query<MetalPort>(db, `${PORTS} and p.host = $1 group by p.id order by p.id`, [nodeId]);

/** Ports for which somebody has asked for more than what every port has, and has not got it. */
export async function askedForFilters(db: Db): Promise<MetalPort[]> {
  const asked = await query<MetalPort>(db, `${PORTS} group by p.id having bool_or(g.name <> 'default') order by p.id`);
  return asked.filter(({ isCarriedOut }) => !isCarriedOut);
}

export const describeFilters = ({ portId, groups, isCarriedOut }: MetalPort): string =>
  `the port ${portId} has the security groups ${groups.join(', ')}, ${
    isCarriedOut
      ? 'which OVN carries out; between neighbours on switches nothing is filtered'
      : 'which nobody carries out for a machine behind a switch: nothing is filtered (stateless groups are, where OVN sees the frames)'
  }`;

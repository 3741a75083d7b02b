import type { Db } from './mechanism/row-read.ts';
import { query } from './mechanism/statement.ts';

/*
 * Security groups of ports that are machines behind switches. A switch does not filter, and OVN sees their frames only behind its own ports: what a group says is
 * carried out by nobody, and so it is said wherever somebody looks for a reason.
 */
export interface UnfilteredPort {
  readonly portId: string;
  readonly nodeId: string;
  /** Names of its groups. */
  readonly groups: readonly string[];
}

const PORTS = `select p.id as "portId", p.host as "nodeId", array_agg(g.name order by g.name) as groups from network_port p
  join network_port_security_group s on s.port_id = p.id join network_security_group g on g.id = s.security_group_id
  where p.vnic_type = 'baremetal' and p.host <> '' and p.port_security_enabled`;

export const unfilteredPortsOf = (db: Db, nodeId: string): Promise<UnfilteredPort[]> =>
  query<UnfilteredPort>(db, `${PORTS} and p.host = $1 group by p.id order by p.id`, [nodeId]);

/** Those for which somebody has asked for more than what every port has. */
export const askedForFilters = (db: Db): Promise<UnfilteredPort[]> =>
  query<UnfilteredPort>(db, `${PORTS} group by p.id having bool_or(g.name <> 'default') order by p.id`);

export const describeUnfiltered = ({ portId, groups }: UnfilteredPort): string =>
  `the port ${portId} has the security groups ${groups.join(', ')}, which nobody carries out for a machine behind a switch: nothing is filtered`;

import type { GatewayHosts, NetworkState } from './network-state.ts';
import { differ, type Difference, type RowDifference } from './ovn-difference-policy.ts';
import { createOvsdbClient, OvsdbDisconnected, type OvsdbClient, type OvsdbOptions } from '../ovsdb/ovsdb-client.ts';
import type { Mirror } from '../ovsdb/ovsdb-mirror.ts';
import { elementsOf } from '../ovsdb/ovsdb-value-codec.ts';
import type { DesiredRow } from './rows/desired-row.ts';
import { routerRows } from './rows/router-rows.ts';
import { securityRows } from './rows/security-rows.ts';
import { switchRows } from './rows/switch-rows.ts';

/*
 * OVN's northbound database made equal to a network state. What was lost, or edited by hand, is there again after the next `apply`; that nothing differs costs no
 * transaction. Rows without our key in `external_ids` are somebody else's and stay.
 */
export interface OvnNorthbound {
  /** Resolves when the rows are written. @throws OvsdbError, OvsdbDisconnected */
  apply(state: NetworkState): Promise<Applied>;
  /** What `apply` would change. */
  compare(state: NetworkState): Promise<readonly RowDifference[]>;
  /** A change of nothing: hosts say that they have seen it, and so that they live. */
  ping(): Promise<void>;
  /** `nb_cfg`: the last change that was asked for. */
  sequence(): number;
  ready(): Promise<void>;
  isReady(): boolean;
  /** Resolves when every hypervisor has what was applied. @throws when the signal aborts */
  untilOnHypervisors(applied: Applied, signal: AbortSignal): Promise<void>;
  /** Ports that are plugged in somewhere (`up`). */
  portsUp(): ReadonlySet<string>;
  close(): void;
}

export interface Applied extends Omit<Difference, 'operations' | 'rows'> {
  readonly operations: number;
  /** `nb_cfg`: hypervisors say which one they have. */
  readonly sequence: number;
}

/** Columns that we write, or look at. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  NB_Global: ['nb_cfg', 'sb_cfg', 'hv_cfg'],
  Logical_Switch: ['name', 'ports', 'acls', 'dns_records', 'qos_rules', 'other_config', 'external_ids'],
  Logical_Switch_Port: [
    'name',
    'type',
    'addresses',
    'port_security',
    'options',
    'enabled',
    'parent_name',
    'tag',
    'dhcpv4_options',
    'dhcpv6_options',
    'ha_chassis_group',
    'up',
    'external_ids',
  ],
  Logical_Router: ['name', 'ports', 'static_routes', 'nat', 'load_balancer', 'enabled', 'options', 'external_ids'],
  Logical_Router_Port: ['name', 'mac', 'networks', 'gateway_chassis', 'enabled', 'ipv6_ra_configs', 'options', 'external_ids'],
  Logical_Router_Static_Route: ['ip_prefix', 'nexthop', 'output_port', 'external_ids'],
  HA_Chassis_Group: ['name', 'ha_chassis', 'external_ids'],
  HA_Chassis: ['chassis_name', 'priority', 'external_ids'],
  Gateway_Chassis: ['name', 'chassis_name', 'priority', 'external_ids'],
  NAT: ['type', 'external_ip', 'logical_ip', 'external_ids'],
  Load_Balancer: ['name', 'protocol', 'vips', 'external_ids'],
  Port_Group: ['name', 'ports', 'acls', 'external_ids'],
  ACL: ['direction', 'priority', 'match', 'action', 'external_ids'],
  Address_Set: ['name', 'addresses', 'external_ids'],
  DHCP_Options: ['cidr', 'options', 'external_ids'],
  QoS: ['priority', 'direction', 'match', 'action', 'bandwidth', 'external_ids'],
  DNS: ['records', 'external_ids'],
};

export const desiredRows = (state: NetworkState, hosts: GatewayHosts): DesiredRow[] => [
  ...switchRows(state, hosts),
  ...securityRows(state),
  ...routerRows(state),
];

/** Written by us, seen by us: how long an own transaction takes to come back in the mirror at most. */
const MIRROR_MS_MAX = 30_000;
const BUMP = { op: 'mutate', table: 'NB_Global', where: [], mutations: [['nb_cfg', '+=', 1]] };

export function connectNorthbound(
  options: Pick<OvsdbOptions, 'remotes' | 'tls' | 'onChange' | 'onWarning'>,
  gateways: () => GatewayHosts,
): OvnNorthbound {
  const client = createOvsdbClient({ ...options, database: 'OVN_Northbound', tables: TABLES });
  const compare = async (state: NetworkState) => {
    await client.ready();
    return differ(client.mirror, desiredRows(state, gateways()));
  };
  return {
    async apply(state) {
      const { operations, rows: _, ...counts } = await compare(state);
      const sequence = globalOf(client.mirror, 'nb_cfg');
      if (operations.length === 0) return { ...counts, operations: 0, sequence };
      // A new database has no such row until northd has seen it.
      if (!hasGlobal(client.mirror)) await client.until(hasGlobal, AbortSignal.timeout(MIRROR_MS_MAX));
      await client.transact([...operations, BUMP]);
      await seen(client, sequence + 1);
      return { ...counts, operations: operations.length, sequence: sequence + 1 };
    },
    compare: async (state) => (await compare(state)).rows,
    ping: () => client.transact([BUMP]),
    sequence: () => globalOf(client.mirror, 'nb_cfg'),
    ready: client.ready,
    isReady: client.isReady,
    untilOnHypervisors: ({ sequence }, signal) => client.until((mirror) => globalOf(mirror, 'hv_cfg') >= sequence, signal),
    portsUp() {
      const ports = [...(client.mirror.get('Logical_Switch_Port')?.values() ?? [])];
      return new Set(ports.filter((row) => elementsOf(row.get('up'))[0] === true).map((row) => String(row.get('name'))));
    },
    close: () => client.close(),
  };
}

/** Else the next difference would be made against the picture before it. */
const seen = (client: OvsdbClient, sequence: number) =>
  client
    .until((mirror) => globalOf(mirror, 'nb_cfg') >= sequence, AbortSignal.timeout(MIRROR_MS_MAX))
    .catch(() => {
      throw new OvsdbDisconnected('the northbound database did not show what was written to it');
    });

const hasGlobal = (mirror: Mirror) => (mirror.get('NB_Global')?.size ?? 0) > 0;
const globalOf = (mirror: Mirror, column: 'nb_cfg' | 'sb_cfg' | 'hv_cfg'): number =>
  Number([...(mirror.get('NB_Global')?.values() ?? [])][0]?.get(column) ?? 0);

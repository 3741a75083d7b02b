import type { GatewayHosts } from './network-state.ts';
import { createOvsdbClient, type OvsdbOptions } from '../ovsdb/ovsdb-client.ts';
import type { Mirror, Row } from '../ovsdb/ovsdb-mirror.ts';
import { isReference, type Value } from '../ovsdb/ovsdb-value-codec.ts';

/** OVN's southbound database, read only: which hosts there are, and how far each has come. */
export interface OvnSouthbound {
  ready(): Promise<void>;
  isReady(): boolean;
  hosts(): ChassisFact[];
  close(): void;
}

export interface ChassisFact {
  /** OVN's name of it (`system-id`). */
  readonly name: string;
  readonly hostname: string;
  readonly isGateway: boolean;
  /** `system`: the kernel's; `netdev`: in user space. */
  readonly datapathType: string;
  readonly bridgeMappings: string;
  /** The last change that it has carried out (`nb_cfg`). */
  readonly sequence: number;
}

const TABLES = {
  Chassis: ['name', 'hostname', 'other_config'],
  Chassis_Private: ['name', 'nb_cfg'],
} as const;

export function connectSouthbound(options: Pick<OvsdbOptions, 'remotes' | 'tls' | 'onChange' | 'onWarning'>): OvnSouthbound {
  const client = createOvsdbClient({ ...options, database: 'OVN_Southbound', tables: TABLES });
  return {
    ready: client.ready,
    isReady: client.isReady,
    hosts: () => hostsOf(client.mirror),
    close: () => client.close(),
  };
}

const rowsOf = (mirror: Mirror, table: keyof typeof TABLES): Row[] => [...(mirror.get(table)?.values() ?? [])];

function hostsOf(mirror: Mirror): ChassisFact[] {
  const sequences = new Map(rowsOf(mirror, 'Chassis_Private').map((row) => [String(row.get('name')), Number(row.get('nb_cfg') ?? 0)]));
  const hosts = rowsOf(mirror, 'Chassis').map((row) => {
    const config = row.get('other_config');
    const name = String(row.get('name'));
    return {
      name,
      hostname: String(row.get('hostname') ?? name),
      isGateway: option(config, 'ovn-cms-options').split(',').includes('enable-chassis-as-gw'),
      datapathType: option(config, 'datapath-type') || 'system',
      bridgeMappings: option(config, 'ovn-bridge-mappings'),
      sequence: sequences.get(name) ?? 0,
    };
  });
  return hosts.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function option(config: Value | undefined, name: string): string {
  if (typeof config !== 'object' || isReference(config) || !('map' in config)) return '';
  return String(config.map.get(name) ?? '');
}

/** Hosts that say that they are gateways; where none does, each is one that has a way to a network of the site. */
export function gatewaysOf(hosts: readonly ChassisFact[]): GatewayHosts {
  const named = hosts.filter(({ isGateway }) => isGateway);
  const able = hosts.filter(({ bridgeMappings }) => bridgeMappings !== '');
  const chosen = named.length > 0 ? named : able.length > 0 ? able : hosts;
  return { chassis: chosen.map(({ name }) => name) };
}

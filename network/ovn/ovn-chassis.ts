import { METADATA_CIDRS, METADATA_NETWORK } from './rows/desired-row.ts';
import { createOvsdbClient, OvsdbError, type OvsdbClient, type OvsdbOptions } from '../ovsdb/ovsdb-client.ts';
import type { Row } from '../ovsdb/ovsdb-mirror.ts';
import { elementsOf, isReference, textMap, writeValue, type Value } from '../ovsdb/ovsdb-value-codec.ts';

/*
 * One host of OVN, seen from itself: which networks have machines here (southbound database), and its own switch (Open vSwitch's database), to which the port is
 * plugged at which the host answers these machines for metadata.
 */
export interface OvnChassis {
  ready(): Promise<void>;
  isReady(): boolean;
  /** Networks with a metadata port and a machine on this host, or one behind a switch that this host answers for. */
  metadataNetworks(): MetadataNetwork[];
  /** Network → device that is plugged in for it. */
  plugged(): ReadonlyMap<string, string>;
  /** @throws OvsdbError, OvsdbDisconnected */
  plug(network: MetadataNetwork, device: string): Promise<void>;
  unplug(device: string): Promise<void>;
  close(): void;
}

export interface MetadataNetwork {
  readonly networkId: string;
  readonly portId: string;
  readonly mac: string;
  /** Addresses with the length of their prefix. */
  readonly cidrs: readonly string[];
}

export interface ChassisOptions extends Pick<OvsdbOptions, 'onChange' | 'onWarning'> {
  readonly southbound: Pick<OvsdbOptions, 'remotes' | 'tls'>;
  readonly openVSwitch: string;
  /** OVN's integration bridge. */
  readonly bridge: string;
}

const SOUTHBOUND = {
  Chassis: ['name'],
  Port_Binding: ['logical_port', 'type', 'datapath', 'chassis', 'mac', 'external_ids'],
} as const;
const SWITCH = {
  Open_vSwitch: ['external_ids'],
  Bridge: ['name', 'ports'],
  Port: ['name', 'external_ids'],
} as const;
/** Types of ports that are machines: plugged in here, or behind a switch of the site (ovn-sb(5), Port_Binding). */
const MACHINES: ReadonlySet<string> = new Set(['', 'external']);
/** Of our ports on the switch; others are somebody else's. */
const PLUGGED_FOR = 'rackwright:metadata';

export function connectChassis({ southbound, openVSwitch, bridge, onChange, onWarning }: ChassisOptions): OvnChassis {
  const more = { onWarning, ...(onChange === undefined ? {} : { onChange }) };
  const cloud = createOvsdbClient({ ...southbound, ...more, database: 'OVN_Southbound', tables: SOUTHBOUND });
  const local = createOvsdbClient({ remotes: [openVSwitch], ...more, database: 'Open_vSwitch', tables: SWITCH });
  const ports = () => [...(local.mirror.get('Port') ?? [])];
  const changePorts = (mutations: readonly unknown[]) => ({ op: 'mutate', table: 'Bridge', where: [['name', '==', bridge]], mutations });
  return {
    async ready() {
      await Promise.all([cloud.ready(), local.ready()]);
    },
    isReady: () => cloud.isReady() && local.isReady(),
    metadataNetworks: () => networksOf(cloud, ownName(local)),
    plugged: () =>
      new Map(
        ports().flatMap(([, row]) => {
          const network = option(row.get('external_ids'), PLUGGED_FOR);
          return network === '' ? [] : [[network, String(row.get('name'))] as const];
        }),
      ),
    async plug({ networkId, portId }, device) {
      if (!rowsOf(local, 'Bridge').some((row) => row.get('name') === bridge)) throw new OvsdbError(`this host has no bridge ${bridge}`);
      if (ports().some(([, row]) => row.get('name') === device)) return;
      const ids = (values: Readonly<Record<string, string>>) => writeValue(textMap(values));
      await local.transact([
        { op: 'insert', table: 'Interface', 'uuid-name': 'device', row: { name: device, external_ids: ids({ 'iface-id': portId }) } },
        {
          op: 'insert',
          table: 'Port',
          'uuid-name': 'port',
          row: { name: device, interfaces: ['named-uuid', 'device'], external_ids: ids({ [PLUGGED_FOR]: networkId }) },
        },
        changePorts([['ports', 'insert', ['set', [['named-uuid', 'port']]]]]),
      ]);
    },
    async unplug(device) {
      const uuids = ports().flatMap(([uuid, row]) => (row.get('name') === device ? [['uuid', uuid]] : []));
      if (uuids.length > 0) await local.transact([changePorts([['ports', 'delete', ['set', uuids]]])]);
    },
    close() {
      cloud.close();
      local.close();
    },
  };
}

const rowsOf = (client: OvsdbClient, table: string): Row[] => [...(client.mirror.get(table)?.values() ?? [])];
const ownName = (local: OvsdbClient): string => option(rowsOf(local, 'Open_vSwitch')[0]?.get('external_ids'), 'system-id');
const referenceOf = (value: Value | undefined): string => {
  const [first] = elementsOf(value);
  return isReference(first) ? first.uuid : '';
};

function networksOf(cloud: OvsdbClient, name: string): MetadataNetwork[] {
  const chassis = [...(cloud.mirror.get('Chassis') ?? [])].find(([, row]) => row.get('name') === name)?.[0];
  if (chassis === undefined) return [];
  const bindings = rowsOf(cloud, 'Port_Binding');
  const isHere = (row: Row) => MACHINES.has(String(row.get('type') ?? '')) && referenceOf(row.get('chassis')) === chassis;
  const datapaths = new Set(bindings.filter(isHere).map((row) => referenceOf(row.get('datapath'))));
  return bindings.flatMap((row) => {
    const networkId = option(row.get('external_ids'), METADATA_NETWORK);
    if (row.get('type') !== 'localport' || networkId === '' || !datapaths.has(referenceOf(row.get('datapath')))) return [];
    const cidrs = option(row.get('external_ids'), METADATA_CIDRS).split(' ').filter(Boolean);
    const mac = String(elementsOf(row.get('mac'))[0] ?? '').split(' ')[0]!;
    return [{ networkId, portId: String(row.get('logical_port')), mac, cidrs }];
  });
}

function option(config: Value | undefined, name: string): string {
  if (typeof config !== 'object' || isReference(config) || !('map' in config)) return '';
  return String(config.map.get(name) ?? '');
}

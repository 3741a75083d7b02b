import { createOvsdbClient, OvsdbError, type OvsdbClient, type OvsdbOptions, type Operation } from '../ovsdb/ovsdb-client.ts';
import type { Row } from '../ovsdb/ovsdb-mirror.ts';
import { elementsOf, isReference, setOf, writeValue, type Value } from '../ovsdb/ovsdb-value-codec.ts';
import { hasSameLag, hasSameVlans, lagsOf, SwitchError, type Lag, type PortVlans, type SwitchDriver } from './switch-driver.ts';

/*
 * Open vSwitch as a switch of machines, by its database (ovs-vswitchd.conf.db(5), table Port: `vlan_mode`, `tag`, `trunks`). Only ports of the one bridge are
 * seen. VLANs need not be made. It does not tell its LLDP neighbours in the database.
 */
export interface OvsOptions extends Pick<OvsdbOptions, 'remotes' | 'tls'> {
  readonly bridge: string;
  readonly onChange?: () => void;
}

const TABLES = {
  Open_vSwitch: ['ovs_version'],
  Bridge: ['name', 'ports'],
  Port: ['name', 'interfaces', 'vlan_mode', 'tag', 'trunks', 'protected', 'lacp', 'bond_mode'],
  Interface: ['name', 'mac_in_use'],
} as const;

/** Reserved by 802.1Q, so nobody's: an empty `trunks` would mean every VLAN. */
const NO_VLAN = 4095;
const CONNECT_MS_MAX = 10_000;

export function createOvsSwitchDriver(options: OvsOptions): SwitchDriver {
  const { bridge } = options;
  let lastWarning = 'it does not answer';
  const client = createOvsdbClient({
    remotes: options.remotes,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.onChange === undefined ? {} : { onChange: options.onChange }),
    database: 'Open_vSwitch',
    tables: TABLES,
    onWarning: (fields) => void (lastWarning = String((fields as { why?: unknown }).why)),
  });
  const ready = async (signal: AbortSignal) => {
    if (client.isReady()) return;
    const either = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS_MAX)]);
    await client
      .until(() => true, either)
      .catch((cause: unknown) => {
        throw new SwitchError('absent', `${options.remotes.join(', ')}: ${lastWarning}`, { cause });
      });
  };
  return {
    async describe(signal) {
      await ready(signal);
      const chassisMac = String(
        rowsOf(client, 'Interface')
          .find((row) => row.get('name') === bridge)
          ?.get('mac_in_use') ?? '',
      );
      if (chassisMac === '') throw new SwitchError('refused', `the switch has no bridge ${bridge}`);
      const [version] = elementsOf(rowsOf(client, 'Open_vSwitch')[0]?.get('ovs_version'));
      return { chassisMac, model: `Open vSwitch bridge ${bridge}`, software: `Open vSwitch ${String(version ?? '')}`.trim() };
    },
    async readPorts(names, signal) {
      await ready(signal);
      const known = portsOf(client, bridge);
      return new Map(names.flatMap((name) => (known.has(name) ? [[name, known.get(name)!.vlans] as const] : [])));
    },
    async writePorts(wished, signal) {
      await ready(signal);
      const known = portsOf(client, bridge);
      for (const name of wished.keys()) if (!known.has(name)) throw new SwitchError('refused', `the bridge ${bridge} has no port ${name}`);
      const operations = portOperations(bridge, known, wished);
      await client.transact(operations).catch((cause: Error) => {
        throw new SwitchError(cause instanceof OvsdbError ? 'refused' : 'absent', cause.message, { cause });
      });
      const isThere = () => {
        const now = portsOf(client, bridge);
        return [...wished].every(([name, vlans]) => now.has(name) && hasSameVlans(now.get(name)!.vlans, vlans));
      };
      await client.until(isThere, AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS_MAX)])).catch((cause: unknown) => {
        throw new SwitchError('absent', 'the database did not show what was written to it', { cause });
      });
    },
    neighbours: undefined,
    close: () => client.close(),
  };
}

const rowsOf = (client: OvsdbClient, table: keyof typeof TABLES): Row[] => [...(client.mirror.get(table)?.values() ?? [])];

interface KnownPort {
  /** Of the port, or of the bond that it is a member of. */
  readonly portUuid: string;
  readonly interfaceUuid: string;
  readonly vlans: PortVlans;
}

/** By the names of interfaces: those are what is plugged in. */
function portsOf(client: OvsdbClient, bridge: string): Map<string, KnownPort> {
  const ports = rowsOf(client, 'Bridge')
    .find((row) => row.get('name') === bridge)
    ?.get('ports');
  const table = client.mirror.get('Port');
  const interfaces = client.mirror.get('Interface');
  return new Map(
    uuidsOf(ports).flatMap((portUuid) => {
      const row = table?.get(portUuid);
      if (row === undefined) return [];
      const members = uuidsOf(row.get('interfaces')).map((uuid) => [String(interfaces?.get(uuid)?.get('name') ?? ''), uuid] as const);
      const lag = members.length < 2 ? {} : { lag: lagOf(row, members.map(([name]) => name).toSorted()) };
      return members.map(([name, interfaceUuid]) => [name, { portUuid, interfaceUuid, vlans: { ...decodePort(row), ...lag } }] as const);
    }),
  );
}

const uuidsOf = (value: Value | undefined): string[] => elementsOf(value).flatMap((atom) => (isReference(atom) ? [atom.uuid] : []));
const lagOf = (row: Row, members: readonly string[]): Lag => ({ mode: isLacp(row) ? 'lacp' : 'static', members });
const isLacp = (row: Row) => elementsOf(row.get('lacp')).includes('active');

/**
 * What is the same port before and after is changed; else its row goes, and the interfaces come back in rows of their own or of a bond. @throws SwitchError
 */
function portOperations(bridge: string, known: ReadonlyMap<string, KnownPort>, wished: ReadonlyMap<string, PortVlans>): Operation[] {
  const lags = lagsOf(wished);
  for (const { lag } of lags.values()) {
    if (lag.mode === 'static')
      throw new SwitchError('refused', `Open vSwitch has no static LAG: ${lag.members.join(', ')} need LACP (mode 802.3ad)`);
    if (lag.members.length === 1) throw new SwitchError('refused', `Open vSwitch has no bond of one port: ${lag.members[0]}`);
  }
  const torn = new Set<string>();
  for (const [name, vlans] of wished) if (!hasSameLag(known.get(name)!.vlans, vlans)) torn.add(known.get(name)!.portUuid);
  const abandoned = [...known].find(([name, { portUuid }]) => torn.has(portUuid) && !wished.has(name));
  if (abandoned !== undefined)
    throw new SwitchError('refused', `${abandoned[0]} is in a bond with others, and nobody says what becomes of it`);
  const kept = [...wished].filter(([name]) => !torn.has(known.get(name)!.portUuid));
  const made = [...wished].filter(([name]) => torn.has(known.get(name)!.portUuid));
  const rows = [
    ...made.filter(([, { lag }]) => lag === undefined).map(([name, vlans]) => ({ name, members: [name], vlans })),
    ...[...lags.values()]
      .filter(({ lag }) => made.some(([name]) => lag.members.includes(name)))
      .map((vlans) => ({ name: `bond-${vlans.lag.members[0]}`, members: vlans.lag.members, vlans })),
  ];
  const inserts = rows.map(({ name, members, vlans }, at) => ({
    op: 'insert',
    table: 'Port',
    'uuid-name': `port${at}`,
    row: {
      name,
      interfaces: ['set', members.map((member) => ['uuid', known.get(member)!.interfaceUuid])],
      ...encodePort(vlans),
      ...(vlans.lag === undefined ? {} : BOND),
    },
  }));
  const mutations = [
    ['ports', 'delete', ['set', [...torn].map((uuid) => ['uuid', uuid])]],
    ['ports', 'insert', ['set', rows.map((_row, at) => ['named-uuid', `port${at}`])]],
  ];
  return [
    ...kept.map(([name, vlans]) => ({
      op: 'update',
      table: 'Port',
      where: [['_uuid', '==', ['uuid', known.get(name)!.portUuid]]],
      row: encodePort(vlans),
    })),
    ...inserts,
    ...(torn.size === 0 ? [] : [{ op: 'mutate', table: 'Bridge', where: [['name', '==', bridge]], mutations }]),
  ];
}

/** Until the machine speaks LACP one member passes frames. */
const BOND = { lacp: 'active', bond_mode: 'balance-tcp', other_config: ['map', [['lacp-fallback-ab', 'true']]] };

function decodePort(row: Row): PortVlans {
  const numbers = (column: string) => elementsOf(row.get(column)).map(Number);
  const [tag = null] = numbers('tag');
  const trunks = numbers('trunks').toSorted((one, other) => one - other);
  const mode = String(elementsOf(row.get('vlan_mode'))[0] ?? (tag === null ? 'trunk' : 'access'));
  if (mode === 'access') return { untagged: tag ?? 0, tagged: [] };
  const untagged = mode === 'trunk' ? null : tag;
  if (trunks.length === 0) return { untagged, tagged: 'all' };
  return { untagged, tagged: trunks.filter((vlan) => vlan !== NO_VLAN && vlan !== untagged) };
}

function encodePort({ untagged, tagged }: PortVlans): Record<string, unknown> {
  if (tagged === 'all') throw new SwitchError('refused', 'a port of a machine does not carry every VLAN');
  const isAccess = untagged !== null && tagged.length === 0;
  const isClosed = untagged === null && tagged.length === 0;
  const trunks = isClosed ? [NO_VLAN] : isAccess ? [] : [...(untagged === null ? [] : [untagged]), ...tagged];
  return {
    vlan_mode: isAccess ? 'access' : untagged === null ? 'trunk' : 'native-untagged',
    tag: writeValue(setOf(untagged === null ? [] : [untagged])),
    trunks: writeValue(setOf(trunks)),
    // Two closed ports do not even exchange frames that carry the reserved tag.
    protected: isClosed,
  };
}

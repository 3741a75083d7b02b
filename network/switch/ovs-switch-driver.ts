import { createOvsdbClient, OvsdbError, type OvsdbClient, type OvsdbOptions } from '../ovsdb/ovsdb-client.ts';
import type { Row } from '../ovsdb/ovsdb-mirror.ts';
import { elementsOf, isReference, setOf, writeValue } from '../ovsdb/ovsdb-value-codec.ts';
import { SwitchError, type PortVlans, type SwitchDriver } from './switch-driver.ts';

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
  Port: ['name', 'vlan_mode', 'tag', 'trunks', 'protected'],
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
      return new Map(names.flatMap((name) => (known.has(name) ? [[name, decodePort(known.get(name)!.row)] as const] : [])));
    },
    async writePorts(wished, signal) {
      await ready(signal);
      const known = portsOf(client, bridge);
      const operations = [...wished].map(([name, vlans]) => {
        const port = known.get(name);
        if (port === undefined) throw new SwitchError('refused', `the bridge ${bridge} has no port ${name}`);
        return { op: 'update', table: 'Port', where: [['_uuid', '==', ['uuid', port.uuid]]], row: encodePort(vlans) };
      });
      await client.transact(operations).catch((cause: Error) => {
        throw new SwitchError(cause instanceof OvsdbError ? 'refused' : 'absent', cause.message, { cause });
      });
      const isThere = () => {
        const now = portsOf(client, bridge);
        return [...wished].every(([name, vlans]) => now.has(name) && sameText(decodePort(now.get(name)!.row), vlans));
      };
      await client.until(isThere, AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS_MAX)])).catch((cause: unknown) => {
        throw new SwitchError('absent', 'the database did not show what was written to it', { cause });
      });
    },
    neighbours: undefined,
    close: () => client.close(),
  };
}

const sameText = (one: PortVlans, other: PortVlans) => JSON.stringify(one) === JSON.stringify(other);
const rowsOf = (client: OvsdbClient, table: keyof typeof TABLES): Row[] => [...(client.mirror.get(table)?.values() ?? [])];

function portsOf(client: OvsdbClient, bridge: string): Map<string, { readonly uuid: string; readonly row: Row }> {
  const ports = rowsOf(client, 'Bridge')
    .find((row) => row.get('name') === bridge)
    ?.get('ports');
  const table = client.mirror.get('Port');
  return new Map(
    elementsOf(ports).flatMap((atom) => {
      const row = isReference(atom) ? table?.get(atom.uuid) : undefined;
      return row === undefined ? [] : [[String(row.get('name')), { uuid: (atom as { uuid: string }).uuid, row }] as const];
    }),
  );
}

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

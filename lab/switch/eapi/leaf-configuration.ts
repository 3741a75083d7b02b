import { decodeVlanRange, encodeVlanRange } from '../../../network/switch/vlan-range-codec.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import { DEFAULT_VLAN, type LeafSwitch, type LeafVlans } from '../leaf-switch.ts';

/** What an operator has made of a leaf switch: its VLANs, and of each port both what it is as an access port and as a trunk. */
export interface LeafConfiguration {
  readonly vlans: ReadonlySet<number>;
  /** Port channels too, by their names. */
  readonly ports: ReadonlyMap<string, Switchport>;
}

export interface Switchport {
  readonly mode: 'access' | 'trunk';
  readonly access: number;
  readonly native: number;
  readonly allowed: readonly number[] | 'all';
  /** Of a member: the number of its port channel, whose VLANs count then. */
  readonly channel?: { readonly number: number; readonly mode: 'active' | 'passive' | 'on' };
  /** Of a port channel. */
  readonly fallback?: 'static' | 'individual';
}

export const channelName = (number: number): string => `Port-Channel${number}`;
export const isChannel = (name: string): boolean => name.startsWith('Port-Channel');
export const FRESH: Switchport = { mode: 'access', access: DEFAULT_VLAN, native: DEFAULT_VLAN, allowed: 'all' };

/** What the switch does from its start: ports as they were made in the lab. */
export const configurationOf = (leaf: LeafSwitch): LeafConfiguration => {
  const ports = new Map(leaf.ports().map((port) => [port.name, switchportOf(port.vlans())]));
  return { ports, vlans: new Set([DEFAULT_VLAN, ...leaf.ports().flatMap((port) => vlansOf(port.vlans()))]) };
};

const vlansOf = ({ untagged, tagged }: LeafVlans): number[] => [
  ...(untagged === null ? [] : [untagged]),
  ...(tagged === 'all' ? [] : tagged),
];

function switchportOf({ untagged, tagged }: LeafVlans): Switchport {
  const isAccess = untagged !== null && tagged.length === 0;
  const allowed = tagged === 'all' ? 'all' : isAccess ? 'all' : vlansOf({ untagged, tagged });
  return { mode: isAccess ? 'access' : 'trunk', access: untagged ?? DEFAULT_VLAN, native: untagged ?? DEFAULT_VLAN, allowed };
}

export function carryOut(leaf: LeafSwitch, { vlans, ports }: LeafConfiguration): void {
  leaf.setVlans(vlans);
  for (const port of leaf.ports()) {
    const own = ports.get(port.name)!;
    const group = own.channel === undefined ? null : channelName(own.channel.number);
    const wanted = carried(group === null ? own : (ports.get(group) ?? FRESH));
    port.setLag(group);
    if (JSON.stringify(wanted) !== JSON.stringify(port.vlans())) port.setVlans(wanted);
  }
}

function carried({ mode, access, native, allowed }: Switchport): LeafVlans {
  if (mode === 'access') return { untagged: access, tagged: [] };
  if (allowed === 'all') return { untagged: native, tagged: 'all' };
  return { untagged: allowed.includes(native) ? native : null, tagged: allowed.filter((vlan) => vlan !== native) };
}

/** `all`, `none` or a range; undefined: it is none of these. */
export function readAllowed(text: string): Switchport['allowed'] | undefined {
  if (text === 'all') return 'all';
  if (text === 'none') return [];
  const vlans = decodeVlanRange(text);
  return isMalformed(vlans) ? undefined : vlans;
}

export const showAllowed = (allowed: Switchport['allowed']): string =>
  allowed === 'all' ? 'ALL' : allowed.length === 0 ? 'NONE' : encodeVlanRange(allowed);

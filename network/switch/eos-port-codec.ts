import { isMalformed } from '../../core/base/malformed.ts';
import type { Lag, PortVlans } from './switch-driver.ts';
import { decodeVlanRange, encodeVlanRange } from './vlan-range-codec.ts';

/*
 * A port's VLANs as EOS has them: the value of `show interfaces switchport` for one interface, and the commands below `interface NAME`. A trunk's native VLAN
 * carries the frames without a tag only while it is among the allowed ones.
 */
export interface SwitchportValue {
  readonly enabled?: boolean;
  readonly switchportInfo?: {
    readonly mode?: string;
    readonly accessVlanId?: number;
    readonly trunkingNativeVlanId?: number;
    /** `ALL`, `NONE` or a range. */
    readonly trunkAllowedVlans?: string;
  };
}

/** What is none of the two modes equals no wish, so that it is made anew. */
const STRANGE: PortVlans = { untagged: null, tagged: 'all' };
const DEFAULT_VLAN = 1;

export function decodeSwitchport({ enabled, switchportInfo: info }: SwitchportValue): PortVlans {
  if (enabled === false || info === undefined) return STRANGE;
  if (info.mode === 'access') return { untagged: info.accessVlanId ?? DEFAULT_VLAN, tagged: [] };
  if (info.mode !== 'trunk') return STRANGE;
  const native = info.trunkingNativeVlanId ?? DEFAULT_VLAN;
  const allowed = info.trunkAllowedVlans ?? 'ALL';
  if (allowed === 'ALL') return { untagged: native, tagged: 'all' };
  const vlans = allowed === 'NONE' || allowed === '' ? [] : decodeVlanRange(allowed);
  if (isMalformed(vlans)) return STRANGE;
  return { untagged: vlans.includes(native) ? native : null, tagged: vlans.filter((vlan) => vlan !== native) };
}

/** `undefined`: EOS has no such port. */
export function encodeSwitchport({ untagged, tagged }: PortVlans): string[] | undefined {
  if (tagged === 'all') return undefined;
  if (untagged !== null && tagged.length === 0)
    return ['switchport', 'switchport mode access', `switchport access vlan ${untagged}`, 'no switchport trunk allowed vlan'];
  // The native VLAN has to be one that is not allowed, so that frames without a tag pass nowhere.
  if (untagged === null && tagged.includes(DEFAULT_VLAN)) return undefined;
  const allowed = [...(untagged === null ? [] : [untagged]), ...tagged];
  return [
    'switchport',
    'switchport mode trunk',
    `switchport trunk native vlan ${untagged ?? DEFAULT_VLAN}`,
    `switchport trunk allowed vlan ${allowed.length === 0 ? 'none' : encodeVlanRange(allowed)}`,
  ];
}

/** The value of `show port-channel dense`. */
export interface PortChannelsValue {
  readonly portChannels?: Readonly<
    Record<string, { readonly protocol?: string; readonly ports?: Readonly<Record<string, unknown>> } | undefined>
  >;
}

export interface PortChannel {
  readonly number: number;
  readonly lag: Lag;
}

/** By the name of each port that is a member; and the numbers that are taken. */
export function decodePortChannels({ portChannels = {} }: PortChannelsValue): {
  readonly byMember: ReadonlyMap<string, PortChannel>;
  readonly numbers: ReadonlySet<number>;
} {
  const byMember = new Map<string, PortChannel>();
  const numbers = new Set<number>();
  for (const [name, value] of Object.entries(portChannels)) {
    const number = Number(name.replace(PORT_CHANNEL, ''));
    numbers.add(number);
    // Ports of an MLAG's other switch are members too: such a LAG is nobody's wish.
    const members = Object.keys(value?.ports ?? {}).toSorted();
    for (const member of members) byMember.set(member, { number, lag: { mode: value?.protocol === 'lacp' ? 'lacp' : 'static', members } });
  }
  return { byMember, numbers };
}

export const PORT_CHANNEL = 'Port-Channel';

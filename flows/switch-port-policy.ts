import { describeVlans, hasSameVlans, type Lag, type PortVlans } from '../network/switch/switch-driver.ts';

/*
 * What a switch port of a machine shall carry, and why it can not: pure, from what the tables say at one moment. While the agent works, the port that boots is in
 * the network of that work; for a tenant it is in the network of its VIF, with the sub-ports of a trunk as tags; else it carries nothing.
 */
export type NetworkPurpose = 'provisioning' | 'cleaning' | 'rescuing' | 'inspection' | 'servicing' | 'tenant' | 'none';

export interface SwitchPortFact {
  readonly switchId: string;
  readonly portId: string;
  /** Null: the configuration has no such switch. */
  readonly switchName: string | null;
  readonly physicalNetwork: string | null;
  readonly nodeId: string;
  /** The port of the Bare Metal API, and its MAC address. */
  readonly portUuid: string;
  readonly mac: string;
  readonly purpose: NetworkPurpose;
  /** The network that was named for the purpose; null: none, or it is gone. */
  readonly network: NetworkFact | null;
  readonly hasNetworkId: boolean;
  readonly vif: VifFact | null;
  /** The port group that has the VIF; null: the port has it alone. */
  readonly group: GroupFact | null;
  readonly applied: PortVlans | null;
  /** ISO 8601; null: it was as it shall be. */
  readonly differsSince: string | null;
  readonly lastError: string | null;
  readonly switchError: string | null;
}

export interface NetworkFact {
  readonly id: string;
  readonly name: string;
  /** On the physical network of the switch; null: it has none there. */
  readonly vlan: number | null;
}

export interface VifFact {
  readonly id: string;
  /** Null: it is no port of the Network API that is bound to the node. */
  readonly network: NetworkFact | null;
  readonly subPorts: readonly { readonly id: string; readonly tag: number; readonly network: NetworkFact }[];
}

/** A port group of the Bare Metal API: a bond of the machine. */
export interface GroupFact {
  readonly name: string;
  /** Linux' name or number of it. */
  readonly mode: string;
  readonly members: readonly { readonly mac: string; readonly switchId: string | null; readonly portId: string | null }[];
}

export type Wish = { readonly vlans: PortVlans } | { readonly problem: string };

const NOTHING: Wish = { vlans: { untagged: null, tagged: [] } };

export function wishOf(fact: SwitchPortFact): Wish {
  if (fact.purpose === 'none') return NOTHING;
  if (fact.purpose !== 'tenant') {
    if (!fact.hasNetworkId) return NOTHING;
    return fact.network === null ? { problem: `the network of ${fact.purpose} is gone` } : inVlanOf(fact, fact.network, []);
  }
  const { vif } = fact;
  if (vif === null) return NOTHING;
  if (vif.network === null) return { problem: `the VIF ${vif.id} is no port of the Network API that is bound to this node` };
  const translated = vif.subPorts.find(({ tag, network }) => network.vlan !== null && network.vlan !== tag);
  if (translated !== undefined)
    return {
      problem: `the sub-port ${translated.id} wants the tag ${translated.tag} for VLAN ${translated.network.vlan}: switches do not translate, give it the segmentation type inherit`,
    };
  const wish = inVlanOf(
    fact,
    vif.network,
    vif.subPorts.map(({ network }) => network),
  );
  const lag = fact.group === null ? undefined : lagOf(fact.group);
  if (lag === undefined || 'problem' in wish) return wish;
  return 'problem' in lag ? lag : { vlans: { ...wish.vlans, lag } };
}

/** Bonds of Linux (bonding.rst) by what they want of the switch; null: nothing, each port is alone there. */
const LAG_MODES: Readonly<Record<string, Lag['mode'] | null>> = {
  '802.3ad': 'lacp',
  'balance-rr': 'static',
  'balance-xor': 'static',
  broadcast: 'static',
  'active-backup': null,
  'balance-tlb': null,
  'balance-alb': null,
};
const MODE_NUMBERS = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb'];

/** Linux' name of a mode that may be its number. */
export const modeName = (mode: string): string => MODE_NUMBERS[Number(mode)] ?? mode;

/** Undefined: the switch has nothing to do for this bond. */
export function lagOf({ name, mode, members }: GroupFact): Lag | { readonly problem: string } | undefined {
  const wanted = LAG_MODES[modeName(mode)];
  if (wanted === undefined) return { problem: `the port group ${name} has the mode ${mode}, which is none of ${MODE_NUMBERS.join(', ')}` };
  const unlinked = members.find(({ switchId, portId }) => switchId === null || portId === null);
  if (unlinked !== undefined) return { problem: `the port ${unlinked.mac} of the port group ${name} has no local_link_connection` };
  if (wanted === null) return undefined;
  if (new Set(members.map(({ switchId }) => switchId)).size > 1)
    return {
      problem: `the port group ${name} (${modeName(mode)}) is plugged into more than one switch: a LAG over two switches (MLAG) is not made`,
    };
  return { mode: wanted, members: members.map(({ portId }) => portId!).toSorted() };
}

function inVlanOf(fact: SwitchPortFact, own: NetworkFact, others: readonly NetworkFact[]): Wish {
  const missing = [own, ...others].find(({ vlan }) => vlan === null);
  if (missing !== undefined)
    return { problem: `the network ${missing.name || missing.id} has no VLAN on the physical network ${fact.physicalNetwork ?? '?'}` };
  return { vlans: { untagged: own.vlan, tagged: others.map(({ vlan }) => vlan!).toSorted((one, other) => one - other) } };
}

export function isApplied(fact: SwitchPortFact): boolean {
  const wish = wishOf(fact);
  return 'vlans' in wish && fact.applied !== null && hasSameVlans(wish.vlans, fact.applied);
}

/** `Ethernet1/1 of leaf-1`, for people. */
export const nameOf = ({ portId, switchName, switchId }: Pick<SwitchPortFact, 'portId' | 'switchName' | 'switchId'>): string =>
  `${portId} of ${switchName ?? `the switch ${switchId}`}`;

/** What a port is, shall be, and what keeps it from that: one line. */
export function describePort(fact: SwitchPortFact): string {
  const wish = wishOf(fact);
  const wanted = 'vlans' in wish ? describeVlans(wish.vlans) : `nothing that can be: ${wish.problem}`;
  const has = fact.applied === null ? 'was not seen yet' : `has ${describeVlans(fact.applied)}`;
  if (isApplied(fact)) return `${nameOf(fact)} ${has} (${fact.purpose})`;
  const error = fact.switchName === null ? 'the configuration has no such switch' : (fact.lastError ?? fact.switchError);
  return `${nameOf(fact)} ${has} and shall have ${wanted} (${fact.purpose})${error === null ? '' : `: ${error}`}`;
}

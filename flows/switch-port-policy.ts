import { describeVlans, hasSameVlans, type PortVlans } from '../network/switch/switch-driver.ts';

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
  return inVlanOf(
    fact,
    vif.network,
    vif.subPorts.map(({ network }) => network),
  );
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

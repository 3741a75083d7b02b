/*
 * Which rules are carried out, and where. OVN is the one that does: it limits rates of bits and marks frames, guarantees what a machine sends on a wire of the site,
 * and counts no packets. A guarantee is also a demand of resources, which a port tells as long as it is on no host. Frames of a machine behind a switch of the site
 * pass no host at all.
 */
export interface QosRule {
  readonly kind: string;
  readonly direction: string | null;
}

export interface QosPlace {
  readonly kind: 'port' | 'network' | 'floating IP' | 'router';
  readonly id: string;
  /** A network of tunnels has no wire whose bandwidth could be promised. */
  readonly hasWire: boolean;
  readonly isMetal: boolean;
  /** A port that is on a host. */
  readonly isBound: boolean;
}

export function isCarried({ kind, direction }: QosRule, place: QosPlace): boolean {
  if (place.isMetal) return false;
  if (kind === 'bandwidth_limit' || kind === 'dscp_marking') return true;
  if (!kind.startsWith('minimum_') || (place.kind !== 'port' && place.kind !== 'network')) return false;
  if (kind === 'minimum_bandwidth' && !place.hasWire) return false;
  return !place.isBound || (kind === 'minimum_bandwidth' && direction === 'egress');
}

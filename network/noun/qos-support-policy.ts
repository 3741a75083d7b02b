/*
 * Which rules are carried out, and where. OVN is the one that does: it limits rates of bits and marks frames, guarantees what a machine sends on a wire of the site,
 * and counts no packets. Frames of a machine behind a switch of the site do not pass it.
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
}

export function isCarried({ kind, direction }: QosRule, place: QosPlace): boolean {
  if (place.isMetal) return false;
  if (kind === 'bandwidth_limit' || kind === 'dscp_marking') return true;
  return kind === 'minimum_bandwidth' && direction === 'egress' && place.hasWire && (place.kind === 'port' || place.kind === 'network');
}

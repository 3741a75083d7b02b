/*
 * What a switch is asked to do for machines: which VLANs a port has. A driver makes exactly the ports that it is given so, and no other; who decides is above.
 */
export interface SwitchDriver {
  /** @throws SwitchError */
  describe(signal: AbortSignal): Promise<SwitchDescription>;
  /** Ports that the switch does not have are not in the answer. @throws SwitchError */
  readPorts(names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, PortVlans>>;
  /** All or nothing; the same again does nothing. VLANs that are missing are made. @throws SwitchError, and then nothing has changed */
  writePorts(wished: ReadonlyMap<string, PortVlans>, signal: AbortSignal): Promise<void>;
  /** Who is at the other end of which port, by LLDP; undefined when the switch can not be asked that. @throws SwitchError */
  readonly neighbours: ((signal: AbortSignal) => Promise<readonly Neighbour[]>) | undefined;
  close(): void;
}

export interface SwitchDescription {
  /** As in LLDP: what a port's `local_link_connection` names as `switch_id`. */
  readonly chassisMac: string;
  readonly model: string;
  readonly software: string;
}

/** Without any VLAN a port has its link, and no frame passes. Members of one LAG have the same VLANs. */
export interface PortVlans {
  /** The VLAN of frames without a tag. */
  readonly untagged: number | null;
  /** The VLANs of frames with a tag, rising. `all`: whoever made it so was not us. */
  readonly tagged: readonly number[] | 'all';
  /** Undefined: the port is alone. */
  readonly lag?: Lag;
}

/** Ports that are one link (IEEE 802.1AX): made and undone as a whole, so all members are written together. */
export interface Lag {
  /** `static`: nobody asks the machine whether it does the same. */
  readonly mode: 'lacp' | 'static';
  /** Names of ports, this one among them, rising. */
  readonly members: readonly string[];
}

export interface Neighbour {
  readonly port: string;
  readonly device: string;
  readonly devicePort: string;
}

/**
 * `refused`: the switch's own words, the same request will not do better. `absent`: nobody answers, or not in time. `untrusted`: somebody else answers, or the
 * credentials are wrong.
 */
export class SwitchError extends Error {
  override readonly name = 'SwitchError';
  readonly code: 'refused' | 'absent' | 'untrusted';
  constructor(code: SwitchError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const hasSameVlans = (one: PortVlans, other: PortVlans): boolean =>
  one.untagged === other.untagged && String(one.tagged) === String(other.tagged) && hasSameLag(one, other);

export const hasSameLag = ({ lag: one }: PortVlans, { lag: other }: PortVlans): boolean =>
  one?.mode === other?.mode && String(one?.members) === String(other?.members);

/** LAGs that are wished for, by their members; @throws SwitchError when one of them is not among the wishes */
export function lagsOf(wished: ReadonlyMap<string, PortVlans>): ReadonlyMap<string, PortVlans & { readonly lag: Lag }> {
  const lags = new Map<string, PortVlans & { readonly lag: Lag }>();
  for (const vlans of wished.values()) if (vlans.lag !== undefined) lags.set(String(vlans.lag.members), { ...vlans, lag: vlans.lag });
  for (const vlans of lags.values())
    for (const member of vlans.lag.members) {
      const own = wished.get(member);
      if (own === undefined || !hasSameVlans(own, vlans))
        throw new SwitchError('refused', `${member} is to be in a LAG of ${vlans.lag.members.join(', ')} and is not as the others`);
    }
  return lags;
}

/** `VLAN 7`, `VLAN 7 and tagged 8, 9`, `no VLAN`, `VLAN 7 in a LAG (LACP) of Ethernet1, Ethernet2` */
export function describeVlans({ untagged, tagged, lag }: PortVlans): string {
  const parts = [
    ...(untagged === null ? [] : [`VLAN ${untagged}`]),
    ...(tagged.length === 0 ? [] : [`tagged ${tagged === 'all' ? 'all' : tagged.join(', ')}`]),
  ];
  const group = lag === undefined ? '' : ` in a LAG (${lag.mode === 'lacp' ? 'LACP' : 'static'}) of ${lag.members.join(', ')}`;
  return `${parts.join(' and ') || 'no VLAN'}${group}`;
}

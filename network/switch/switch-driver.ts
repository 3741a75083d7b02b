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

/** Without any VLAN a port has its link, and no frame passes. */
export interface PortVlans {
  /** The VLAN of frames without a tag. */
  readonly untagged: number | null;
  /** The VLANs of frames with a tag, rising. `all`: whoever made it so was not us. */
  readonly tagged: readonly number[] | 'all';
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
  one.untagged === other.untagged && String(one.tagged) === String(other.tagged);

/** `VLAN 7`, `VLAN 7 and tagged 8, 9`, `no VLAN` */
export function describeVlans({ untagged, tagged }: PortVlans): string {
  const parts = [
    ...(untagged === null ? [] : [`VLAN ${untagged}`]),
    ...(tagged.length === 0 ? [] : [`tagged ${tagged === 'all' ? 'all' : tagged.join(', ')}`]),
  ];
  return parts.join(' and ') || 'no VLAN';
}

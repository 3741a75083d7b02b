import type { RakpVariant } from '../../bmc/ipmi/rakp-variant-codec.ts';

/** How an emulated BMC deviates from IPMI 2.0, as data: each is a habit of real ones, and `vendor-profile.ts` says whose. What is absent is as the standard has it. */
export interface IpmiOddities {
  /** In Get Device ID. */
  readonly manufacturerId?: number;
  /** What it puts into the codes of RAKP. */
  readonly rakp?: RakpVariant['name'];
  /** The level of Open Session is hashed, not that of RAKP 1: our client asks for the same in both. */
  readonly hashesOpenLevel?: true;
  /** It keeps no more than 16 bytes of a password. */
  readonly shortPasswords?: true;
  /** RAKP 2 has zeros after its code. */
  readonly longCodes?: true;
  /** Its session sequence numbers begin here. */
  readonly firstSequence?: number;
  /** The second checksum of its answers is wrong. */
  readonly wrongSums?: true;
  /** "The channel this came in on" is refused outside a session. */
  readonly noThisChannel?: true;
  readonly lanChannel?: number;
  /** Its capabilities tell of IPMI 1.5 alone. */
  readonly hidesIpmi20?: true;
  /** Each command of this number is answered with "busy". */
  readonly busyEvery?: number;
  /** Boot options that it does not know (parameter numbers). */
  readonly bootParametersLacking?: readonly number[];
  /** A persistent boot device is one for a single boot. */
  readonly persistentBootLost?: true;
  /** Of a UEFI system "disk" starts nothing, "primary remote media" does. */
  readonly uefiDiskIsRemoteMedia?: true;
  /** Chassis controls that it does not know (IPMI 2.0 table 28-4). */
  readonly controlsLacking?: readonly number[];
  /** Power off happens this much after its acknowledgement. */
  readonly powerOffDelayMs?: number;
  /** `none`: Chassis Identify is not there, nor told of; `seconds`: not until further notice. */
  readonly identify?: 'none' | 'seconds';
  /** Bytes of a sensor record at once. */
  readonly sdrBytesMax?: number;
  /** Each n-th read of a sensor record has lost its reservation. */
  readonly sdrReservationLostEvery?: number;
  /** Its clock is ahead of UTC. */
  readonly clockAheadSeconds?: number;
  /** Its traps go to IPv4 addresses only. */
  readonly ipv4TrapsAlone?: true;
  /** Serial over LAN is off until it is switched on, for the channel and for the user. */
  readonly solOff?: true;
  /** What it tells as the size of a SOL packet, and as its port. */
  readonly solTells?: { readonly bytesMax: number; readonly port: number };
}

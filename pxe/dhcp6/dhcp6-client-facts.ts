import type { MacAddress } from '../../core/base/mac-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { FirmwareFacts } from '../script/boot-file-policy.ts';
import type { Dhcp6Packet } from './dhcp6-message-codec.ts';
import {
  decodeArchitecture6,
  decodeElapsedSeconds,
  decodeHostname6,
  decodeIaNa,
  decodeLinkLayerAddress,
  decodeUserClasses6,
  decodeVendorClass6,
  type IdentityAssociation,
  isDuid,
  macOfDuid,
  macOfEui64,
  option6,
  OPTION6,
  options6,
} from './dhcp6-option-codec.ts';

/** A DHCPv6 request's options, read once. */
export interface Dhcp6ClientFacts {
  readonly mac: MacAddress;
  readonly duid: Buffer | undefined;
  readonly serverId: Buffer | undefined;
  readonly associations: readonly IdentityAssociation[];
  readonly hasRapidCommit: boolean;
  /** For how long the client says that it has been asking (option 8). */
  readonly seconds: number;
  readonly hostname: string | undefined;
  readonly firmware: FirmwareFacts;
}

/** More interfaces than a DHCPv6 client has in one request are an attack on whoever answers them. */
const ASSOCIATIONS_MAX = 16;

export interface MacSources {
  /** Where the packet came from: the client's own address when no relay brought it. */
  readonly source: string;
  /** What the kernel knows of `source`. */
  readonly neighbour?: MacAddress | undefined;
  readonly isKnown: (mac: MacAddress) => boolean;
}

/**
 * Which network port asks, so that a machine is the same one on IPv4 and IPv6. The relay next to it knows best (RFC 6939). A
 * DUID names the machine and may have the MAC of another of its ports, so an address made of a port that we know goes before it.
 */
export function findMac(packet: Dhcp6Packet, duid: Buffer | undefined, sources: MacSources): MacAddress | undefined {
  const nearest = packet.relays.at(-1);
  const relayed = nearest && decodeLinkLayerAddress(option6(nearest.options, OPTION6.clientLinkLayerAddress));
  if (relayed) return relayed;
  const ofAddress = macOfEui64(nearest?.peer ?? sources.source);
  if (ofAddress && sources.isKnown(ofAddress)) return ofAddress;
  return (duid && macOfDuid(duid)) ?? ofAddress ?? (nearest ? undefined : sources.neighbour);
}

/** The facts; a sentence saying why it cannot be answered; or undefined while nothing tells the client's MAC. */
export function readClientFacts6(packet: Dhcp6Packet, sources: MacSources): Dhcp6ClientFacts | string | undefined {
  const { options } = packet.message;
  const duid = option6(options, OPTION6.clientId);
  if (duid !== undefined && !isDuid(duid)) return `a client identifier of ${duid.length} bytes`;
  const values = options6(options, OPTION6.iaNa);
  if (values.length > ASSOCIATIONS_MAX) return `${values.length} identity associations in one message`;
  const associations: IdentityAssociation[] = [];
  for (const value of values) {
    const association = decodeIaNa(value);
    if (isMalformed(association)) return association.reason;
    associations.push(association);
  }
  const mac = findMac(packet, duid, sources);
  if (mac === undefined) return undefined;
  return {
    mac,
    duid,
    serverId: option6(options, OPTION6.serverId),
    associations,
    hasRapidCommit: option6(options, OPTION6.rapidCommit) !== undefined,
    seconds: decodeElapsedSeconds(option6(options, OPTION6.elapsedTime)),
    hostname: decodeHostname6(option6(options, OPTION6.clientFqdn)),
    firmware: {
      vendorClass: decodeVendorClass6(option6(options, OPTION6.vendorClass)),
      userClasses: decodeUserClasses6(option6(options, OPTION6.userClass)),
      architecture: decodeArchitecture6(option6(options, OPTION6.clientArchitecture)),
    },
  };
}

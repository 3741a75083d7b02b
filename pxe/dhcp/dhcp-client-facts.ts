import { type MacAddress, macAddressFromBytes } from '../../core/base/mac-address.ts';
import type { FirmwareFacts } from '../script/boot-file-policy.ts';
import type { DhcpMessage } from './dhcp-message-codec.ts';
import { decodeMachineUuid, decodeText, decodeUint16, decodeUint32, decodeUserClasses, OPTION } from './dhcp-option-codec.ts';

/** A request's options, read once. */
export interface DhcpClientFacts {
  readonly mac: MacAddress;
  readonly messageType: number;
  /** For how long the client says that it has been asking. */
  readonly secs: number;
  readonly clientId?: Buffer | undefined;
  readonly requestedAddress?: number | undefined;
  readonly serverIdentifier?: number | undefined;
  readonly hostname?: string | undefined;
  readonly firmware: FirmwareFacts;
  readonly machineUuid?: string | undefined;
  readonly requestedOptions: ReadonlySet<number>;
  /** Bytes of DHCP payload that the client can take. */
  readonly replyBytesMax: number;
}

const ETHERNET = 1;
/** RFC 2131 §2: every client takes a 576-byte datagram; 28 bytes of it are IP and UDP headers. */
const DATAGRAM_BYTES_MIN = 576;
/** Firmware cannot put fragments together, whatever it says in option 57. */
const DATAGRAM_BYTES_MAX = 1500;
const IP_UDP_HEADER_BYTES = 28;
/** DNS's limit on a name; longer is an attack on whoever prints it. */
const HOSTNAME_CHARACTERS_MAX = 255;

/** The facts, or a sentence saying why this is no DHCP request that can be answered. */
export function readClientFacts(request: DhcpMessage): DhcpClientFacts | string {
  const { options } = request;
  if (request.htype !== ETHERNET || request.chaddr.length !== 6)
    return `hardware type ${request.htype} with ${request.chaddr.length} address bytes is not Ethernet`;
  const type = options.get(OPTION.messageType);
  if (type === undefined) return 'a BOOTP request: it has no DHCP message type';
  if (type.length !== 1) return 'a DHCP message type that is not one byte';
  const wanted = decodeUint16(options.get(OPTION.maximumMessageSize)) ?? DATAGRAM_BYTES_MIN;
  const hostname = decodeText(options.get(OPTION.hostName))?.slice(0, HOSTNAME_CHARACTERS_MAX);
  return {
    mac: macAddressFromBytes(request.chaddr),
    messageType: type[0]!,
    secs: request.secs,
    clientId: options.get(OPTION.clientIdentifier),
    requestedAddress: decodeUint32(options.get(OPTION.requestedAddress)),
    serverIdentifier: decodeUint32(options.get(OPTION.serverIdentifier)),
    hostname: hostname === '' ? undefined : hostname,
    firmware: {
      vendorClass: decodeText(options.get(OPTION.vendorClass)),
      userClasses: decodeUserClasses(options.get(OPTION.userClass)),
      architecture: decodeUint16(options.get(OPTION.clientArchitecture)),
    },
    machineUuid: decodeMachineUuid(options.get(OPTION.clientMachineIdentifier)),
    requestedOptions: new Set(options.get(OPTION.parameterRequestList)),
    replyBytesMax: Math.min(DATAGRAM_BYTES_MAX, Math.max(DATAGRAM_BYTES_MIN, wanted)) - IP_UDP_HEADER_BYTES,
  };
}

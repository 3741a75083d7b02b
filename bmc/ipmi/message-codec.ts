import { isMalformed, malformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * An IPMI message as a LAN session carries it (IPMI 2.0 §13.8). Requests and responses share the layout; a response has
 * an odd netFn and its data starts with the completion code.
 *
 *   0 responder address | 1 netFn << 2 | responder LUN | 2 checksum of 0..1
 *   3 requester address | 4 sequence << 2 | requester LUN | 5 command | 6.. data | last: checksum of 3..
 *
 * For a response, the first address is the requester's (the one the message goes to).
 */
export interface IpmiMessage {
  readonly toAddress: number;
  readonly toLun: number;
  readonly netFn: number;
  readonly fromAddress: number;
  readonly fromLun: number;
  /** Six bits; joins a response to its request together with netFn and command. */
  readonly sequence: number;
  readonly command: number;
  readonly data: Buffer;
}

/** One command to a BMC, free of addresses and sequence numbers. */
export interface IpmiRequest {
  readonly netFn: number;
  readonly command: number;
  readonly data: Buffer;
  /** Default: the BMC itself. */
  readonly target?: MessageTarget;
}

/** A controller behind the BMC, or another logical unit of the BMC. */
export interface MessageTarget {
  readonly address: number;
  readonly lun: number;
  /** The bus that it is on: 0 is the primary IPMB. */
  readonly channel: number;
}

export const BMC_ADDRESS = 0x20;
/** Software id of remote console software, table 5-4. */
export const CONSOLE_ADDRESS = 0x81;

export const NET_FN = { chassis: 0x00, sensor: 0x04, app: 0x06, storage: 0x0a, transport: 0x0c } as const;

const checksum = (bytes: Uint8Array): number => {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return -sum & 0xff;
};

export function encodeMessage(message: IpmiMessage): Buffer {
  const bytes = Buffer.alloc(7 + message.data.length);
  bytes[0] = message.toAddress;
  bytes[1] = (message.netFn << 2) | message.toLun;
  bytes[2] = checksum(bytes.subarray(0, 2));
  bytes[3] = message.fromAddress;
  bytes[4] = (message.sequence << 2) | message.fromLun;
  bytes[5] = message.command;
  message.data.copy(bytes, 6);
  bytes[bytes.length - 1] = checksum(bytes.subarray(3, -1));
  return bytes;
}

/** @param isChecked false: the checksums may be wrong, since something else protects the message. */
export function decodeMessage(bytes: Buffer, isChecked = true): IpmiMessage | Malformed {
  if (bytes.length < 7) return malformed('IPMI message is shorter than 7 bytes', bytes.length);
  if (isChecked && checksum(bytes.subarray(0, 2)) !== bytes[2]) return malformed('IPMI message header checksum is wrong', 2);
  if (isChecked && checksum(bytes.subarray(3, -1)) !== bytes.at(-1))
    return malformed('IPMI message data checksum is wrong', bytes.length - 1);
  return {
    toAddress: bytes[0]!,
    netFn: bytes[1]! >> 2,
    toLun: bytes[1]! & 3,
    fromAddress: bytes[3]!,
    sequence: bytes[4]! >> 2,
    fromLun: bytes[4]! & 3,
    command: bytes[5]!,
    data: bytes.subarray(6, -1),
  };
}

export const SEND_MESSAGE = 0x34;
/** The BMC remembers who asked, and passes the answer on (§6.13.1). */
const TRACKED = 0x40;

/** One for a controller behind the BMC is put into a Send Message to the BMC, with the same sequence number. */
export function requestMessage(request: IpmiRequest, sequence: number): Buffer {
  const { target, netFn, command, data } = request;
  const toBmc = { toAddress: BMC_ADDRESS, fromAddress: CONSOLE_ADDRESS, fromLun: 0, sequence };
  if (target === undefined || target.address === BMC_ADDRESS)
    return encodeMessage({ ...toBmc, toLun: target?.lun ?? 0, netFn, command, data });
  const inner = encodeMessage({
    toAddress: target.address,
    toLun: target.lun,
    netFn,
    fromAddress: BMC_ADDRESS,
    fromLun: 0,
    sequence,
    command,
    data,
  });
  const bridged = Buffer.concat([Buffer.from([TRACKED | target.channel]), inner]);
  return encodeMessage({ ...toBmc, toLun: 0, netFn: NET_FN.app, command: SEND_MESSAGE, data: bridged });
}

/**
 * The answer's data from its completion code on, when this message is it. To a bridged request the BMC first says that it was sent: the answer comes after that, or, from
 * some BMCs, within it.
 */
export function answerIn(message: IpmiMessage, request: IpmiRequest, sequence: number): Buffer | undefined {
  if (message.sequence !== sequence || message.data.length === 0) return undefined;
  if (message.netFn === (request.netFn | 1) && message.command === request.command) return message.data;
  const isBridged = request.target !== undefined && request.target.address !== BMC_ADDRESS;
  if (!isBridged || message.netFn !== (NET_FN.app | 1) || message.command !== SEND_MESSAGE) return undefined;
  if (message.data[0] !== 0) return message.data.subarray(0, 1);
  const inner = decodeMessage(message.data.subarray(1));
  return isMalformed(inner) || inner.command !== request.command || inner.data.length === 0 ? undefined : inner.data;
}

/** The reply to a decoded request; `data` starts with the completion code. */
export const responseMessage = (request: IpmiMessage, data: Buffer): Buffer =>
  encodeMessage({
    toAddress: request.fromAddress,
    toLun: request.fromLun,
    netFn: request.netFn | 1,
    fromAddress: request.toAddress,
    fromLun: request.toLun,
    sequence: request.sequence,
    command: request.command,
    data,
  });

import { malformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * RMCP (ASF 2.0 §3.2.2, IPMI 2.0 §13.1.3): what every datagram on UDP 623 starts with, and the ASF ping that finds BMCs.
 *
 *   0 version 0x06 | 1 reserved | 2 sequence, 0xff = no acknowledgement | 3 class: 6 ASF, 7 IPMI | 4.. body
 *   ASF body: 0..3 IANA 0x000011be | 4 type | 5 tag | 6 reserved | 7 data length | 8.. data
 */
export interface RmcpPacket {
  readonly kind: 'asf' | 'ipmi';
  readonly body: Buffer;
}

const RMCP_VERSION = 6;
const CLASS_ASF = 6;
const CLASS_IPMI = 7;
const ASF_IANA = 0x000011be;
const ASF_PING = 0x80;
const ASF_PONG = 0x40;

export function decodeRmcp(bytes: Buffer): RmcpPacket | Malformed {
  if (bytes.length < 4) return malformed('RMCP header is shorter than 4 bytes', bytes.length);
  if (bytes[0] !== RMCP_VERSION) return malformed(`RMCP version ${bytes[0]}, not 6`, 0);
  // Bit 7 of the class marks an RMCP acknowledgement: it carries nothing.
  if (bytes[3] === CLASS_IPMI) return { kind: 'ipmi', body: bytes.subarray(4) };
  if (bytes[3] === CLASS_ASF) return { kind: 'asf', body: bytes.subarray(4) };
  return malformed(`RMCP class ${bytes[3]} is neither ASF nor IPMI`, 3);
}

export const encodeRmcp = (kind: RmcpPacket['kind'], body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([RMCP_VERSION, 0, 0xff, kind === 'asf' ? CLASS_ASF : CLASS_IPMI]), body]);

export interface AsfMessage {
  readonly kind: 'ping' | 'pong';
  readonly tag: number;
}

export function decodeAsf(body: Buffer): AsfMessage | Malformed {
  if (body.length < 8) return malformed('ASF message is shorter than 8 bytes', body.length);
  if (body.readUInt32BE(0) !== ASF_IANA) return malformed('ASF message has a foreign enterprise number', 0);
  if (body[4] === ASF_PING) return { kind: 'ping', tag: body[5]! };
  if (body[4] === ASF_PONG) return { kind: 'pong', tag: body[5]! };
  return malformed(`ASF message type ${body[4]} is neither ping nor pong`, 4);
}

export function encodeAsf(message: AsfMessage): Buffer {
  const head = Buffer.from([0, 0, 0x11, 0xbe, message.kind === 'ping' ? ASF_PING : ASF_PONG, message.tag, 0, 0]);
  if (message.kind === 'ping') return head;
  head[7] = 16;
  const data = Buffer.alloc(16);
  data.writeUInt32BE(ASF_IANA, 0);
  data[8] = 0x81; // IPMI supported, ASF version 1.0
  return Buffer.concat([head, data]);
}

import { malformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * The IPMI 1.5 session header (§13.6) as far as IPMI 2.0 needs it: outside a session, without authentication, around
 * Get Channel Authentication Capabilities and Get Channel Cipher Suites.
 *
 *   0 authentication type | 1..4 session sequence | 5..8 session id | [16 bytes code when type != 0] | length | payload
 */
export interface Ipmi15Packet {
  readonly sequence: number;
  readonly sessionId: number;
  readonly payload: Buffer;
}

const AUTH_TYPE_NONE = 0;

export function encodeIpmi15(packet: Ipmi15Packet): Buffer {
  const head = Buffer.alloc(10);
  head[0] = AUTH_TYPE_NONE;
  head.writeUInt32LE(packet.sequence, 1);
  head.writeUInt32LE(packet.sessionId, 5);
  head[9] = packet.payload.length;
  return Buffer.concat([head, packet.payload]);
}

export function decodeIpmi15(body: Buffer): Ipmi15Packet | Malformed {
  if (body.length < 10) return malformed('IPMI 1.5 session header is shorter than 10 bytes', body.length);
  if (body[0] !== AUTH_TYPE_NONE) return malformed(`IPMI 1.5 authentication type ${body[0]} is not supported`, 0);
  const length = body[9]!;
  if (body.length < 10 + length) return malformed(`payload of ${length} bytes is cut short`, body.length);
  return { sequence: body.readUInt32LE(1), sessionId: body.readUInt32LE(5), payload: body.subarray(10, 10 + length) };
}

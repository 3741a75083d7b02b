import { timingSafeEqual } from 'node:crypto';
import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { decryptPayload, encryptPayload, hmac, type SessionKeys } from './cipher-suite-codec.ts';

/**
 * The RMCP+ session packet (IPMI 2.0 §13.6, §13.28.4).
 *
 *   0 authentication type 0x06 | 1 payload type, bit 7 encrypted, bit 6 authenticated
 *   2..5 session id | 6..9 session sequence | 10..11 payload length | 12.. payload
 *   inside a session: pad 0xff to a multiple of 4 | pad length | next header 0x07 | code over everything before it
 */
export interface RmcpPlusPacket {
  readonly payloadType: number;
  /** The receiver's id for the session; 0 outside one. */
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

export const PAYLOAD = {
  ipmi: 0,
  sol: 1,
  openRequest: 0x10,
  openResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;

const AUTH_TYPE_RMCP_PLUS = 6;
const ENCRYPTED = 0x80;
const AUTHENTICATED = 0x40;
const NEXT_HEADER = 7;
const PAYLOAD_TYPE_OEM = 2;

export const isRmcpPlus = (body: Buffer): boolean => body[0] === AUTH_TYPE_RMCP_PLUS;

/** The session id of an RMCP+ body, to find its keys before opening it; undefined when it has none. */
export const sessionIdOf = (body: Buffer): number | undefined => (body.length >= 12 ? body.readUInt32LE(2) : undefined);

export function encodeRmcpPlus(packet: RmcpPlusPacket, keys?: SessionKeys, iv?: Buffer): Buffer {
  const payload = keys && iv ? encryptPayload(keys, packet.payload, iv) : packet.payload;
  const head = Buffer.alloc(12);
  head[0] = AUTH_TYPE_RMCP_PLUS;
  head[1] = packet.payloadType | (keys ? AUTHENTICATED : 0) | (keys && iv ? ENCRYPTED : 0);
  head.writeUInt32LE(packet.sessionId, 2);
  head.writeUInt32LE(packet.sequence, 6);
  head.writeUInt16LE(payload.length, 10);
  if (!keys) return Buffer.concat([head, payload]);
  const padBytes = (4 - ((head.length + payload.length + 2) % 4)) % 4;
  const trailer = Buffer.alloc(padBytes + 2, 0xff);
  trailer[padBytes] = padBytes;
  trailer[padBytes + 1] = NEXT_HEADER;
  const code = hmac(keys.suite, keys.k1, head, payload, trailer).subarray(0, keys.suite.codeBytes);
  return Buffer.concat([head, payload, trailer, code]);
}

/** Decodes a packet and, with `keys`, insists that it is signed and encrypted by them. */
export function decodeRmcpPlus(body: Buffer, keys?: SessionKeys): RmcpPlusPacket | Malformed {
  if (body.length < 12) return malformed('RMCP+ header is shorter than 12 bytes', body.length);
  if (!isRmcpPlus(body)) return malformed(`authentication type ${body[0]} is not RMCP+`, 0);
  const payloadType = body[1]! & 0x3f;
  if (payloadType === PAYLOAD_TYPE_OEM) return malformed('OEM payloads are not supported', 1);
  const end = 12 + body.readUInt16LE(10);
  if (body.length < end) return malformed(`payload of ${end - 12} bytes is cut short`, body.length);
  const packet = { payloadType, sessionId: body.readUInt32LE(2), sequence: body.readUInt32LE(6) };
  const raw = body.subarray(12, end);
  if (!keys) {
    if (body[1]! & (ENCRYPTED | AUTHENTICATED)) return malformed('packet is protected, but belongs to no known session', 1);
    return { ...packet, payload: raw };
  }
  if (!(body[1]! & AUTHENTICATED)) return malformed('packet in a session is not signed', 1);
  const codeStart = body.length - keys.suite.codeBytes;
  if (codeStart < end + 2) return malformed('session trailer is cut short', body.length);
  const code = hmac(keys.suite, keys.k1, body.subarray(0, codeStart)).subarray(0, keys.suite.codeBytes);
  if (!timingSafeEqual(code, body.subarray(codeStart))) return malformed('packet signature is wrong', codeStart);
  if (!(body[1]! & ENCRYPTED)) return malformed('packet in an encrypted session is in clear text', 1);
  const payload = decryptPayload(keys, raw);
  return payload ? { ...packet, payload } : malformed('encrypted payload has a wrong length or padding', 12);
}

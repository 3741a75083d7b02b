import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Malformed, malformed } from '../../core/base/malformed.ts';
import type { LeaseRecord } from '../boot-model.ts';
import { isLeaseRecord } from '../lease/lease-record-codec.ts';

/**
 * What boot servers of one network say to each other over TCP. A greeting in the clear from each side, then frames:
 *
 *   4 bytes length of the rest · 32 bytes HMAC-SHA-256 · JSON
 *
 * The HMAC is over who speaks, the number of the frame and the JSON, with a key made of the boot secret and both greetings: a frame of
 * another connection, another place or another sender is refused. Nothing is secret in it: DHCP has said the same on the same wire.
 */
export interface Greeting {
  readonly version: 1;
  /** The network that this connection is about. */
  readonly cidr: string;
  /** Fresh 32 bytes in hex. */
  readonly nonce: string;
  /** Drawn at each start: another one has forgotten what it was told. */
  readonly run: string;
}

export type PeerMessage =
  /** Lives; `duid`: what its DHCPv6 clients know it by. */
  | { readonly kind: 'beat'; readonly duid: string }
  | { readonly kind: 'leases'; readonly leases: readonly LeaseRecord[] }
  /** Addresses with the sequences that are accepted and on the disk. */
  | { readonly kind: 'accepted'; readonly accepted: readonly (readonly [string, number])[] };

const MAC_BYTES = 32;
const HEAD_BYTES = 4;
/** Some 1,000 leases; `LEASES_MAX` keeps far below it. */
export const FRAME_BYTES_MAX = 512 * 1024;
export const GREETING_BYTES_MAX = 512;
export const LEASES_MAX = 200;

const wrap = (body: Buffer): Buffer => {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
};

/** Takes one frame's body off the front of what came; undefined while it is not whole. */
export function splitFrame(bytes: Buffer, bytesMax: number): { body: Buffer; rest: Buffer } | Malformed | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const length = bytes.readUInt32BE(0);
  if (length > bytesMax) return malformed(`a frame of ${length} bytes`, 0);
  if (bytes.length < HEAD_BYTES + length) return undefined;
  return { body: bytes.subarray(HEAD_BYTES, HEAD_BYTES + length), rest: bytes.subarray(HEAD_BYTES + length) };
}

export const encodeGreeting = (greeting: Greeting): Buffer => wrap(Buffer.from(JSON.stringify(greeting)));

export function decodeGreeting(body: Buffer): Greeting | Malformed {
  const value = parse(body) as Partial<Greeting> | undefined;
  const isHex = (text: unknown) => typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
  if (value?.version !== 1 || typeof value.cidr !== 'string' || !isHex(value.nonce) || !isHex(value.run))
    return malformed('not a greeting of version 1', 0);
  return value as Greeting;
}

/** @param bootSecret shared by all boot servers of the control plane */
export function sessionKey(bootSecret: Buffer, dialler: Greeting, listener: Greeting): Buffer {
  return createHmac('sha256', bootSecret)
    .update(['rackwright boot peers', dialler.cidr, dialler.nonce, listener.nonce].join('\0'))
    .digest();
}

const sign = (key: Buffer, fromDialler: boolean, number: number, json: Buffer): Buffer =>
  createHmac('sha256', key)
    .update(`${fromDialler ? 'dialler' : 'listener'} ${number} `)
    .update(json)
    .digest();

/** @param number 0 for the first frame after the greeting */
export function encodePeerFrame(key: Buffer, fromDialler: boolean, number: number, message: PeerMessage): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  return wrap(Buffer.concat([sign(key, fromDialler, number, json), json]));
}

export function decodePeerFrame(key: Buffer, fromDialler: boolean, number: number, body: Buffer): PeerMessage | Malformed {
  const json = body.subarray(MAC_BYTES);
  if (body.length < MAC_BYTES || !timingSafeEqual(sign(key, fromDialler, number, json), body.subarray(0, MAC_BYTES)))
    return malformed('the signature does not fit', 0);
  const value = parse(json) as Partial<Record<string, unknown>> | undefined;
  if (value?.['kind'] === 'beat' && typeof value['duid'] === 'string') return { kind: 'beat', duid: value['duid'] };
  const list = value?.[String(value['kind'])];
  if (!Array.isArray(list) || list.length > LEASES_MAX) return malformed('not a message between boot servers', MAC_BYTES);
  if (value?.['kind'] === 'leases' && list.every(isLeaseRecord)) return { kind: 'leases', leases: list as LeaseRecord[] };
  if (
    value?.['kind'] === 'accepted' &&
    list.every((one) => Array.isArray(one) && typeof one[0] === 'string' && Number.isSafeInteger(one[1]))
  )
    return { kind: 'accepted', accepted: list as [string, number][] };
  return malformed('not a message between boot servers', MAC_BYTES);
}

function parse(bytes: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

import { type Malformed, malformed } from '../../core/base/malformed.ts';

/**
 * A DHCP message, RFC 2131 §2, with the options of RFC 2132 as raw bytes by code.
 *
 *    0  op(1) htype(1) hlen(1) hops(1) | 4 xid | 8 secs(2) flags(2) | 12 ciaddr | 16 yiaddr | 20 siaddr | 24 giaddr
 *   28  chaddr(16) | 44 sname(64) | 108 file(128) | 236 cookie 63 82 53 63 | 240 options: code(1) length(1) value …
 *
 * Options that occur more than once are one long option (RFC 3396); option 52 turns `file` and `sname` into more room for
 * options, read in that order. Codes 0 (pad) and 255 (end) have no length.
 */
export interface DhcpMessage {
  readonly op: number;
  readonly htype: number;
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  /** Addresses are unsigned 32-bit numbers, 0 for none. */
  readonly ciaddr: number;
  readonly yiaddr: number;
  readonly siaddr: number;
  readonly giaddr: number;
  /** `hlen` bytes of hardware address. */
  readonly chaddr: Uint8Array;
  readonly sname: string;
  readonly file: string;
  readonly options: ReadonlyMap<number, Buffer>;
}

export const BOOT_REQUEST = 1;
export const BOOT_REPLY = 2;
export const BROADCAST_FLAG = 0x8000;

const HEADER_BYTES = 240;
const COOKIE = 0x63825363;
/** RFC 1542 §2.1: some BOOTP relays and ROMs throw away anything shorter. */
const MESSAGE_BYTES_MIN = 300;
const OPTION_VALUE_BYTES_MAX = 255;
const SNAME = { offset: 44, length: 64 };
const FILE = { offset: 108, length: 128 };

const textUntilNul = (bytes: Buffer): string => {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
};

/** Adds the options of `bytes[start, end)` to `into`; the Malformed value when a length points past the end. */
function readOptions(bytes: Buffer, start: number, end: number, into: Map<number, Buffer[]>): Malformed | undefined {
  let at = start;
  while (at < end) {
    const code = bytes[at]!;
    if (code === 0) {
      at += 1;
      continue;
    }
    if (code === 255) return undefined;
    if (at + 1 >= end) return malformed(`option ${code} has no length`, at);
    const length = bytes[at + 1]!;
    if (at + 2 + length > end) return malformed(`option ${code} is cut short`, at);
    const parts = into.get(code);
    const value = bytes.subarray(at + 2, at + 2 + length);
    if (parts) parts.push(value);
    else into.set(code, [value]);
    at += 2 + length;
  }
  return undefined;
}

export function decodeDhcpMessage(bytes: Buffer): DhcpMessage | Malformed {
  if (bytes.length < HEADER_BYTES) return malformed('shorter than a DHCP header', bytes.length);
  if (bytes.readUInt32BE(236) !== COOKIE) return malformed('no DHCP magic cookie', 236);
  const hlen = bytes[2]!;
  if (hlen > 16) return malformed('hardware address longer than its field', 2);
  const parts = new Map<number, Buffer[]>();
  const broken = readOptions(bytes, HEADER_BYTES, bytes.length, parts);
  if (broken) return broken;
  const overload = parts.get(52)?.[0]?.[0] ?? 0;
  if (overload & 1) {
    const brokenFile = readOptions(bytes, FILE.offset, FILE.offset + FILE.length, parts);
    if (brokenFile) return brokenFile;
  }
  if (overload & 2) {
    const brokenName = readOptions(bytes, SNAME.offset, SNAME.offset + SNAME.length, parts);
    if (brokenName) return brokenName;
  }
  const options = new Map<number, Buffer>();
  for (const [code, values] of parts) options.set(code, values.length === 1 ? values[0]! : Buffer.concat(values));
  return {
    op: bytes[0]!,
    htype: bytes[1]!,
    hops: bytes[3]!,
    xid: bytes.readUInt32BE(4),
    secs: bytes.readUInt16BE(8),
    flags: bytes.readUInt16BE(10),
    ciaddr: bytes.readUInt32BE(12),
    yiaddr: bytes.readUInt32BE(16),
    siaddr: bytes.readUInt32BE(20),
    giaddr: bytes.readUInt32BE(24),
    chaddr: bytes.subarray(28, 28 + hlen),
    sname: overload & 2 ? '' : textUntilNul(bytes.subarray(SNAME.offset, SNAME.offset + SNAME.length)),
    file: overload & 1 ? '' : textUntilNul(bytes.subarray(FILE.offset, FILE.offset + FILE.length)),
    options,
  };
}

const encodedOptionBytes = (value: Uint8Array): number => value.length + 2 * Math.max(1, Math.ceil(value.length / OPTION_VALUE_BYTES_MAX));

function writeOption(target: Buffer, at: number, code: number, value: Uint8Array): number {
  let from = 0;
  do {
    const part = value.subarray(from, from + OPTION_VALUE_BYTES_MAX);
    target[at] = code;
    target[at + 1] = part.length;
    target.set(part, at + 2);
    at += 2 + part.length;
    from += part.length;
  } while (from < value.length);
  return at;
}

/**
 * Options are written in the map's order, long ones split (RFC 3396); the ones that no longer fit into `sizeMax` bytes are
 * left out and named in `omitted`, so put the ones a client cannot do without first. `sname` and `file` are cut to their fields.
 */
export function encodeDhcpMessage(message: DhcpMessage, sizeMax: number): { bytes: Buffer; omitted: number[] } {
  const room = Math.max(sizeMax, MESSAGE_BYTES_MIN) - 1;
  const omitted: number[] = [];
  let size = HEADER_BYTES;
  for (const [code, value] of message.options) {
    const needed = encodedOptionBytes(value);
    if (size + needed > room) omitted.push(code);
    else size += needed;
  }
  const bytes = Buffer.alloc(Math.max(size + 1, MESSAGE_BYTES_MIN));
  bytes[0] = message.op;
  bytes[1] = message.htype;
  bytes[2] = message.chaddr.length;
  bytes[3] = message.hops;
  bytes.writeUInt32BE(message.xid, 4);
  bytes.writeUInt16BE(message.secs, 8);
  bytes.writeUInt16BE(message.flags, 10);
  bytes.writeUInt32BE(message.ciaddr, 12);
  bytes.writeUInt32BE(message.yiaddr, 16);
  bytes.writeUInt32BE(message.siaddr, 20);
  bytes.writeUInt32BE(message.giaddr, 24);
  bytes.set(message.chaddr.subarray(0, 16), 28);
  bytes.write(message.sname, SNAME.offset, SNAME.length - 1, 'latin1');
  bytes.write(message.file, FILE.offset, FILE.length - 1, 'latin1');
  bytes.writeUInt32BE(COOKIE, 236);
  let at = HEADER_BYTES;
  for (const [code, value] of message.options) if (!omitted.includes(code)) at = writeOption(bytes, at, code, value);
  bytes[at] = 255;
  return { bytes, omitted };
}

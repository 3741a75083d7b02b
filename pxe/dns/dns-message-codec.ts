import { encodeIpv6 } from '../dhcp6/dhcp6-message-codec.ts';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { type Malformed, malformed } from '../../core/base/malformed.ts';

/**
 * DNS messages, RFC 1035 §4, as far as an authority for host names needs them: one question in, a few records out.
 *
 *   0 id | 2 flags QR opcode(4) AA TC RD RA Z(3) rcode(4) | 4 questions | 6 answers | 8 authority | 10 additional | 12 …
 *   question: name type(2) class(2)    record: name type(2) class(2) ttl(4) length(2) value    name: length(1) label … 0
 */
export interface DnsQuery {
  readonly id: number;
  readonly opcode: number;
  /** Recursion desired: comes back as it was. */
  readonly wantsRecursion: boolean;
  /** In lower case, without the final dot; the root is empty. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The question's bytes, to be repeated: resolvers check the case of the letters. */
  readonly question: Buffer;
  /** What the asker takes over UDP (RFC 6891), when it says. */
  readonly udpBytes?: number;
}

export const DNS_TYPE = { a: 1, ns: 2, soa: 6, ptr: 12, aaaa: 28, opt: 41, any: 255 } as const;
export const DNS_CLASS_IN = 1;
export const DNS_CODE = { ok: 0, formatError: 1, nameError: 3, notImplemented: 4, refused: 5 } as const;

export type DnsRecord =
  | { readonly type: 'a' | 'aaaa' | 'ns' | 'ptr'; readonly name: string; readonly value: string }
  | { readonly type: 'soa'; readonly name: string; readonly server: string; readonly serial: number };

export interface DnsAnswer {
  readonly code: number;
  readonly isAuthoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
}

const HEADER_BYTES = 12;
const NAME_BYTES_MAX = 255;
const FLAG = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100 } as const;
/** RFC 1035 §4.2.1, and what passes every path unbroken (RFC 6891 §6.2.5 and the DNS flag day of 2020). */
const UDP_BYTES_PLAIN = 512;
const UDP_BYTES_MAX = 1232;
/** An address may change with the next lease: names are not to be remembered for longer. */
const TTL_SECONDS = 60;

interface ReadName {
  readonly name: string;
  readonly end: number;
}

/** A question's name is never compressed: pointers are refused, so that nothing can run in circles. */
function readName(bytes: Buffer, start: number): ReadName | Malformed {
  const labels: string[] = [];
  let at = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return malformed('a name cut short', at);
    if (length > 63) return malformed('a compressed name in a question', at);
    if (at + 1 + length > bytes.length || at + 1 + length - start > NAME_BYTES_MAX) return malformed('a name cut short or too long', at);
    if (length === 0) return { name: labels.join('.'), end: at + 1 };
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
}

/** Looks for OPT (RFC 6891 §6.1.2) as the first record behind the question. */
function readUdpBytes(bytes: Buffer, at: number): number | undefined {
  if (bytes.readUInt16BE(6) !== 0 || bytes.readUInt16BE(8) !== 0 || bytes.readUInt16BE(10) === 0) return undefined;
  return bytes[at] === 0 && at + 11 <= bytes.length && bytes.readUInt16BE(at + 1) === DNS_TYPE.opt ? bytes.readUInt16BE(at + 3) : undefined;
}

export function decodeDnsQuery(bytes: Buffer): DnsQuery | Malformed {
  if (bytes.length < HEADER_BYTES) return malformed('shorter than a DNS header', bytes.length);
  const flags = bytes.readUInt16BE(2);
  if (flags & FLAG.response) return malformed('an answer, not a question', 2);
  if (bytes.readUInt16BE(4) !== 1) return malformed(`${bytes.readUInt16BE(4)} questions in one message`, 4);
  const read = readName(bytes, HEADER_BYTES);
  if ('malformed' in read) return read;
  if (read.end + 4 > bytes.length) return malformed('a question cut short', read.end);
  const udpBytes = readUdpBytes(bytes, read.end + 4);
  return {
    id: bytes.readUInt16BE(0),
    opcode: (flags >>> 11) & 15,
    wantsRecursion: (flags & FLAG.recursionDesired) !== 0,
    name: read.name,
    type: bytes.readUInt16BE(read.end),
    class: bytes.readUInt16BE(read.end + 2),
    question: bytes.subarray(HEADER_BYTES, read.end + 4),
    ...(udpBytes === undefined ? {} : { udpBytes }),
  };
}

const encodeName = (name: string): Buffer =>
  Buffer.concat([
    ...(name === '' ? [] : name.split('.')).flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
    Buffer.from([0]),
  ]);

const uint32s = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32BE(value >>> 0, 4 * at));
  return bytes;
};

/** RFC 1035 §3.3.13: primary, mailbox, serial, refresh, retry, expire, negative TTL. */
const SOA_TIMES = [3600, 600, 86_400, TTL_SECONDS] as const;

function encodeValue(record: DnsRecord): Buffer {
  if (record.type === 'a') return uint32s(ipv4ToNumber(record.value) ?? 0);
  if (record.type === 'aaaa') return encodeIpv6(record.value);
  if (record.type === 'soa')
    return Buffer.concat([encodeName(record.server), encodeName(`hostmaster.${record.name}`), uint32s(record.serial, ...SOA_TIMES)]);
  return encodeName(record.value);
}

function encodeRecord(record: DnsRecord): Buffer {
  const value = encodeValue(record);
  const head = Buffer.alloc(10);
  head.writeUInt16BE(DNS_TYPE[record.type], 0);
  head.writeUInt16BE(DNS_CLASS_IN, 2);
  head.writeUInt32BE(TTL_SECONDS, 4);
  head.writeUInt16BE(value.length, 8);
  return Buffer.concat([encodeName(record.name), head, value]);
}

/** OPT of version 0: root(1) type(2) size(2) extended code, version, flags(4) length(2). */
function encodeOpt(): Buffer {
  const bytes = Buffer.alloc(11);
  bytes.writeUInt16BE(DNS_TYPE.opt, 1);
  bytes.writeUInt16BE(UDP_BYTES_MAX, 3);
  return bytes;
}

/** Over UDP what does not fit is left out whole, and the asker told to come by TCP. */
export function encodeDnsAnswer(query: DnsQuery, answer: DnsAnswer, transport: 'udp' | 'tcp'): Buffer {
  const compose = (records: DnsAnswer, isTruncated: boolean): Buffer => {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt16BE(query.id, 0);
    const flags =
      FLAG.response |
      (query.opcode << 11) |
      (records.isAuthoritative ? FLAG.authoritative : 0) |
      (isTruncated ? FLAG.truncated : 0) |
      (query.wantsRecursion ? FLAG.recursionDesired : 0) |
      records.code;
    header.writeUInt16BE(flags, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.answers.length, 6);
    header.writeUInt16BE(records.authority.length, 8);
    header.writeUInt16BE(query.udpBytes === undefined ? 0 : 1, 10);
    const sections = [...records.answers, ...records.authority].map(encodeRecord);
    return Buffer.concat([header, query.question, ...sections, ...(query.udpBytes === undefined ? [] : [encodeOpt()])]);
  };
  const whole = compose(answer, false);
  const room = Math.min(UDP_BYTES_MAX, Math.max(UDP_BYTES_PLAIN, query.udpBytes ?? 0));
  return transport === 'tcp' || whole.length <= room ? whole : compose({ ...answer, answers: [], authority: [] }, true);
}

/**
 * IP addresses of both families as numbers, and prefixes of them. Text is canonical: dotted quads, RFC 5952 without a mixed
 * form but for `::ffff:1.2.3.4`.
 */
export type IpVersion = 4 | 6;

export interface IpAddress {
  readonly version: IpVersion;
  readonly value: bigint;
}

export interface IpPrefix {
  readonly version: IpVersion;
  /** The first address. */
  readonly value: bigint;
  readonly length: number;
}

export interface IpRange {
  readonly version: IpVersion;
  readonly first: bigint;
  readonly last: bigint;
}

export const bitsOf = (version: IpVersion): number => (version === 4 ? 32 : 128);

const QUAD = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const GROUP = /^[0-9a-f]{1,4}$/i;

/** Undefined for what is no address; zones (`%eth0`) are none. */
export function parseIp(text: unknown): IpAddress | undefined {
  if (typeof text !== 'string') return undefined;
  if (QUAD.test(text)) return { version: 4, value: parseQuad(text) };
  const at = text.lastIndexOf(':');
  if (at < 0) return undefined;
  const tail = text.slice(at + 1);
  if (tail.includes('.') && !QUAD.test(tail)) return undefined;
  const groups = groupsOf(tail.includes('.') ? `${text.slice(0, at + 1)}${hexOfQuad(tail)}` : text);
  if (groups === undefined) return undefined;
  return { version: 6, value: groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) };
}

/** Eight of them, `::` filled in. */
function groupsOf(text: string): string[] | undefined {
  const [head = '', rest, more] = text.split('::');
  const split = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'));
  const [before, after] = [split(head), split(rest)];
  const missing = 8 - before.length - after.length;
  if (more !== undefined || (rest === undefined ? missing !== 0 : missing < 1)) return undefined;
  const groups = [...before, ...Array<string>(missing).fill('0'), ...after];
  return groups.every((group) => GROUP.test(group)) ? groups : undefined;
}

const parseQuad = (text: string): bigint => text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
const hexOfQuad = (text: string): string => {
  const value = parseQuad(text);
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
};

export function formatIp(version: IpVersion, value: bigint): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  if (value >> 32n === 0xffffn) return `::ffff:${formatIp(4, value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_none, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.at).join(':')}::${groups.slice(zeros.at + zeros.length).join(':')}`;
}

function longestZeros(groups: readonly string[]): { at: number; length: number } {
  let best = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at += 1) {
    let length = 0;
    while (groups[at + length] === '0') length += 1;
    if (length > best.length) best = { at, length };
  }
  return best;
}

/** `10.0.0.5/24` is the prefix 10.0.0.0/24; an address alone is a prefix of all its bits. */
export function parsePrefix(text: unknown): IpPrefix | undefined {
  if (typeof text !== 'string') return undefined;
  const [address = '', length, more] = text.split('/');
  const ip = parseIp(address);
  if (ip === undefined || more !== undefined || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined;
  const bits = length === undefined ? bitsOf(ip.version) : Number(length);
  if (bits > bitsOf(ip.version)) return undefined;
  return { version: ip.version, value: ip.value & maskOf(ip.version, bits), length: bits };
}

export const maskOf = (version: IpVersion, length: number): bigint => {
  const host = BigInt(bitsOf(version) - length);
  return ((1n << BigInt(bitsOf(version))) - 1n) ^ ((1n << host) - 1n);
};

export const formatPrefix = (prefix: IpPrefix): string => `${formatIp(prefix.version, prefix.value)}/${prefix.length}`;

export const rangeOf = ({ version, value, length }: IpPrefix): IpRange => ({
  version,
  first: value,
  last: value + (1n << BigInt(bitsOf(version) - length)) - 1n,
});

export const contains = (range: IpRange, ip: { readonly version: IpVersion; readonly value: bigint }): boolean =>
  range.version === ip.version && range.first <= ip.value && ip.value <= range.last;

export const overlaps = (a: IpRange, b: IpRange): boolean => a.version === b.version && a.first <= b.last && b.first <= a.last;

/** The interface identifier of RFC 4291, appendix A: what a machine makes of its MAC address. */
export function eui64(prefix: IpPrefix, mac: string): string {
  const bytes = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const id = [bytes[0]! ^ 2, bytes[1]!, bytes[2]!, 0xff, 0xfe, bytes[3]!, bytes[4]!, bytes[5]!];
  return formatIp(6, prefix.value | id.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n));
}

/** The fewest prefixes that hold exactly these; neighbours are joined, what lies in another is left out. */
export function compactPrefixes(prefixes: readonly IpPrefix[]): IpPrefix[] {
  const kept: IpPrefix[] = [];
  const sorted = prefixes.toSorted((a, b) => (a.value === b.value ? a.length - b.length : a.value < b.value ? -1 : 1));
  for (const prefix of sorted) {
    const last = kept.at(-1);
    if (last !== undefined && overlaps(rangeOf(last), rangeOf(prefix))) continue;
    kept.push(prefix);
    for (let pair = joined(kept); pair !== undefined; pair = joined(kept)) kept.splice(-2, 2, pair);
  }
  return kept;
}

function joined(kept: readonly IpPrefix[]): IpPrefix | undefined {
  const [a, b] = kept.slice(-2);
  if (a === undefined || b === undefined || a.length !== b.length || a.length === 0) return undefined;
  const parent = { ...a, value: a.value & maskOf(a.version, a.length - 1), length: a.length - 1 };
  return parent.value === a.value && rangeOf(a).last + 1n === b.value ? parent : undefined;
}

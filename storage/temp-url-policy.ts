import { createHmac, timingSafeEqual } from 'node:crypto';
import { contains, parseIp, parsePrefix, rangeOf } from '../core/base/ip-address.ts';

/** Signed addresses (Swift's "Temporary URL middleware"): who has the signature may do one thing to one object, or to all under a prefix, for a time. */
export interface TempUrl {
  readonly signature: string;
  /** Seconds since 1970. */
  readonly expires: number;
  readonly prefix?: string;
  readonly ipRange?: string;
}

const DIGESTS = { sha1: 20, sha256: 32, sha512: 64 } as const;
export type Digest = keyof typeof DIGESTS;
export const TEMP_URL_DIGESTS: readonly Digest[] = ['sha1', 'sha256', 'sha512'];
export const TEMP_URL_METHODS: readonly string[] = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];

/** Undefined: the address says nothing of a signature. `invalid`: it does, and it can not be one. */
export function readTempUrl(query: URLSearchParams): TempUrl | 'invalid' | undefined {
  const [signature, expires] = [query.get('temp_url_sig'), query.get('temp_url_expires')];
  if (signature === null && expires === null) return undefined;
  const time = expires === null ? undefined : readExpiry(expires);
  if (!signature || time === undefined) return 'invalid';
  const [prefix, ipRange] = [query.get('temp_url_prefix'), query.get('temp_url_ip_range')];
  return { signature, expires: time, ...(prefix === null ? {} : { prefix }), ...(ipRange === null ? {} : { ipRange }) };
}

function readExpiry(text: string): number | undefined {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d{4})?$/.exec(text);
  const ms = match === null ? NaN : Date.parse(match[1]! + (match[2] ?? 'Z').replace(/(\d\d)$/, ':$1'));
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}

/** Hexadecimal, or `sha512:` and base64. */
function decodeSignature(signature: string): { readonly digest: Digest; readonly bytes: Buffer } | undefined {
  const named = /^(sha1|sha256|sha512):([A-Za-z0-9+/_-]+={0,2})$/.exec(signature);
  if (named !== null) return sized(Buffer.from(named[2]!, 'base64'), named[1] as Digest);
  if (!/^([0-9a-f]{2})+$/i.test(signature)) return undefined;
  const bytes = Buffer.from(signature, 'hex');
  const digest = TEMP_URL_DIGESTS.find((one) => DIGESTS[one] === bytes.length);
  return digest === undefined ? undefined : { digest, bytes };
}

const sized = (bytes: Buffer, digest: Digest) => (bytes.length === DIGESTS[digest] ? { digest, bytes } : undefined);

/** Is this signature of these words by one of the keys? */
export function isSigned(words: readonly string[], signature: string, keys: readonly string[]): boolean {
  const given = decodeSignature(signature);
  if (given === undefined) return false;
  return keys.some((key) =>
    timingSafeEqual(createHmac(given.digest, Buffer.from(key, 'latin1')).update(words.join('\n')).digest(), given.bytes),
  );
}

/** Two, so that one can be changed while the other still opens. */
export const signingKeys = (kind: 'account' | 'container', headers: Readonly<Record<string, string>> = {}): string[] =>
  ['', '-2'].flatMap((which) => headers[`x-${kind}-meta-temp-url-key${which}`] ?? []);

/** A signature for GET is one for HEAD too, and so are those for PUT and POST. */
const METHODS_SIGNED: Readonly<Record<string, readonly string[]>> = { HEAD: ['HEAD', 'GET', 'POST', 'PUT'] };

/** @param path `/v1/account/container/object`, decoded */
export function allowsTempUrl(
  url: TempUrl,
  { method, path, nowMs, address, keys }: { method: string; path: string; nowMs: number; address: string; keys: readonly string[] },
): boolean {
  if (url.expires * 1000 <= nowMs || !TEMP_URL_METHODS.includes(method)) return false;
  if (url.ipRange !== undefined && !inRange(address, url.ipRange)) return false;
  const signedPath = url.prefix === undefined ? path : `prefix:${containerOf(path)}/${url.prefix}`;
  if (url.prefix !== undefined && !path.startsWith(`${containerOf(path)}/${url.prefix}`)) return false;
  const before = url.ipRange === undefined ? [] : [`ip=${url.ipRange}`];
  return (METHODS_SIGNED[method] ?? [method]).some((signed) =>
    isSigned([...before, signed, String(url.expires), signedPath], url.signature, keys),
  );
}

const containerOf = (path: string): string => path.split('/').slice(0, 4).join('/');

/** One address, or a prefix. A peer over an IPv6 socket may be an IPv4 one. */
function inRange(address: string, range: string): boolean {
  const ip = parseIp(address.replace(/^::ffff:(?=\d+\.)/i, ''));
  const prefix = parsePrefix(range);
  return ip !== undefined && prefix !== undefined && contains(rangeOf(prefix), ip);
}

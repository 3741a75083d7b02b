import { formatIp, formatPrefix, parseIp, parsePrefix } from '../../core/base/ip-address.ts';
import { parseMacAddress } from '../../core/base/mac-address.ts';
import { InvalidValue, type AttributeType, type SqlKind } from '../resource.ts';

/** The types of the Network API's attributes. `read` takes what clients write and gives one form of it. */
const told = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : JSON.stringify(value));
const invalid = (reason: string): never => {
  throw new InvalidValue(reason);
};
const type = (kind: SqlKind, read: (value: unknown) => unknown): AttributeType => ({ kind, read });

export const text = (most: number): AttributeType =>
  type('text', (value) => {
    if (typeof value !== 'string') return invalid(`${told(value)} is not a valid string`);
    if (value.length > most) return invalid(`${told(value)} exceeds maximum length of ${most}`);
    return value;
  });

export const textNotEmpty = (most: number): AttributeType =>
  type('text', (value) => {
    const read = text(most).read(value) as string;
    return read.trim() === '' ? invalid(`${told(value)} Blank strings are not permitted`) : read;
  });

export const orNull = (inner: AttributeType): AttributeType => type(inner.kind, (value) => (value === null ? null : inner.read(value)));
/** Null is as good as an empty list. */
export const orEmpty = (inner: AttributeType): AttributeType => type(inner.kind, (value) => (value === null ? [] : inner.read(value)));

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
export const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
export const uuid = type('uuid', (value) => (isUuid(value) ? value : invalid(`${told(value)} is not a valid UUID`)));

const TRUE = new Set<unknown>([true, 1, '1', 'true', 't']);
const FALSE = new Set<unknown>([false, 0, '0', 'false', 'f']);
export const boolean = type('boolean', (value) => {
  const key = typeof value === 'string' ? value.toLowerCase() : value;
  if (TRUE.has(key)) return true;
  return FALSE.has(key) ? false : invalid(`${told(value)} cannot be converted to boolean`);
});

export const INTEGER_MAX = 2_147_483_647;
export const integer = (least = 0, most = INTEGER_MAX): AttributeType =>
  type('integer', (value) => {
    const read = typeof value === 'string' && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : value;
    if (typeof read !== 'number' || !Number.isInteger(read)) return invalid(`${told(value)} is not an integer`);
    if (read < least) return invalid(`${told(value)} is too small - must be at least '${least}'`);
    return read > most ? invalid(`${told(value)} is too large - must be no larger than '${most}'`) : read;
  });

export const oneOf = (...values: readonly (string | number | null)[]): AttributeType =>
  type(typeof values[0] === 'number' ? 'integer' : 'text', (value) => {
    const read = typeof values[0] === 'number' && typeof value === 'string' ? Number(value) : value;
    return values.includes(read as string) ? read : invalid(`${told(value)} is not in [${values.map(told).join(', ')}]`);
  });

export const ipAddress = type('inet', (value) => {
  const ip = parseIp(value);
  return ip === undefined ? invalid(`${told(value)} is not a valid IP address`) : formatIp(ip.version, ip.value);
});

/** A prefix written with its length; host bits are cleared. */
export const cidr = type('cidr', (value) => {
  const prefix = parsePrefix(value);
  if (prefix === undefined || !String(value).includes('/')) return invalid(`${told(value)} is not a valid IP subnet`);
  return formatPrefix(prefix);
});

/** An address or a prefix. */
export const addressOrCidr = type('cidr', (value) => {
  const prefix = parsePrefix(value);
  return prefix === undefined ? invalid(`${told(value)} is not a valid IP subnet`) : formatPrefix(prefix);
});

export const macAddress = type('macaddr', (value) => {
  const mac = typeof value === 'string' ? parseMacAddress(value) : undefined;
  if (mac === undefined || mac === '00:00:00:00:00:00') return invalid(`${told(value)} is not a valid MAC address`);
  return mac;
});

export const listOf = (inner: AttributeType, options: { unique?: boolean; kind?: SqlKind; most?: number } = {}): AttributeType =>
  type(options.kind ?? 'jsonb', (value) => {
    if (!Array.isArray(value)) return invalid(`${told(value)} is not a list`);
    if (options.most !== undefined && value.length > options.most) return invalid(`the list has more than ${options.most} items`);
    const read = value.map((each) => inner.read(each));
    if (options.unique !== true) return read;
    const seen = new Set(read.map((each) => JSON.stringify(each)));
    return seen.size < read.length ? invalid(`Duplicate items in the list: ${told(value)}`) : read;
  });

/** An object with these keys; those that end in `?` may be left out. */
export const record = (keys: Readonly<Record<string, AttributeType>>): AttributeType => {
  const known = Object.entries(keys).map(([key, of]) => ({ key: key.replace('?', ''), isOptional: key.endsWith('?'), of }));
  return type('jsonb', (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return invalid(`${told(value)} is not a dictionary`);
    const given = value as Record<string, unknown>;
    const unknown = Object.keys(given).filter((key) => !known.some((each) => each.key === key));
    if (unknown.length > 0) return invalid(`Unexpected key(s) ${unknown.map(told).join(', ')}`);
    const read: Record<string, unknown> = {};
    for (const { key, isOptional, of } of known) {
      if (key in given) read[key] = of.read(given[key]);
      else if (!isOptional) return invalid(`Missing required key ${told(key)}`);
    }
    return read;
  });
};

/** Any JSON object. */
export const object = (bytesMax: number): AttributeType =>
  type('jsonb', (value) => {
    if (value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) return invalid(`${told(value)} is not a dictionary`);
    return JSON.stringify(value).length > bytesMax ? invalid(`the dictionary is longer than ${bytesMax} characters`) : value;
  });

export const matching = (pattern: RegExp, most: number, what: string): AttributeType =>
  type('text', (value) => {
    const read = text(most).read(value) as string;
    return pattern.test(read) ? read : invalid(`${told(value)} ${what}`);
  });

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const DNS_NAME = new RegExp(`^(${LABEL}(\\.${LABEL})*\\.?)?$`);
const lower = (inner: AttributeType) => type('text', (value) => inner.read(typeof value === 'string' ? value.toLowerCase() : value));
/** RFC 1035, lower case. */
export const dnsName = lower(matching(DNS_NAME, 255, 'not a valid PQDN or FQDN'));
/** A domain ends with a dot. */
export const dnsDomain = lower(matching(new RegExp(`^(${LABEL}(\\.${LABEL})*\\.)?$`), 255, 'is not a FQDN'));

/** Written by us only. */
export const shown = (kind: SqlKind = 'text'): AttributeType => type(kind, (value) => value);
export const time = shown('time');
/** `null` of any type, and any other value as it is. */
export const anything = shown('jsonb');
/** Shown as the JSON text that its SQL writes. */
export const written = shown('written');

import { RequestRefused } from './baremetal-error.ts';

/*
 * Query arguments and body values as Ironic's clients write them: booleans as many words, UUIDs with or without hyphens.
 * Undefined stays undefined; a wrong value is a 400 that names the argument.
 */
const TRUE = new Set(['1', 't', 'true', 'on', 'y', 'yes']);
const FALSE = new Set(['0', 'f', 'false', 'off', 'n', 'no']);

export function toBoolean(name: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  const word = String(value).trim().toLowerCase();
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  throw new RequestRefused(
    400,
    `Invalid ${name}: Unrecognized value '${short(value)}', acceptable values are: ${[...FALSE, ...TRUE].join(', ')}`,
  );
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
export const isUuidLike = (text: string): boolean => UUID.test(text);

/** In PostgreSQL's form. */
export const canonicalUuid = (text: string): string =>
  text
    .replaceAll('-', '')
    .toLowerCase()
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

export function toUuid(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !isUuidLike(value)) throw new RequestRefused(400, `Expected UUID for ${name}: ${short(value)}`);
  return canonicalUuid(value);
}

const INTEGER_MAX = 2 ** 31 - 1;

export function toInteger(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'number' ? value : /^\s*[+-]?\d{1,12}\s*$/.test(String(value)) ? Number(value) : NaN;
  if (!Number.isInteger(number) || Math.abs(number) > INTEGER_MAX)
    throw new RequestRefused(400, `Expected an integer for ${name}: ${short(value)}`);
  return number;
}

/** `a,B, a` → `a`, `b`. */
export function toList(value: string | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  const items = value.split(',').map((item) => item.trim().toLowerCase());
  return [...new Set(items.filter((item) => item !== ''))];
}

const MAC = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$/i;

export function toMacAddress(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !MAC.test(value))
    throw new RequestRefused(400, `Expected valid MAC address for ${name}: ${short(value)}`);
  return value.toLowerCase().replaceAll('-', ':');
}

/** Names since 1.10: the unreserved characters of RFC 3986; before: host names. */
const LOGICAL_NAME = /^[A-Za-z0-9._~-]+$/;
const HOST_NAME = /^(?=.{1,255}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const NAME_LENGTH_MAX = 255;

export const isLogicalName = (text: string, minor: number): boolean =>
  text.length <= NAME_LENGTH_MAX && (minor < 10 ? HOST_NAME : LOGICAL_NAME).test(text);

/** A node, port group, … in a path: `undefined` in `name` or `uuid` says which of the two it is. @throws 400 when neither. */
export function toIdent(what: string, value: string): { readonly uuid?: string; readonly name?: string } {
  if (isUuidLike(value)) return { uuid: canonicalUuid(value) };
  if (isLogicalName(value, Infinity)) return { name: value };
  throw new RequestRefused(400, `Expected UUID or name for ${what}: ${short(value)}`);
}

export const short = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

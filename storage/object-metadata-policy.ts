import { OBJECT_LIMITS as LIMITS } from './object-limits.ts';
import type { Headers } from './object-storage.ts';

/** What may be said of accounts, containers and objects in `X-…-Meta-…`. Values are header bytes, one character each. */
export type MetadataKind = 'account' | 'container' | 'object';

const prefixOf = (kind: MetadataKind) => `x-${kind}-meta-`;
const isUtf8 = (value: string): boolean => Buffer.from(Buffer.from(value, 'latin1').toString()).toString('latin1') === value;
const titled = (name: string): string => name.replace(/(^|-)([a-z])/g, (part) => part.toUpperCase());

/** Why these can not all be an object's, container's or account's metadata, in the words that Swift's clients know. */
export function whyBadMetadata(kind: MetadataKind, headers: Headers): string | undefined {
  const prefix = prefixOf(kind);
  const found = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
  );
  for (const [name, value] of found) {
    if (name === '') return 'Metadata name cannot be empty';
    if (name.length > LIMITS.metadataNameBytesMax) return `Metadata name too long: ${titled(prefix + name)}`;
    if (value.length > LIMITS.metadataValueBytesMax)
      return `Metadata value longer than ${LIMITS.metadataValueBytesMax}: ${titled(prefix + name)}`;
    if (!isUtf8(value)) return 'Metadata must be valid UTF-8';
  }
  if (found.length > LIMITS.metadataCountMax) return `Too many metadata items; max ${LIMITS.metadataCountMax}`;
  const bytes = found.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return bytes > LIMITS.metadataBytesMax ? `Total metadata too large; max ${LIMITS.metadataBytesMax}` : undefined;
}

/** Seconds since 1970 at which an object goes, as its headers ask; null: never. */
export function readExpiry(
  headers: Readonly<Record<string, unknown>>,
  nowMs: number,
): { readonly at: number | null } | { readonly error: string } {
  const [after, at] = [headers['x-delete-after'], headers['x-delete-at']];
  const now = Math.floor(nowMs / 1000);
  if (after !== undefined) {
    if (!/^-?\d{1,12}$/.test(String(after))) return { error: 'Non-integer X-Delete-After' };
    return Number(after) < 0 ? { error: 'X-Delete-After in past' } : { at: now + Number(after) };
  }
  if (at === undefined) return { at: null };
  if (!/^\d{1,12}$/.test(String(at))) return { error: 'Non-integer X-Delete-At' };
  return Number(at) <= now ? { error: 'X-Delete-At in past' } : { at: Number(at) };
}

/** By the name's ending, for objects that come without a type. */
const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css',
  csv: 'text/csv',
  gif: 'image/gif',
  gz: 'application/gzip',
  htm: 'text/html',
  html: 'text/html',
  ico: 'image/vnd.microsoft.icon',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/javascript',
  json: 'application/json',
  md: 'text/markdown',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  tar: 'application/x-tar',
  txt: 'text/plain',
  wasm: 'application/wasm',
  webm: 'video/webm',
  webp: 'image/webp',
  xml: 'application/xml',
  yaml: 'application/yaml',
  zip: 'application/zip',
};

export const guessContentType = (name: string): string =>
  TYPES[/\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';

import { cleanAcl } from '../../storage/object-acl-policy.ts';
import { type HeaderChanges } from '../../storage/object-container-service.ts';
import { readExpiry, whyBadMetadata, type MetadataKind } from '../../storage/object-metadata-policy.ts';
import type { Container, Headers, Item } from '../../storage/object-storage.ts';
import { Refusal } from '../service-plugin.ts';
import type { ObjectCall } from './object-visit.ts';

/** What requests say of accounts, containers and objects, and how answers tell it. */
type RequestHeaders = ObjectCall['headers'];

export const headerOf = (headers: RequestHeaders, name: string): string | undefined => {
  const value = headers[name];
  return value === undefined ? undefined : String(value);
};

export const isTrue = (value: string | null | undefined): boolean =>
  ['true', '1', 'yes', 'on', 't', 'y'].includes((value ?? '').toLowerCase());

/** `X-Account-Meta-…` and `X-Remove-Account-Meta-…`; an empty value takes it away too. */
function metadataChanges(headers: RequestHeaders, kind: 'account' | 'container'): Record<string, string | null> {
  const [set, remove] = [`x-${kind}-meta-`, `x-remove-${kind}-meta-`];
  const changes: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(remove)) changes[set + name.slice(remove.length)] ??= null;
    if (name.startsWith(set)) changes[name] = value === '' || value === undefined ? null : String(value);
  }
  return changes;
}

/** @throws Refusal 400 */
export function requireMetadata(kind: MetadataKind, headers: Headers): void {
  const why = whyBadMetadata(kind, headers);
  if (why !== undefined) throw new Refusal(400, why);
}

const requireNewMetadata = (kind: MetadataKind, changes: HeaderChanges) =>
  requireMetadata(kind, Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value ?? ''])));

/** @throws Refusal 400 */
export function accountChanges(headers: RequestHeaders): HeaderChanges {
  const changes = metadataChanges(headers, 'account');
  requireNewMetadata('account', changes);
  requireQuota(changes['x-account-meta-quota-bytes'], 'Invalid quota.');
  return changes;
}

function requireQuota(value: string | null | undefined, message: string): void {
  if (value !== undefined && value !== null && !/^\d{1,15}$/.test(value)) throw new Refusal(400, message);
}

const VERSIONS = ['x-versions-location', 'x-history-location'] as const;

/** @throws Refusal 400 */
export function containerChanges(headers: RequestHeaders): HeaderChanges {
  const changes = metadataChanges(headers, 'container');
  requireNewMetadata('container', changes);
  requireQuota(changes['x-container-meta-quota-bytes'], 'Invalid bytes quota.');
  requireQuota(changes['x-container-meta-quota-count'], 'Invalid count quota.');
  for (const [name, title] of [
    ['x-container-read', 'X-Container-Read'],
    ['x-container-write', 'X-Container-Write'],
  ] as const) {
    if (headers[`x-remove-${name.slice(2)}`] !== undefined) changes[name] = null;
    const value = headerOf(headers, name);
    if (value !== undefined) changes[name] = value === '' ? null : readAcl(title, value);
  }
  return { ...changes, ...versionChanges(headers), ...refusedSettings(headers) };
}

function readAcl(title: 'X-Container-Read' | 'X-Container-Write', value: string): string {
  try {
    return cleanAcl(title, value);
  } catch (error) {
    throw new Refusal(400, (error as Error).message);
  }
}

function versionChanges(headers: RequestHeaders): HeaderChanges {
  const given = VERSIONS.filter((name) => headers[name] !== undefined && headers[name] !== '');
  if (given.length > 1) throw new Refusal(400, 'Only one of X-Versions-Location or X-History-Location may be specified');
  const isRemoval = VERSIONS.some((name) => headers[`x-remove-${name.slice(2)}`] !== undefined || headers[name] === '');
  if (given.length === 0) return isRemoval ? { 'x-versions-location': null, 'x-history-location': null } : {};
  const location = decodeName(headerOf(headers, given[0]!)!);
  if (location === '' || location.includes('/')) throw new Refusal(412, 'Container name cannot contain slashes');
  return { 'x-versions-location': null, 'x-history-location': null, [given[0]!]: location };
}

/** What this installation has not, said so. @throws Refusal 400 */
function refusedSettings(headers: RequestHeaders): HeaderChanges {
  for (const [name, what] of [
    ['x-container-sync-to', 'Container synchronization is not there.'],
    ['x-container-sync-key', 'Container synchronization is not there.'],
    ['x-versions-enabled', 'X-Versions-Enabled is not there; X-Versions-Location and X-History-Location are.'],
  ] as const)
    if (headers[name] !== undefined && headers[name] !== '' && !(name === 'x-versions-enabled' && !isTrue(headerOf(headers, name))))
      throw new Refusal(400, what);
  const policy = headerOf(headers, 'x-storage-policy');
  if (policy !== undefined && policy.toLowerCase() !== STORAGE_POLICY.toLowerCase())
    throw new Refusal(400, `Invalid X-Storage-Policy '${policy}'`);
  return {};
}

/** Of a name in a header: percent-encoded, or as it is. */
export function decodeName(value: string): string {
  try {
    return decodeURIComponent(Buffer.from(value, 'latin1').toString());
  } catch {
    throw new Refusal(412, 'Invalid UTF8 or contains NULL');
  }
}

/** The only one: files in a directory. */
export const STORAGE_POLICY = 'Policy-0';

/** Told to the account's members only: who knows a key signs addresses, and lists of access name users. */
const OWNERS_ONLY = /^x-container-(read|write)$|^x-(account|container)-meta-temp-url-key(-2)?$/;

export const shownHeaders = (headers: Headers, isOwner: boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => isOwner || !OWNERS_ONLY.test(name))
      .map(([name, value]) => [name, (VERSIONS as readonly string[]).includes(name) ? encodeURIComponent(value) : value]),
  );

export const containerHeaders = (container: Container, isOwner: boolean): Record<string, string> => ({
  ...shownHeaders(container.headers, isOwner),
  'x-timestamp': timestamp(container.createdUs),
  'last-modified': httpDate(container.changedUs),
  'x-storage-policy': STORAGE_POLICY,
});

/** Seconds with five decimals. */
export const timestamp = (us: number): string => `${Math.floor(us / 1e6)}.${String(Math.floor((us % 1e6) / 10)).padStart(5, '0')}`;
/** Never before the change: whoever asks `If-Modified-Since` with it must not miss one of the same second. */
export const httpDate = (us: number): string => new Date(Math.ceil(us / 1e6) * 1000).toUTCString();
/** ISO 8601 without a zone, in microseconds. */
export const isoTime = (us: number): string =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 20)}${String(us % 1e6).padStart(6, '0')}`;

/** Beside the metadata, what an object's headers keep. */
const KEPT = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'x-object-manifest',
  'x-robots-tag',
]);

export interface ObjectHeaders {
  readonly headers: Headers;
  readonly deleteAt: number | null;
  readonly contentType: string | undefined;
}

/** What a PUT or POST says of an object. @throws Refusal 400 */
export function objectHeaders(headers: RequestHeaders): ObjectHeaders {
  const entries = Object.entries(headers).filter(([name]) => name.startsWith('x-object-meta-') || KEPT.has(name));
  const kept = Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
  requireMetadata('object', kept);
  const manifest = kept['x-object-manifest'];
  if (manifest === '') delete kept['x-object-manifest'];
  else if (manifest !== undefined && !/^\/?[^/?&]+\/[^/?&]/.test(manifest))
    throw new Refusal(400, 'X-Object-Manifest must be in the format container/prefix');
  const expiry = readExpiry(headers, Date.now());
  if ('error' in expiry) throw new Refusal(400, expiry.error);
  return { headers: kept, deleteAt: expiry.at, contentType: headerOf(headers, 'content-type') };
}

/** Of an object as it is told, but for its length and ETag. */
export const itemHeaders = ({ headers, contentType, modifiedUs, deleteAt, manifest }: Item): Record<string, string> => ({
  ...headers,
  'content-type': contentType,
  'last-modified': httpDate(modifiedUs),
  'x-timestamp': timestamp(modifiedUs),
  'accept-ranges': 'bytes',
  ...(deleteAt === null ? {} : { 'x-delete-at': String(deleteAt) }),
  ...(manifest === null ? {} : { 'x-static-large-object': 'True' }),
});

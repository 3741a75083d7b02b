import { isMalformed, malformed, type Malformed } from '../../core/base/malformed.ts';
import { Float, packMessage, unpackMessage, type Packable, type Unpacked } from './msgpack-codec.ts';

/**
 * What a token says, in Keystone's payload versions 0 to 9, byte for byte: an array whose first item is the version.
 * Ids that are UUIDs are packed as 16 bytes behind a `true`, others as text behind a `false`.
 */
export interface TokenPayload {
  readonly userId: string;
  /** In the order of METHODS. */
  readonly methods: readonly string[];
  readonly expiresAtMs: number;
  /** The token's own, then the first of its chain. */
  readonly auditIds: readonly string[];
  readonly scope:
    | { readonly kind: 'unscoped' }
    | { readonly kind: 'system' }
    | { readonly kind: 'project'; readonly id: string }
    | { readonly kind: 'domain'; readonly id: string };
  readonly trustId?: string;
  readonly accessTokenId?: string;
  readonly applicationCredentialId?: string;
  readonly federated?: { readonly groupIds: readonly string[]; readonly providerId: string; readonly protocolId: string };
}

/** A bit each, from the lowest: Keystone's default order, so that tokens interoperate; ours follow. */
export const METHODS = ['external', 'password', 'token', 'oauth1', 'mapped', 'application_credential', 'totp'] as const;

const VERSION = {
  unscoped: 0,
  domain: 1,
  project: 2,
  trust: 3,
  federated: 4,
  federatedProject: 5,
  federatedDomain: 6,
  oauth: 7,
  system: 8,
  applicationCredential: 9,
} as const;

const UUID_HEX = /^[0-9a-f]{32}$/;
const packId = (id: string): Packable => (UUID_HEX.test(id) ? [true, Buffer.from(id, 'hex')] : [false, id]);
/** Domain and trust ids stand alone: bytes for a UUID, text for `default`. */
const packBareId = (id: string): Packable => (UUID_HEX.test(id) ? Buffer.from(id, 'hex') : id);

export function packPayload(payload: TokenPayload): Buffer {
  const user = packId(payload.userId);
  const methods = payload.methods.reduce((bits, method) => bits | (1 << (METHODS as readonly string[]).indexOf(method)), 0);
  const expires = new Float(payload.expiresAtMs / 1000);
  const audits = payload.auditIds.map((id) => Buffer.from(id, 'base64url'));
  const { scope, federated } = payload;
  if (federated) {
    const groups = federated.groupIds.map(packId);
    const origin: Packable[] = [groups, packId(federated.providerId), federated.protocolId, expires, audits];
    if (scope.kind === 'project' || scope.kind === 'domain') {
      const version = scope.kind === 'project' ? VERSION.federatedProject : VERSION.federatedDomain;
      return packMessage([version, user, methods, packId(scope.id), ...origin]);
    }
    return packMessage([VERSION.federated, user, methods, ...origin]);
  }
  if (scope.kind === 'system') return packMessage([VERSION.system, user, methods, 'all', expires, audits]);
  if (scope.kind === 'domain') return packMessage([VERSION.domain, user, methods, packBareId(scope.id), expires, audits]);
  if (scope.kind === 'unscoped') return packMessage([VERSION.unscoped, user, methods, expires, audits]);
  const project = packId(scope.id);
  if (payload.trustId !== undefined)
    return packMessage([VERSION.trust, user, methods, project, expires, audits, packBareId(payload.trustId)]);
  if (payload.accessTokenId !== undefined)
    return packMessage([VERSION.oauth, user, methods, project, packId(payload.accessTokenId), expires, audits]);
  if (payload.applicationCredentialId !== undefined)
    return packMessage([VERSION.applicationCredential, user, methods, project, expires, audits, packId(payload.applicationCredentialId)]);
  return packMessage([VERSION.project, user, methods, project, expires, audits]);
}

export function unpackPayload(bytes: Buffer): TokenPayload | Malformed {
  const items = unpackMessage(bytes);
  if (isMalformed(items)) return items;
  if (!Array.isArray(items)) return malformed('a token holds a list', 0);
  try {
    return readItems(items);
  } catch (error) {
    if (isMalformed(error)) return error;
    throw error;
  }
}

function readItems([version, user, methods, ...rest]: readonly Unpacked[]): TokenPayload {
  const head = { userId: readId(user), methods: readMethods(methods) };
  const times = (expires: Unpacked | undefined, audits: Unpacked | undefined) => ({
    expiresAtMs: Math.round(readNumber(expires) * 1000),
    auditIds: readList(audits).map((id) => readBytes(id).toString('base64url')),
  });
  const project = () => ({ kind: 'project' as const, id: readId(rest[0]) });
  switch (version) {
    case VERSION.unscoped:
      return { ...head, scope: { kind: 'unscoped' }, ...times(rest[0], rest[1]) };
    case VERSION.domain:
      return { ...head, scope: { kind: 'domain', id: readBareId(rest[0]) }, ...times(rest[1], rest[2]) };
    case VERSION.project:
      return { ...head, scope: project(), ...times(rest[1], rest[2]) };
    case VERSION.trust:
      return { ...head, scope: project(), ...times(rest[1], rest[2]), trustId: readBareId(rest[3]) };
    case VERSION.federated:
      return { ...head, scope: { kind: 'unscoped' }, federated: readOrigin(rest), ...times(rest[3], rest[4]) };
    case VERSION.federatedProject:
    case VERSION.federatedDomain: {
      const kind = version === VERSION.federatedProject ? 'project' : 'domain';
      return { ...head, scope: { kind, id: readId(rest[0]) }, federated: readOrigin(rest.slice(1)), ...times(rest[4], rest[5]) };
    }
    case VERSION.oauth:
      return { ...head, scope: project(), accessTokenId: readId(rest[1]), ...times(rest[2], rest[3]) };
    case VERSION.system:
      return { ...head, scope: { kind: 'system' }, ...times(rest[1], rest[2]) };
    case VERSION.applicationCredential:
      return { ...head, scope: project(), ...times(rest[1], rest[2]), applicationCredentialId: readId(rest[3]) };
    default:
      throw malformed(`payload version ${String(version)} is not known`, 0);
  }
}

const readOrigin = ([groups, provider, protocol]: readonly Unpacked[]) => ({
  groupIds: readList(groups).map(readId),
  providerId: readId(provider),
  protocolId: readText(protocol),
});

function readNumber(value: Unpacked | undefined): number {
  if (typeof value !== 'number') throw malformed('a number is missing', 0);
  return value;
}
function readList(value: Unpacked | undefined): Unpacked[] {
  if (!Array.isArray(value)) throw malformed('a list is missing', 0);
  return value;
}
function readBytes(value: Unpacked | undefined): Buffer {
  if (!Buffer.isBuffer(value)) throw malformed('bytes are missing', 0);
  return value;
}
function readText(value: Unpacked | undefined): string {
  if (Buffer.isBuffer(value)) return value.toString();
  if (typeof value !== 'string') throw malformed('a text is missing', 0);
  return value;
}
const readBareId = (value: Unpacked | undefined) =>
  Buffer.isBuffer(value) && value.length === 16 ? value.toString('hex') : readText(value);
function readId(value: Unpacked | undefined): string {
  const [isUuid, id] = readList(value);
  return isUuid === true ? readBytes(id).toString('hex') : readText(id);
}
function readMethods(value: Unpacked | undefined): string[] {
  const bits = readNumber(value);
  return METHODS.filter((_method, bit) => (bits & (1 << bit)) !== 0);
}

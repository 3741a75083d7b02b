import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { CIPHER_SUITES, findCipherSuite, hmac, type CipherSuite, type SessionKeys } from './cipher-suite-codec.ts';

/**
 * Opening an RMCP+ session: Open Session (IPMI 2.0 §13.17-18), RAKP 1-4 (§13.20-23) and the keys they give (§13.31-32).
 * All numbers little-endian. SIDc/SIDm: the console's and the BMC's session id; Rc/Rm: their random numbers.
 */
export interface OpenRequest {
  readonly tag: number;
  /** 0: the highest that the user may have. */
  readonly privilege: number;
  readonly consoleSessionId: number;
  readonly authentication: number;
  readonly integrity: number;
  readonly confidentiality: number;
}

export interface OpenResponse {
  readonly tag: number;
  readonly status: number;
  readonly consoleSessionId: number;
  readonly managedSessionId: number;
  readonly suite: CipherSuite | undefined;
}

const algorithms = (authentication: number, integrity: number, confidentiality: number): Buffer =>
  Buffer.from([0, 0, 0, 8, authentication, 0, 0, 0, 1, 0, 0, 8, integrity, 0, 0, 0, 2, 0, 0, 8, confidentiality, 0, 0, 0]);

export function encodeOpenRequest(request: OpenRequest): Buffer {
  const head = Buffer.from([request.tag, request.privilege, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(request.consoleSessionId, 4);
  return Buffer.concat([head, algorithms(request.authentication, request.integrity, request.confidentiality)]);
}

export function decodeOpenRequest(bytes: Buffer): OpenRequest | Malformed {
  if (bytes.length < 32) return malformed('Open Session request is shorter than 32 bytes', bytes.length);
  return {
    tag: bytes[0]!,
    privilege: bytes[1]! & 0x0f,
    consoleSessionId: bytes.readUInt32LE(4),
    authentication: bytes[12]! & 0x3f,
    integrity: bytes[20]! & 0x3f,
    confidentiality: bytes[28]! & 0x3f,
  };
}

/** A refusal carries only the first eight bytes. */
export function encodeOpenResponse(response: OpenResponse, privilege: number): Buffer {
  const head = Buffer.alloc(12);
  head[0] = response.tag;
  head[1] = response.status;
  head[2] = privilege;
  head.writeUInt32LE(response.consoleSessionId, 4);
  if (response.status !== 0 || !response.suite) return head.subarray(0, 8);
  head.writeUInt32LE(response.managedSessionId, 8);
  return Buffer.concat([head, algorithms(response.suite.authentication, response.suite.integrity, response.suite.confidentiality)]);
}

/** Some BMCs shorten a refusal to tag and status. */
const isShortRefusal = (bytes: Buffer): boolean => bytes.length >= 2 && bytes[1] !== 0;
const sessionIdIn = (bytes: Buffer): number => (bytes.length >= 8 ? bytes.readUInt32LE(4) : 0);

export function decodeOpenResponse(bytes: Buffer): OpenResponse | Malformed {
  if (isShortRefusal(bytes))
    return { tag: bytes[0]!, status: bytes[1]!, consoleSessionId: sessionIdIn(bytes), managedSessionId: 0, suite: undefined };
  if (bytes.length < 8) return malformed('Open Session response is shorter than 8 bytes', bytes.length);
  const head = { tag: bytes[0]!, status: bytes[1]!, consoleSessionId: bytes.readUInt32LE(4) };
  if (bytes.length < 36) return malformed('Open Session response is shorter than 36 bytes', bytes.length);
  const suite = findCipherSuite(bytes[16]! & 0x3f, bytes[24]! & 0x3f, bytes[32]! & 0x3f);
  return { ...head, managedSessionId: bytes.readUInt32LE(8), suite };
}

export interface Rakp1 {
  readonly tag: number;
  readonly managedSessionId: number;
  readonly consoleRandom: Buffer;
  /** Privilege in bits 0-3; bit 4: look the user up by name alone. */
  readonly role: number;
  readonly username: string;
}

export const ROLE_BY_NAME_ONLY = 0x10;
export const USERNAME_BYTES_MAX = 16;

export function encodeRakp1(message: Rakp1): Buffer {
  const name = Buffer.from(message.username, 'latin1');
  const bytes = Buffer.alloc(28 + name.length);
  bytes[0] = message.tag;
  bytes.writeUInt32LE(message.managedSessionId, 4);
  message.consoleRandom.copy(bytes, 8);
  bytes[24] = message.role;
  bytes[27] = name.length;
  name.copy(bytes, 28);
  return bytes;
}

export function decodeRakp1(bytes: Buffer): Rakp1 | Malformed {
  if (bytes.length < 28) return malformed('RAKP 1 is shorter than 28 bytes', bytes.length);
  const nameBytes = bytes[27]!;
  if (nameBytes > USERNAME_BYTES_MAX) return malformed(`user name of ${nameBytes} bytes`, 27);
  if (bytes.length < 28 + nameBytes) return malformed('user name is cut short', bytes.length);
  return {
    tag: bytes[0]!,
    managedSessionId: bytes.readUInt32LE(4),
    consoleRandom: Buffer.from(bytes.subarray(8, 24)),
    role: bytes[24]!,
    username: bytes.toString('latin1', 28, 28 + nameBytes),
  };
}

export interface Rakp2 {
  readonly tag: number;
  readonly status: number;
  readonly consoleSessionId: number;
  readonly managedRandom: Buffer;
  readonly managedGuid: Buffer;
  readonly code: Buffer;
}

const EMPTY = Buffer.alloc(0);

export function encodeRakp2(message: Rakp2): Buffer {
  const head = Buffer.from([message.tag, message.status, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(message.consoleSessionId, 4);
  if (message.status !== 0) return head;
  return Buffer.concat([head, message.managedRandom, message.managedGuid, message.code]);
}

export function decodeRakp2(bytes: Buffer): Rakp2 | Malformed {
  if (bytes.length < 2) return malformed('RAKP 2 is shorter than 2 bytes', bytes.length);
  const head = { tag: bytes[0]!, status: bytes[1]!, consoleSessionId: sessionIdIn(bytes) };
  if (isShortRefusal(bytes)) return { ...head, managedRandom: EMPTY, managedGuid: EMPTY, code: EMPTY };
  if (bytes.length < 40) return malformed('RAKP 2 is shorter than 40 bytes', bytes.length);
  return {
    ...head,
    managedRandom: Buffer.from(bytes.subarray(8, 24)),
    managedGuid: Buffer.from(bytes.subarray(24, 40)),
    code: Buffer.from(bytes.subarray(40)),
  };
}

/** RAKP 3 and RAKP 4 share a layout: tag, status, reserved, the receiver's session id, code. */
export interface Rakp34 {
  readonly tag: number;
  readonly status: number;
  readonly sessionId: number;
  readonly code: Buffer;
}

export function encodeRakp34(message: Rakp34): Buffer {
  const head = Buffer.from([message.tag, message.status, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(message.sessionId, 4);
  return message.status === 0 ? Buffer.concat([head, message.code]) : head;
}

export function decodeRakp34(bytes: Buffer): Rakp34 | Malformed {
  if (isShortRefusal(bytes)) return { tag: bytes[0]!, status: bytes[1]!, sessionId: sessionIdIn(bytes), code: EMPTY };
  if (bytes.length < 8) return malformed('RAKP 3 or 4 is shorter than 8 bytes', bytes.length);
  return { tag: bytes[0]!, status: bytes[1]!, sessionId: bytes.readUInt32LE(4), code: Buffer.from(bytes.subarray(8)) };
}

/** Everything that the two sides agreed on before the last check. */
export interface RakpExchange {
  readonly suite: CipherSuite;
  readonly consoleSessionId: number;
  readonly managedSessionId: number;
  readonly consoleRandom: Buffer;
  readonly managedRandom: Buffer;
  readonly managedGuid: Buffer;
  readonly role: number;
  readonly username: string;
}

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const roleAndName = (x: RakpExchange) => {
  const name = Buffer.from(x.username, 'latin1');
  return Buffer.concat([Buffer.from([x.role, name.length]), name]);
};

export const rakp2Code = (x: RakpExchange, password: Buffer): Buffer =>
  hmac(
    x.suite,
    password,
    u32(x.consoleSessionId),
    u32(x.managedSessionId),
    x.consoleRandom,
    x.managedRandom,
    x.managedGuid,
    roleAndName(x),
  );

export const rakp3Code = (x: RakpExchange, password: Buffer): Buffer =>
  hmac(x.suite, password, x.managedRandom, u32(x.consoleSessionId), roleAndName(x));

/** SIK (§13.31). `kg` is the BMC's own key, or the user's password where none is set. */
export const sessionIntegrityKey = (x: RakpExchange, kg: Buffer): Buffer =>
  hmac(x.suite, kg, x.consoleRandom, x.managedRandom, roleAndName(x));

export const rakp4Code = (x: RakpExchange, sik: Buffer): Buffer =>
  hmac(x.suite, sik, x.consoleRandom, u32(x.managedSessionId), x.managedGuid).subarray(0, x.suite.codeBytes);

/** K1 and K2 (§13.32): the constants are 20 bytes long for every hash. */
export const sessionKeys = (suite: CipherSuite, sik: Buffer): SessionKeys => ({
  suite,
  k1: hmac(suite, sik, Buffer.alloc(20, 1)),
  k2: hmac(suite, sik, Buffer.alloc(20, 2)),
});

export const RAKP_STATUS = {
  ok: 0x00,
  noResources: 0x01,
  invalidSessionId: 0x02,
  invalidAuthentication: 0x04,
  invalidIntegrity: 0x05,
  inactiveSessionId: 0x08,
  invalidRole: 0x09,
  unauthorizedRole: 0x0a,
  noResourcesForRole: 0x0b,
  invalidNameLength: 0x0c,
  unauthorizedName: 0x0d,
  invalidCode: 0x0f,
  invalidConfidentiality: 0x10,
  noCipherSuite: 0x11,
  illegalParameter: 0x12,
} as const;

const STATUS_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(RAKP_STATUS).map(([name, code]) => [code, name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)]),
);

export const rakpStatusName = (status: number): string => STATUS_NAMES[status] ?? `status 0x${status.toString(16)}`;

export const suiteRecords = (): Buffer =>
  Buffer.concat(
    Object.values(CIPHER_SUITES).map((s) => Buffer.from([0xc0, s.id, s.authentication, 0x40 | s.integrity, 0x80 | s.confidentiality])),
  );

import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/**
 * A self-signed P-256 certificate: what agents pin, and what emulated BMCs have from the factory. The DER is written
 * out by hand (RFC 5280 §4.1), a page of code where a library would bring a global reflection polyfill.
 */
export interface TlsIdentity {
  readonly keyPem: string;
  readonly certificatePem: string;
}

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

const sequence = (...parts: readonly Uint8Array[]) => der(TAG.sequence, ...parts);
const oid = (hex: string) => der(TAG.oid, Buffer.from(hex, 'hex'));
const ECDSA_WITH_SHA256 = oid('2a8648ce3d040302');
const COMMON_NAME = oid('550403');
const BASIC_CONSTRAINTS = oid('551d13');
const SUBJECT_ALT_NAME = oid('551d11');
const YES = der(TAG.boolean, Buffer.from([0xff]));

const generalizedTime = (ms: number) => der(TAG.time, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')}`));
const DAY_MS = 24 * 60 * 60 * 1000;
const VALID_DAYS = 3650;

function selfSigned(name: string, publicKey: KeyObject, privateKey: KeyObject, nowMs: number): Buffer {
  const subject = sequence(der(TAG.set, sequence(COMMON_NAME, der(TAG.utf8, Buffer.from(name)))));
  // A leading 01 keeps the serial number positive and free of leading zeros.
  const serial = der(TAG.integer, Buffer.concat([Buffer.from([1]), randomBytes(8)]));
  const extensions = sequence(
    sequence(BASIC_CONSTRAINTS, YES, der(TAG.octets, sequence(YES))),
    sequence(SUBJECT_ALT_NAME, der(TAG.octets, sequence(der(0x82, Buffer.from(name))))),
  );
  const body = sequence(
    der(0xa0, der(TAG.integer, Buffer.from([2]))),
    serial,
    sequence(ECDSA_WITH_SHA256),
    subject,
    sequence(generalizedTime(nowMs - DAY_MS), generalizedTime(nowMs + VALID_DAYS * DAY_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  return sequence(body, sequence(ECDSA_WITH_SHA256), der(TAG.bits, Buffer.from([0]), sign('sha256', body, privateKey)));
}

export function createTlsIdentity(name: string, nowMs: number): TlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const lines = selfSigned(name, publicKey, privateKey, nowMs)
    .toString('base64')
    .match(/.{1,64}/g)!;
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}

import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { alternativeNames, nameOf } from './certificate-request-codec.ts';
import { der, DER, oid, pemOf, sequence } from './der-codec.ts';
import { signed } from './signature-algorithm.ts';

/**
 * A self-signed P-256 certificate: what agents pin, and what emulated BMCs have from the factory. The DER is written
 * out by hand (RFC 5280 §4.1), a page of code where a library would bring a global reflection polyfill.
 */
export interface TlsIdentity {
  readonly keyPem: string;
  readonly certificatePem: string;
}

const ECDSA_WITH_SHA256 = oid('2a8648ce3d040302');
const BASIC_CONSTRAINTS = oid('551d13');
const YES = der(DER.boolean, Buffer.from([0xff]));

const generalizedTime = (ms: number) => der(DER.time, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')}`));
const DAY_MS = 24 * 60 * 60 * 1000;
const VALID_DAYS = 3650;

function selfSigned(name: string, publicKey: KeyObject, privateKey: KeyObject, nowMs: number): Buffer {
  const subject = nameOf(name);
  // A leading 01 keeps the serial number positive and free of leading zeros.
  const serial = der(DER.integer, Buffer.concat([Buffer.from([1]), randomBytes(8)]));
  const extensions = sequence(sequence(BASIC_CONSTRAINTS, YES, der(DER.octets, sequence(YES))), alternativeNames([name]));
  const body = sequence(
    der(0xa0, der(DER.integer, Buffer.from([2]))),
    serial,
    sequence(ECDSA_WITH_SHA256),
    subject,
    sequence(generalizedTime(nowMs - DAY_MS), generalizedTime(nowMs + VALID_DAYS * DAY_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  return signed(body, privateKey);
}

export function createTlsIdentity(name: string, nowMs: number): TlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: pemOf('CERTIFICATE', selfSigned(name, publicKey, privateKey, nowMs)),
  };
}

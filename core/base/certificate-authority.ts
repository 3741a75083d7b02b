import { createHash, createPrivateKey, createPublicKey, randomBytes, X509Certificate, type KeyObject } from 'node:crypto';
import { alternativeNames, nameOf, type CertificateRequest } from './certificate-request-codec.ts';
import { bytesOfPem, der, DER, oid, pemOf, readDer, sequence, type DerElement } from './der-codec.ts';
import { isMalformed } from './malformed.ts';
import { algorithmOf, signed } from './signature-algorithm.ts';
import type { TlsIdentity } from './tls-identity.ts';

/** Signs certificates of web servers for requests (RFC 5280). Its names are those it is told, whatever the request says. */
export interface CertificateAuthority {
  /** PEM. It begins a day before now, for clocks that are wrong, and ends with the authority's own at the latest. */
  sign(request: CertificateRequest, hosts: readonly string[], nowMs: number, days: number): string;
  readonly validUntilMs: number;
}

const BASIC_CONSTRAINTS = oid('551d13');
const KEY_USAGE = oid('551d0f');
const EXTENDED_KEY_USAGE = oid('551d25');
const SERVER_AUTH = oid('2b06010505070301');
const SUBJECT_KEY = oid('551d0e');
const AUTHORITY_KEY = oid('551d23');
const YES = der(DER.boolean, Buffer.from([0xff]));
const VERSION_3 = der(0xa0, der(DER.integer, Buffer.from([2])));
const DIGITAL_SIGNATURE = 0x80;
const KEY_ENCIPHERMENT = 0x20;
const DAY_MS = 24 * 60 * 60 * 1000;
/** From this year on times have four digits of a year (§4.1.2.5). */
const GENERALIZED_FROM = 2050;

const children = (bytes: Buffer): readonly DerElement[] => {
  const elements = readDer(bytes);
  return isMalformed(elements) ? [] : elements;
};

function timeOf(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return new Date(ms).getUTCFullYear() < GENERALIZED_FROM ? der(DER.utcTime, Buffer.from(text.slice(2))) : der(DER.time, Buffer.from(text));
}

const keyIdOf = (key: KeyObject): Buffer => {
  const [, bits] = children(children(key.export({ type: 'spki', format: 'der' }))[0]!.body);
  return createHash('sha1').update(bits!.body.subarray(1)).digest();
};

/** The authority's own name for its key, where its certificate has one. */
function authorityKeyId(body: readonly DerElement[]): Buffer | undefined {
  const list = body.find(({ tag }) => tag === 0xa3);
  const extensions = list === undefined ? [] : children(children(list.body)[0]?.body ?? Buffer.alloc(0));
  const found = extensions.map(({ body: each }) => children(each)).find(([name]) => name?.whole.equals(SUBJECT_KEY));
  return found === undefined ? undefined : children(found.at(-1)!.body)[0]?.body;
}

/** @throws RangeError that says why these two are no authority. */
export function createCertificateAuthority({ certificatePem, keyPem }: TlsIdentity): CertificateAuthority {
  const bytes = bytesOfPem('CERTIFICATE', certificatePem);
  if (isMalformed(bytes)) throw new RangeError('there is no certificate in PEM');
  const own = new X509Certificate(bytes);
  const key = createPrivateKey(keyPem);
  if (!own.ca) throw new RangeError('the certificate is not that of an authority');
  if (!own.checkPrivateKey(key)) throw new RangeError('the key is not that of the certificate');
  const algorithm = algorithmOf(createPublicKey(key));
  if (algorithm === undefined) throw new RangeError('the key is none of RSA, Ed25519, P-256, P-384 and P-521');
  const body = children(children(children(bytes)[0]!.body)[0]!.body);
  // Version (when it is there), serial number, algorithm, issuer, validity, subject.
  const subject = body[body[0]!.tag === 0xa0 ? 5 : 4]!.whole;
  const keyId = authorityKeyId(body);
  const validUntilMs = own.validToDate.getTime();

  const extension = (name: Buffer, isCritical: boolean, value: Buffer) =>
    sequence(name, ...(isCritical ? [YES] : []), der(DER.octets, value));
  const usageOf = ({ publicKey }: CertificateRequest) => {
    const usage = DIGITAL_SIGNATURE | (publicKey.asymmetricKeyType === 'rsa' ? KEY_ENCIPHERMENT : 0);
    return der(DER.bits, Buffer.from([5, usage]));
  };
  return {
    validUntilMs,
    sign(request, hosts, nowMs, days) {
      const extensions = sequence(
        extension(BASIC_CONSTRAINTS, true, sequence()),
        extension(KEY_USAGE, true, usageOf(request)),
        extension(EXTENDED_KEY_USAGE, false, sequence(SERVER_AUTH)),
        extension(SUBJECT_KEY, false, der(DER.octets, keyIdOf(request.publicKey))),
        ...(keyId === undefined ? [] : [extension(AUTHORITY_KEY, false, sequence(der(0x80, keyId)))]),
        alternativeNames(hosts),
      );
      const certificate = sequence(
        VERSION_3,
        // A leading 01 keeps the serial number positive and free of leading zeros.
        der(DER.integer, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
        algorithm.identifier,
        subject,
        sequence(timeOf(nowMs - DAY_MS), timeOf(Math.min(nowMs + days * DAY_MS, validUntilMs))),
        nameOf(hosts[0]!),
        request.publicKey.export({ type: 'spki', format: 'der' }),
        der(0xa3, extensions),
      );
      return pemOf('CERTIFICATE', signed(certificate, key));
    },
  };
}

import { createPublicKey, type KeyObject } from 'node:crypto';
import { bytesOfPem, der, DER, derSet, oid, pemOf, readDer, sequence } from './der-codec.ts';
import { ipv4ToNumber } from './ipv4-address.ts';
import { isMalformed, malformed, type Malformed } from './malformed.ts';
import { isSigned, signed } from './signature-algorithm.ts';

/**
 * A certificate signing request (PKCS #10, RFC 2986): SEQUENCE { SEQUENCE { version 0, subject, public key, [0] attributes }, algorithm, signature }.
 * Only the key is taken from one: what its maker is called is for who signs to say.
 */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
}

/** Of RSA, as every authority wants it. */
const RSA_BITS_MIN = 2048;
const COMMON_NAME = oid('550403');
const EXTENSION_REQUEST = oid('2a864886f70d01090e');
const SUBJECT_ALT_NAME = oid('551d11');

export function decodeCertificateRequest(pem: string): CertificateRequest | Malformed {
  const bytes = bytesOfPem('(?:NEW )?CERTIFICATE REQUEST', pem);
  const [whole] = elementsOf(bytes);
  const [info, algorithm, signature] = whole === undefined ? [] : elementsOf(whole.body);
  const key = info === undefined ? undefined : elementsOf(info.body)[2];
  if (info === undefined || algorithm === undefined || signature === undefined || key === undefined)
    return malformed('the signing request cannot be read', 0);
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey({ key: key.whole, format: 'der', type: 'spki' });
  } catch {
    return malformed('the public key of the signing request cannot be read', 0);
  }
  if (publicKey.asymmetricKeyType === 'rsa' && (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS_MIN)
    return malformed(`the key of the signing request has less than ${RSA_BITS_MIN} bits`, 0);
  if (!isSigned(info.whole, algorithm.whole, signature.body.subarray(1), publicKey))
    return malformed('the signing request is not signed by its own key', 0);
  return { publicKey };
}

const elementsOf = (bytes: Buffer | Malformed) => {
  const elements = isMalformed(bytes) ? bytes : readDer(bytes);
  return isMalformed(elements) ? [] : elements;
};

const COMMON_NAME_CHARACTERS_MAX = 64;
export const nameOf = (commonName: string): Buffer =>
  sequence(derSet(sequence(COMMON_NAME, der(DER.utf8, Buffer.from(commonName.slice(0, COMMON_NAME_CHARACTERS_MAX))))));

/** A host as RFC 5280 §4.2.1.6 has it: an IP address, or a name. */
export function alternativeNames(hosts: readonly string[]): Buffer {
  const isAddress = (host: string) => host.includes(':') || ipv4ToNumber(host) !== undefined;
  const names = hosts.map((host) => (isAddress(host) ? der(0x87, addressBytes(host)) : der(0x82, Buffer.from(host, 'latin1'))));
  return sequence(SUBJECT_ALT_NAME, der(DER.octets, sequence(...names)));
}

function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  // `URL` writes each IPv6 address in the one short form of RFC 5952, which has at most one gap.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

export function encodeCertificateRequest(
  subject: { readonly commonName: string; readonly hosts: readonly string[] },
  keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
): string {
  const extensions = sequence(EXTENSION_REQUEST, derSet(sequence(alternativeNames(subject.hosts))));
  const info = sequence(
    der(DER.integer, Buffer.from([0])),
    nameOf(subject.commonName),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa0, ...(subject.hosts.length === 0 ? [] : [extensions])),
  );
  return pemOf('CERTIFICATE REQUEST', signed(info, keys.privateKey));
}

import { sign, verify, type KeyObject } from 'node:crypto';
import { bitString, der, DER, oid, sequence } from './der-codec.ts';

/** How certificates and requests for them are signed (RFC 5758, 8017, 8410). */
interface Algorithm {
  readonly identifier: Buffer;
  readonly digest: string | null;
}
const ecdsa = (hex: string, digest: string): Algorithm => ({ identifier: sequence(oid(hex)), digest });
const rsa = (hex: string, digest: string): Algorithm => ({ identifier: sequence(oid(hex), der(DER.none)), digest });

const ECDSA_SHA256 = ecdsa('2a8648ce3d040302', 'sha256');
const ECDSA_SHA384 = ecdsa('2a8648ce3d040303', 'sha384');
const ECDSA_SHA512 = ecdsa('2a8648ce3d040304', 'sha512');
const RSA_SHA256 = rsa('2a864886f70d01010b', 'sha256');
const ED25519: Algorithm = { identifier: sequence(oid('2b6570')), digest: null };
const ALL: readonly Algorithm[] = [
  ECDSA_SHA256,
  ECDSA_SHA384,
  ECDSA_SHA512,
  RSA_SHA256,
  rsa('2a864886f70d01010c', 'sha384'),
  rsa('2a864886f70d01010d', 'sha512'),
  ED25519,
];

/** Undefined: no key that certificates are signed with here. */
export function algorithmOf(key: KeyObject): Algorithm | undefined {
  if (key.asymmetricKeyType === 'rsa') return RSA_SHA256;
  if (key.asymmetricKeyType === 'ed25519') return ED25519;
  if (key.asymmetricKeyType !== 'ec') return undefined;
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return curve === 'prime256v1' ? ECDSA_SHA256 : curve === 'secp384r1' ? ECDSA_SHA384 : curve === 'secp521r1' ? ECDSA_SHA512 : undefined;
}

/** The body with its signature, as certificates and requests are. @throws RangeError for a key that does not fit. */
export function signed(body: Buffer, key: KeyObject): Buffer {
  const algorithm = algorithmOf(key);
  if (algorithm === undefined) throw new RangeError('the key is none of RSA, Ed25519, P-256, P-384 and P-521');
  return sequence(body, algorithm.identifier, bitString(sign(algorithm.digest, body, key)));
}

/** False too for algorithms that are not trusted any more. */
export function isSigned(body: Buffer, identifier: Buffer, signature: Buffer, key: KeyObject): boolean {
  const algorithm = ALL.find((each) => each.identifier.equals(identifier));
  if (algorithm === undefined) return false;
  try {
    return verify(algorithm.digest, body, key, signature);
  } catch {
    return false;
  }
}

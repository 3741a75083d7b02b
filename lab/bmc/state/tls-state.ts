import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { encodeCertificateRequest } from '../../../core/base/certificate-request-codec.ts';
import type { TlsIdentity } from '../../../core/base/tls-identity.ts';
import { sharedTlsIdentity } from '../bmc-certificate.ts';

/** What the web server shows, and the key that the BMC made for a certificate which is still to come. */
export interface TlsState {
  now(): TlsIdentity;
  replace(identity: TlsIdentity): void;
  /** A signing request for a new key, or the one in use; the key stays here. */
  request(subject: { readonly commonName: string; readonly hosts: readonly string[] }, key: 'rsa' | 'P-256' | 'P-384' | 'in use'): string;
  /** False: it is the certificate of neither key. */
  install(certificatePem: string): boolean;
  readonly keys: KeyHabits;
}

/** What its actions for keys and requests allow. */
export interface KeyHabits {
  readonly algorithms: readonly string[];
  readonly curves: readonly string[];
  /** Without GenerateCSR: only for the certificate that is there (`rekey`), and for its key (`renew`). */
  readonly ways: readonly ('generate' | 'rekey' | 'renew')[];
}

const USUAL: KeyHabits = {
  algorithms: ['TPM_ALG_ECDSA', 'TPM_ALG_RSA'],
  curves: ['TPM_ECC_NIST_P256', 'TPM_ECC_NIST_P384'],
  ways: ['generate', 'rekey', 'renew'],
};
const RSA_BITS = 2048;

export function createTlsState(given: TlsIdentity | undefined, habits: Partial<KeyHabits> = {}): TlsState {
  let identity = given;
  let pending: KeyObject | undefined;
  const now = () => identity ?? sharedTlsIdentity();
  return {
    keys: { ...USUAL, ...habits },
    now,
    replace: (next) => void (identity = next),
    request(subject, kind) {
      const inUse = createPrivateKey(now().keyPem);
      const keys =
        kind === 'in use'
          ? { privateKey: inUse, publicKey: createPublicKey(inUse) }
          : kind === 'rsa'
            ? generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
            : generateKeyPairSync('ec', { namedCurve: kind });
      pending = keys.privateKey;
      return encodeCertificateRequest(subject, keys);
    },
    install(certificatePem) {
      const certificate = new X509Certificate(certificatePem);
      const key = [pending, createPrivateKey(now().keyPem)].find((each) => each !== undefined && certificate.checkPrivateKey(each));
      if (key === undefined) return false;
      identity = { keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(), certificatePem };
      pending = undefined;
      return true;
    },
  };
}

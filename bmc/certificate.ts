import type { Secret } from '../core/base/secret.ts';

/** What a BMC shows to who connects over TLS. */
export interface BmcCertificate {
  readonly pem: string;
  readonly subject: string;
  readonly issuer: string;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  /** SHA-256 of its DER, in hex with colons. */
  readonly fingerprint: string;
}

export interface CertificateCalls {
  certificate(signal: AbortSignal): Promise<BmcCertificate>;
  /**
   * The BMC makes itself a key and asks for a certificate: PKCS #10 in PEM. One that cannot make a new key asks for the one that it has. Names in it are a wish, and
   * its signature has yet to be looked at.
   */
  requestCertificate(hosts: readonly string[], signal: AbortSignal): Promise<string>;
  /** Its web server may start anew, and take the answer with it: only a new connection tells. */
  replaceCertificate(
    /** Without a key: for the one of its last signing request. */
    identity: { readonly certificate: { readonly pem: string }; readonly key?: Secret },
    signal: AbortSignal,
  ): Promise<void>;
}

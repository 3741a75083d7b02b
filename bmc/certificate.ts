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
  /** Its web server may start anew, and take the answer with it: only a new connection tells. */
  replaceCertificate(
    identity: { readonly certificate: { readonly pem: string }; readonly key: Secret },
    signal: AbortSignal,
  ): Promise<void>;
}

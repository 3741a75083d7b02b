import { X509Certificate } from 'node:crypto';

/** As an operator copies it into the configuration. */
export const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256;

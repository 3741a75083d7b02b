import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

/** Cipher suites of IPMI 2.0 (table 22-20) that are worth speaking: the others sign with MD5 or do not encrypt. */
export type CipherSuiteId = 3 | 17;

export interface CipherSuite {
  readonly id: CipherSuiteId;
  /** Table 13-17. */
  readonly authentication: number;
  /** Table 13-18. */
  readonly integrity: number;
  /** Table 13-19; 1 is AES-CBC-128. */
  readonly confidentiality: 1;
  readonly hash: 'sha1' | 'sha256';
  /** Length of a full RAKP code. */
  readonly digestBytes: number;
  /** Length of the truncated code at a packet's end and in RAKP 4. */
  readonly codeBytes: number;
}

export const CIPHER_SUITES: Readonly<Record<CipherSuiteId, CipherSuite>> = {
  3: { id: 3, authentication: 1, integrity: 1, confidentiality: 1, hash: 'sha1', digestBytes: 20, codeBytes: 12 },
  17: { id: 17, authentication: 3, integrity: 4, confidentiality: 1, hash: 'sha256', digestBytes: 32, codeBytes: 16 },
};

export const findCipherSuite = (authentication: number, integrity: number, confidentiality: number): CipherSuite | undefined =>
  Object.values(CIPHER_SUITES).find(
    (suite) => suite.authentication === authentication && suite.integrity === integrity && suite.confidentiality === confidentiality,
  );

export const hmac = (suite: CipherSuite, key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => {
  const code = createHmac(suite.hash, key);
  for (const part of parts) code.update(part);
  return code.digest();
};

/** What protects the packets of one open session: K1 signs, the first 16 bytes of K2 encrypt (§13.28, §13.29, §13.32). */
export interface SessionKeys {
  readonly suite: CipherSuite;
  readonly k1: Buffer;
  readonly k2: Buffer;
}

/** AES-CBC-128 payload (§13.29): 16 bytes IV, then payload, pad 01 02 03 .., pad length. */
export function encryptPayload(keys: SessionKeys, payload: Buffer, iv: Buffer): Buffer {
  const padBytes = (16 - ((payload.length + 1) % 16)) % 16;
  const trailer = Buffer.alloc(padBytes + 1, 0);
  for (let i = 0; i < padBytes; i++) trailer[i] = i + 1;
  trailer[padBytes] = padBytes;
  const cipher = createCipheriv('aes-128-cbc', keys.k2.subarray(0, 16), iv).setAutoPadding(false);
  return Buffer.concat([iv, cipher.update(payload), cipher.update(trailer), cipher.final()]);
}

/** Undefined when the length or the padding cannot have come from `encryptPayload`. */
export function decryptPayload(keys: SessionKeys, bytes: Buffer): Buffer | undefined {
  if (bytes.length < 32 || bytes.length % 16 !== 0) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', keys.k2.subarray(0, 16), bytes.subarray(0, 16)).setAutoPadding(false);
  const plain = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]);
  const padBytes = plain.at(-1)!;
  if (padBytes > 15 || padBytes + 1 > plain.length) return undefined;
  return plain.subarray(0, plain.length - padBytes - 1);
}

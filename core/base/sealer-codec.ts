import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * Secrets at rest: AES-256-GCM under the installation's key, text `v1.<base64url nonce+ciphertext+tag>`. The key never
 * enters the database, so a stolen dump opens nothing.
 */
export interface Sealer {
  seal(plain: string): string;
  /** @throws Error when the text was sealed with another key or altered. */
  open(sealed: string): string;
}

export const SEAL_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function createSealer(key: Buffer): Sealer {
  if (key.length !== SEAL_KEY_BYTES) throw new Error(`The secret key has ${key.length} bytes; it must have ${SEAL_KEY_BYTES}.`);
  return {
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const body = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `v1.${body.toString('base64url')}`;
    },
    open(sealed) {
      const body = Buffer.from(sealed.replace(/^v1\./, ''), 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, NONCE_BYTES));
      decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
      try {
        return decipher.update(body.subarray(NONCE_BYTES, body.length - TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch (cause) {
        throw new Error('A stored secret does not open: this process has another secret key than the one that sealed it.', { cause });
      }
    },
  };
}

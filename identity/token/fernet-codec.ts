import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { malformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * Fernet (github.com/fernet/spec): version 0x80, seconds, IV, AES-128-CBC, HMAC-SHA256 over all before it. A key is 32
 * bytes: the first half signs, the second encrypts. Written without padding, as Keystone does.
 */
const VERSION = 0x80;
const HEAD_BYTES = 25;
const TAG_BYTES = 32;
export const FERNET_KEY_BYTES = 32;
/** Keystone's own longest (a federated user in many groups) stay far below; more is not worth decrypting. */
const TEXT_CHARACTERS_MAX = 8192;

export interface FernetContent {
  readonly seconds: number;
  readonly message: Buffer;
}

export function sealFernet(key: Buffer, content: FernetContent, iv: Buffer): string {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = VERSION;
  head.writeBigUInt64BE(BigInt(content.seconds), 1);
  iv.copy(head, 9);
  const cipher = createCipheriv('aes-128-cbc', key.subarray(16), iv);
  const signed = Buffer.concat([head, cipher.update(content.message), cipher.final()]);
  return Buffer.concat([signed, createHmac('sha256', key.subarray(0, 16)).update(signed).digest()]).toString('base64url');
}

/** With the first of the keys that signed it. */
export function openFernet(keys: readonly Buffer[], text: string): FernetContent | Malformed {
  if (text.length > TEXT_CHARACTERS_MAX || !/^[A-Za-z0-9_-]+={0,2}$/.test(text)) return malformed('not the text of a token', 0);
  const bytes = Buffer.from(text, 'base64url');
  if (bytes[0] !== VERSION || bytes.length < HEAD_BYTES + 16 + TAG_BYTES || (bytes.length - HEAD_BYTES - TAG_BYTES) % 16 !== 0)
    return malformed('not a Fernet token', 0);
  const signed = bytes.subarray(0, -TAG_BYTES);
  const tag = bytes.subarray(-TAG_BYTES);
  const key = keys.find((candidate) => timingSafeEqual(createHmac('sha256', candidate.subarray(0, 16)).update(signed).digest(), tag));
  if (key === undefined) return malformed('signed with a key that is not ours', bytes.length - TAG_BYTES);
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), bytes.subarray(9, HEAD_BYTES));
  try {
    const message = Buffer.concat([decipher.update(signed.subarray(HEAD_BYTES)), decipher.final()]);
    return { seconds: Number(bytes.readBigUInt64BE(1)), message };
  } catch {
    return malformed('its padding is wrong', HEAD_BYTES);
  }
}

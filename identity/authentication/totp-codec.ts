import { createHmac } from 'node:crypto';

/** RFC 6238 over RFC 4226: six digits of an HMAC-SHA1 of the half-minute. Secrets are base32 (RFC 4648). */
const STEP_MS = 30_000;
const DIGITS = 6;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Undefined for text that is no base32. */
export function decodeBase32(text: string): Buffer | undefined {
  let bits = 0;
  let count = 0;
  const bytes: number[] = [];
  for (const character of text.replace(/[\s=]+/g, '').toUpperCase()) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return undefined;
    bits = ((bits << 5) | value) & 0xffff;
    count += 5;
    if (count >= 8) bytes.push((bits >> (count -= 8)) & 0xff);
  }
  return Buffer.from(bytes);
}

export function totpAt(secret: Buffer, atMs: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / STEP_MS)));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const offset = mac[mac.length - 1]! & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** The passcode of now and of the step before: clocks differ, and typing takes time. */
export const acceptedPasscodes = (secret: Buffer, nowMs: number): string[] => [totpAt(secret, nowMs), totpAt(secret, nowMs - STEP_MS)];

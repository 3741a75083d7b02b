import { createHash, X509Certificate, type KeyObject } from 'node:crypto';

/*
 * Public keys as sshd reads them (RFC 4253, section 6.6): type, base64 of the same type and the numbers, comment. The fingerprint is
 * MD5 over the bytes, which is what Nova's clients compare.
 */
const TYPES =
  /^(ssh-rsa|ssh-dss|ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/;

const colons = (hex: string) => hex.match(/../g)!.join(':');

/** Undefined: it is no public key. */
export function sshFingerprint(text: string): string | undefined {
  const [type = '', base64 = ''] = text.trim().split(/\s+/);
  if (!TYPES.test(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const blob = Buffer.from(base64, 'base64');
  const length = blob.length < 4 ? -1 : blob.readUInt32BE(0);
  if (length !== type.length || blob.toString('latin1', 4, 4 + length) !== type || blob.length <= 4 + length) return undefined;
  return colons(createHash('md5').update(blob).digest('hex'));
}

/** SHA-1 of the certificate; undefined: it is none. */
export function certificateFingerprint(pem: string): string | undefined {
  try {
    return new X509Certificate(pem).fingerprint.toLowerCase();
  } catch {
    return undefined;
  }
}

function field(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A number with its first bit set gets a zero byte before it (RFC 4251, section 5, `mpint`). */
const mpint = (bytes: Buffer) => field(bytes[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);

/** `ssh-rsa AAAA… comment` */
export function encodeRsaKey(key: KeyObject, comment: string): string {
  const { n, e } = key.export({ format: 'jwk' });
  const blob = Buffer.concat([field(Buffer.from('ssh-rsa')), mpint(Buffer.from(e!, 'base64url')), mpint(Buffer.from(n!, 'base64url'))]);
  return `ssh-rsa ${blob.toString('base64')} ${comment}`;
}

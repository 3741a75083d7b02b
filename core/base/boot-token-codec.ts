import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * A boot token names one power-on of one machine. The boot server mints it into the iPXE script; boot files, images and
 * the agent's first call are answered only with it. It is stateless, so that a rack controller and the API need only
 * share `secret`: text `base64url(json claims).base64url(HMAC-SHA256)`.
 */
export interface BootClaims {
  readonly mac: string;
  /** Absent for a machine that nobody knows yet. */
  readonly nodeId?: string;
  readonly expiresAtMs: number;
}

/** Long enough for a slow firmware and a big ramdisk over a slow link; short enough that a leaked script ages. */
export const BOOT_TOKEN_LIFETIME_MS = 6 * 60 * 60 * 1000;

const sign = (payload: string, secret: Buffer) => createHmac('sha256', secret).update(payload).digest();

export function encodeBootToken(claims: BootClaims, secret: Buffer): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${payload}.${sign(payload, secret).toString('base64url')}`;
}

/** The claims, or undefined when the token is forged, damaged or past its time. */
export function decodeBootToken(token: string, secret: Buffer, nowMs: number): BootClaims | undefined {
  const [payload, signature, ...rest] = token.split('.');
  if (!payload || !signature || rest.length > 0 || token.length > 1024) return undefined;
  const given = Buffer.from(signature, 'base64url');
  const wanted = sign(payload, secret);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as BootClaims;
    return claims.expiresAtMs > nowMs ? claims : undefined;
  } catch {
    return undefined;
  }
}

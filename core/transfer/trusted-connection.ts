import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

/** A connection over TLS to the one that is meant: nothing is sent on it before its certificate was seen. */

/** The SHA-256 of the one certificate that is right, or a CA in PEM form; without either the system's CAs. */
export interface Trust {
  readonly certificateSha256?: string;
  readonly ca?: string;
}

export class UntrustedError extends Error {
  override readonly name = 'UntrustedError';
}

const CONNECT_MS_MAX = 10_000;

/** @throws UntrustedError when somebody else is there; Error when nobody is, or not in time */
export function connectTrusted({ host, port, trust }: { host: string; port: number; trust: Trust }): Promise<TLSSocket> {
  const { certificateSha256: wanted, ca } = trust;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      rejectUnauthorized: wanted === undefined,
      ...(isIP(host) > 0 ? {} : { servername: host }),
      ...(ca === undefined ? {} : { ca }),
      timeout: CONNECT_MS_MAX,
    });
    const fail = (isTrusted: boolean, message: string, cause?: Error) => {
      socket.destroy();
      const Kind = isTrusted ? Error : UntrustedError;
      reject(new Kind(`${host}:${port}: ${message}`, cause === undefined ? {} : { cause }));
    };
    socket.once('timeout', () => fail(true, `no connection within ${CONNECT_MS_MAX / 1000} s`));
    socket.once('error', (error: Error & { code?: string }) =>
      fail(!isAboutTrust(error), error.message || (error.code ?? 'no connection'), error),
    );
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      const shown = fingerprintOf(socket.getPeerX509Certificate());
      if (wanted !== undefined && shown !== canonicalFingerprint(wanted))
        return fail(false, `its certificate is ${shown ?? 'none'}, not the one that is pinned`);
      resolve(socket);
    });
  });
}

const isAboutTrust = ({ code = '' }: { code?: string }) => /CERT|SIGNATURE|ALTNAME/.test(code);
const fingerprintOf = (certificate: X509Certificate | undefined) =>
  certificate === undefined ? undefined : canonicalFingerprint(certificate.fingerprint256);
/** 64 hex digits, whichever way they were written. */
const canonicalFingerprint = (text: string) => text.replaceAll(':', '').toLowerCase();

import { type Malformed, malformed } from '../../../core/base/malformed.ts';
import { parseMacAddress } from '../../../core/base/mac-address.ts';

/**
 * The agent's settings on the kernel command line (all others belong to the kernel or to init):
 *
 *   rackwright.api=https://H:P    rackwright.pin=<hex SHA-256 of the DER certificate>   rackwright.token=<boot token>
 *   rackwright.node=<uuid>        rackwright.boot=http://H:P                            BOOTIF=<mac>
 */
export interface BootParameters {
  readonly api: URL;
  /** Lower-case hex, 64 digits. */
  readonly pin: string;
  readonly token: string;
  readonly nodeUuid?: string;
  /** Base of the boot server, for images given by path. */
  readonly bootServer?: URL;
  readonly bootMac: string;
}

const parseUrl = (text: string | undefined): URL | undefined => (text && URL.canParse(text) ? new URL(text) : undefined);

export function decodeBootParameters(commandLine: string): BootParameters | Malformed {
  const values = new Map<string, string>();
  for (const word of commandLine.trim().split(/\s+/)) {
    const at = word.indexOf('=');
    if (at > 0) values.set(word.slice(0, at), word.slice(at + 1));
  }
  const api = parseUrl(values.get('rackwright.api'));
  if (api?.protocol !== 'https:') return malformed('rackwright.api= must be an https URL', 0);
  const pin = (values.get('rackwright.pin') ?? '').toLowerCase().replaceAll(':', '');
  if (!/^[0-9a-f]{64}$/.test(pin)) return malformed('rackwright.pin= must be the SHA-256 of the certificate in hex', 0);
  const token = values.get('rackwright.token');
  if (!token) return malformed('rackwright.token= is missing', 0);
  const bootServer = parseUrl(values.get('rackwright.boot'));
  const nodeUuid = values.get('rackwright.node');
  const boot = values.get('BOOTIF') ?? '';
  // pxelinux writes the hardware type before the address: 01-52-54-00-aa-bb-cc.
  const bootMac = parseMacAddress(boot.replace(/^01-/, '')) ?? '';
  return { api, pin, token, bootMac, ...(bootServer ? { bootServer } : {}), ...(nodeUuid ? { nodeUuid } : {}) };
}

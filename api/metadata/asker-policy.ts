import { createHmac, timingSafeEqual } from 'node:crypto';
import { NETWORK_HEADERS, readSigned, type Headers } from './network-signature-codec.ts';

/*
 * Who asks for metadata: the machine whose address it is, whatever it says of itself, or a proxy on a hypervisor that says for which instance and proves with the
 * shared secret that it may (neutron and OVN's metadata agents: HMAC-SHA256 of the instance's id, in hex); our own hosts say which machine of which network.
 */
export type Asker =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'proxy'; readonly instance: string; readonly project: string }
  | { readonly kind: 'network'; readonly networkId: string; readonly machine: string }
  | { readonly kind: 'refused'; readonly status: number; readonly why: string };

const BAD_SIGNATURE = { kind: 'refused', status: 403, why: 'Invalid proxy request signature.' } as const;

export function whoAsks(headers: Headers, address: string, secret: string | undefined): Asker {
  if (secret !== undefined && headers[NETWORK_HEADERS.signature] !== undefined) {
    const asker = readSigned(secret, headers);
    return asker === undefined ? BAD_SIGNATURE : { kind: 'network', ...asker };
  }
  const signature = headers['x-instance-id-signature'];
  // Without a signature, or without anybody who could sign, headers are a machine's own words.
  if (secret === undefined || typeof signature !== 'string') return { kind: 'address', address: plain(address) };
  const [instance, project] = [headers['x-instance-id'], headers['x-tenant-id'] ?? headers['x-project-id']];
  if (typeof instance !== 'string' || typeof project !== 'string')
    return { kind: 'refused', status: 400, why: 'X-Instance-ID and X-Tenant-ID request headers are needed.' };
  const wanted = createHmac('sha256', secret).update(instance).digest();
  const given = Buffer.from(/^[0-9a-f]{64}$/i.test(signature) ? signature : '', 'hex');
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return BAD_SIGNATURE;
  return { kind: 'proxy', instance, project };
}

/** IPv4 as a socket for both families tells it. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

import { createHmac, timingSafeEqual } from 'node:crypto';

/*
 * How a host says who of a network's machines asks: the network is the one at whose port it was asked, the machine is the address (or, where that is one that machines
 * give themselves, the MAC address) that the question came from. All of it is signed (HMAC-SHA256, in hex).
 */
export interface NetworkAsker {
  readonly networkId: string;
  readonly machine: string;
}

export const NETWORK_HEADERS = {
  network: 'x-rackwright-network',
  machine: 'x-rackwright-machine',
  signature: 'x-rackwright-signature',
} as const;

const digest = (secret: string, { networkId, machine }: NetworkAsker) =>
  createHmac('sha256', secret).update(`${networkId} ${machine}`).digest();

export const signedHeaders = (secret: string, asker: NetworkAsker): Record<string, string> => ({
  [NETWORK_HEADERS.network]: asker.networkId,
  [NETWORK_HEADERS.machine]: asker.machine,
  [NETWORK_HEADERS.signature]: digest(secret, asker).toString('hex'),
});

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Undefined when the headers are not ones that the secret signed. */
export function readSigned(secret: string, headers: Headers): NetworkAsker | undefined {
  const [networkId, machine, signature] = [NETWORK_HEADERS.network, NETWORK_HEADERS.machine, NETWORK_HEADERS.signature].map(
    (name) => headers[name],
  );
  if (typeof networkId !== 'string' || typeof machine !== 'string' || typeof signature !== 'string') return undefined;
  const wanted = digest(secret, { networkId, machine });
  const given = Buffer.from(/^[0-9a-f]{64}$/i.test(signature) ? signature : '', 'hex');
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? { networkId, machine } : undefined;
}

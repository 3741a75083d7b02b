import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv4, isIPv6, type LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent, request } from 'undici';

/*
 * Bytes from web addresses that users name: images, and firmware that goes on to a BMC. What this host can reach and tenants can not (the cloud's own metadata, say) must not be read through
 * it: hosts are refused by name, and by every address that a name or a redirection leads to, in the moment of the connection.
 */
export interface WebSource {
  /** @throws UnreadableAddress for one that is not read from here, or that does not answer with bytes; the network's own errors */
  open(uri: string, signal?: AbortSignal): Promise<{ readonly body: Readable; readonly sizeBytes: number | undefined }>;
}

export class UnreadableAddress extends Error {
  override readonly name = 'UnreadableAddress';
}

const REDIRECTS_MAX = 5;

/** What a configuration may forbid: a name, an address, or a network such as 10.0.0.0/8. */
export function isForbiddable(text: string): boolean {
  const [address = '', length, ...more] = text.split('/');
  if (length === undefined) return /^[^\s/]+$/.test(text);
  return more.length === 0 && /^\d{1,3}$/.test(length) && isIP(address) !== 0 && Number(length) <= (isIPv4(address) ? 32 : 128);
}

export function createWebSource(forbidden: readonly string[]): WebSource {
  const isForbidden = readForbidden(forbidden);
  const dispatcher = new Agent({ connect: { lookup: refusing(isForbidden) } });
  return {
    async open(uri, signal) {
      let url = addressOf(uri);
      for (let hop = 0; hop <= REDIRECTS_MAX; hop += 1) {
        if (!/^https?:$/.test(url.protocol))
          throw new UnreadableAddress(`Only http and https addresses are downloaded, not ${url.protocol}`);
        if (isForbidden(url.hostname)) throw refusal(url.hostname);
        const { statusCode, headers, body } = await request(url, { dispatcher, ...(signal === undefined ? {} : { signal }) });
        const length = headers['content-length'];
        if (statusCode === 200) return { body, sizeBytes: length === undefined ? undefined : Number(length) };
        await body.dump();
        if (statusCode < 300 || statusCode >= 400 || headers['location'] === undefined)
          throw new UnreadableAddress(`${uri} answered ${statusCode}.`);
        url = new URL(String(headers['location']), url);
      }
      throw new UnreadableAddress(`${uri} redirects more than ${REDIRECTS_MAX} times.`);
    },
  };
}

const refusal = (host: string) => new UnreadableAddress(`The host ${host} may not be downloaded from.`);

function addressOf(uri: string): URL {
  if (!URL.canParse(uri)) throw new UnreadableAddress(`${uri} is not an address.`);
  return new URL(uri);
}

/** Names as they are written in addresses: in lower case, with or without the last dot, IPv6 in brackets. */
function readForbidden(forbidden: readonly string[]): (host: string) => boolean {
  const names = new Set<string>();
  const addresses = new BlockList();
  for (const one of forbidden) {
    const [address = '', length] = one.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) names.add(one.toLowerCase());
    else if (length === undefined) addresses.addAddress(address, family);
    else addresses.addSubnet(address, Number(length), family);
  }
  return (host) => {
    const plain = host
      .toLowerCase()
      .replace(/^\[(.*)\]$/, '$1')
      .replace(/\.$/, '');
    return isIP(plain) === 0 ? names.has(plain) : addresses.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  };
}

const refusing =
  (isForbidden: (host: string) => boolean): LookupFunction =>
  (host, options, found) =>
    lookup(host, options, (error, address: string | LookupAddress[], family) => {
      const all = typeof address === 'string' ? [address] : (address ?? []).map((one) => one.address);
      if (error === null && all.some(isForbidden)) return found(refusal(host), '', 0);
      return found(error, address, family);
    });

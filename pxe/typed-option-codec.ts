import { ipv4ToNumber, parseIpv4Cidr } from '../core/base/ipv4-address.ts';
import { type Malformed, malformed } from '../core/base/malformed.ts';

/** The value of a DHCP option as configuration writes it; exactly one kind. Numbers are unsigned, in network order. */
export type TypedOption =
  | { readonly text: string }
  | { readonly hex: string }
  | { readonly addresses: readonly string[] }
  | { readonly uint8: number }
  | { readonly uint16: number }
  | { readonly uint32: number }
  | { readonly flag: boolean }
  /** RFC 1035 names, with RFC 3397's compression: option 119. */
  | { readonly domains: readonly string[] }
  /** RFC 3442: option 121. */
  | { readonly routes: readonly { readonly to: string; readonly via: string }[] };

/** What a reply says of itself and its lease is not for configuration to say: RFC 2131, 2132, 3046, 4578, 6842. */
const OWN_CODES: ReadonlySet<number> = new Set([0, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 82, 97, 255]);

export const isFreeOptionCode = (code: number): boolean => Number.isInteger(code) && code > 0 && code < 255 && !OWN_CODES.has(code);

/** RFC 3396 splits what is longer than 255 bytes; more than this fits no packet. */
const VALUE_BYTES_MAX = 1024;
const POINTER = 0xc0;

function encodeNumber(value: number, bytes: 1 | 2 | 4): Buffer | Malformed {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * bytes)) return malformed(`${value} is no number of ${bytes} bytes`, 0);
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

function encodeAddresses(addresses: readonly string[]): Buffer | Malformed {
  const buffer = Buffer.alloc(4 * addresses.length);
  for (const [at, text] of addresses.entries()) {
    const number = ipv4ToNumber(text);
    if (number === undefined) return malformed(`${text} is not an IPv4 address`, 0);
    buffer.writeUInt32BE(number, 4 * at);
  }
  return buffer;
}

/** One list; a name's end that was written before is pointed to. */
function encodeDomains(names: readonly string[]): Buffer | Malformed {
  const parts: Buffer[] = [];
  const written = new Map<string, number>();
  let size = 0;
  const push = (bytes: Buffer) => {
    parts.push(bytes);
    size += bytes.length;
  };
  for (const name of names) {
    const labels = name.replace(/\.$/, '').toLowerCase().split('.');
    if (name.length > 253 || labels.some((label) => !/^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)))
      return malformed(`${name} is not a domain name`, 0);
    let isPointedTo = false;
    for (let at = 0; at < labels.length && !isPointedTo; at += 1) {
      const tail = labels.slice(at).join('.');
      const known = written.get(tail);
      if (known !== undefined) {
        push(Buffer.from([POINTER | (known >>> 8), known & 255]));
        isPointedTo = true;
      } else {
        written.set(tail, size);
        push(Buffer.concat([Buffer.from([labels[at]!.length]), Buffer.from(labels[at]!)]));
      }
    }
    if (!isPointedTo) push(Buffer.from([0]));
  }
  return Buffer.concat(parts);
}

/** For each: prefix length(1), as many bytes of the network as it fills, router(4). */
function encodeRoutes(routes: readonly { to: string; via: string }[]): Buffer | Malformed {
  const parts: Buffer[] = [];
  for (const { to, via } of routes) {
    const [cidr, router] = [parseIpv4Cidr(to), ipv4ToNumber(via)];
    if (cidr === undefined || router === undefined) return malformed(`${to} via ${via} is no route`, 0);
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(cidr.network, 0);
    bytes.writeUInt32BE(router, 4);
    parts.push(Buffer.from([cidr.prefixLength]), bytes.subarray(0, Math.ceil(cidr.prefixLength / 8)), bytes.subarray(4));
  }
  return Buffer.concat(parts);
}

function encodeValue(option: TypedOption): Buffer | Malformed {
  if ('text' in option) return Buffer.from(option.text, 'utf8');
  if ('hex' in option)
    return /^([0-9a-f]{2})*$/i.test(option.hex) ? Buffer.from(option.hex, 'hex') : malformed(`${option.hex} is not hex`, 0);
  if ('addresses' in option) return encodeAddresses(option.addresses);
  if ('uint8' in option) return encodeNumber(option.uint8, 1);
  if ('uint16' in option) return encodeNumber(option.uint16, 2);
  if ('uint32' in option) return encodeNumber(option.uint32, 4);
  if ('flag' in option) return Buffer.from([option.flag ? 1 : 0]);
  return 'domains' in option ? encodeDomains(option.domains) : encodeRoutes(option.routes);
}

/** The option's bytes; what is no value of its kind is told in a sentence. */
export function encodeTypedOption(option: TypedOption): Buffer | Malformed {
  const value = encodeValue(option);
  if (Buffer.isBuffer(value) && value.length > VALUE_BYTES_MAX) return malformed(`${value.length} bytes are more than fit a packet`, 0);
  return value;
}

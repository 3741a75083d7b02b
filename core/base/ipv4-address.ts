/** IPv4 addresses as dotted text at the edges and unsigned 32-bit numbers inside. */
export const ipv4ToNumber = (text: string): number | undefined => {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
};

export const ipv4FromNumber = (value: number): string => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');

export interface Ipv4Cidr {
  readonly network: number;
  readonly prefixLength: number;
  readonly netmask: number;
  readonly broadcast: number;
}

/** Parses `10.77.0.0/24`; host bits are cleared. Undefined when it is not a CIDR. */
export function parseIpv4Cidr(text: string): Ipv4Cidr | undefined {
  const [address, length, ...rest] = text.split('/');
  const value = ipv4ToNumber(address ?? '');
  if (value === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length ?? '') || Number(length) > 32) return undefined;
  const prefixLength = Number(length);
  const netmask = prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
  const network = (value & netmask) >>> 0;
  return { network, prefixLength, netmask, broadcast: (network | ~netmask) >>> 0 };
}

export const ipv4InCidr = (address: number, cidr: Ipv4Cidr): boolean => (address & cidr.netmask) >>> 0 === cidr.network;

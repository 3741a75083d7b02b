/** A MAC address in its canonical text form: six lower-case hex octets joined by colons. */
export type MacAddress = string & { readonly __brand?: 'MacAddress' };

const canonical = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Accepts `:`, `-`, `.` or no separator in any case; answers undefined for anything that is not six octets. */
export function parseMacAddress(text: string): MacAddress | undefined {
  const hex = text.toLowerCase().replace(/[:.-]/g, '');
  if (!/^[0-9a-f]{12}$/.test(hex)) return undefined;
  return hex.match(/../g)!.join(':');
}

export const isMacAddress = (text: string): text is MacAddress => canonical.test(text);

const OCTETS = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));

/** From at least six bytes. Packet paths call it for each packet, so it makes one string and nothing else. */
export const macAddressFromBytes = (bytes: Uint8Array): MacAddress =>
  `${OCTETS[bytes[0]!]}:${OCTETS[bytes[1]!]}:${OCTETS[bytes[2]!]}:${OCTETS[bytes[3]!]}:${OCTETS[bytes[4]!]}:${OCTETS[bytes[5]!]}`;

export const macAddressToBytes = (mac: MacAddress): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

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

export const macAddressFromBytes = (bytes: Uint8Array): MacAddress =>
  Array.from(bytes.subarray(0, 6), (b) => b.toString(16).padStart(2, '0')).join(':');

export const macAddressToBytes = (mac: MacAddress): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

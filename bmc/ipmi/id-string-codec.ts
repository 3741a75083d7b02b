/**
 * Names in SDR records (IPMI 2.0 §43.15): a type/length byte, then bytes. Types: 0 Unicode, 1 BCD plus, 2 packed 6-bit
 * ASCII, 3 8-bit.
 */
const BCD_PLUS = '0123456789 -.:,_';

export function decodeSixBit(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held |= byte << bits;
    bits += 8;
    for (; bits >= 6; bits -= 6, held >>= 6) text += String.fromCharCode(0x20 + (held & 0x3f));
  }
  return text;
}

export const decodeBcdPlus = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => BCD_PLUS[byte >> 4]! + BCD_PLUS[byte & 15]!).join('');

/** What runs past the record is cut. */
export function decodeIdString(record: Buffer, at: number): string {
  const head = record[at] ?? 0;
  const bytes = record.subarray(at + 1, at + 1 + (head & 0x1f));
  const text = head >> 6 === 1 ? decodeBcdPlus(bytes) : head >> 6 === 2 ? decodeSixBit(bytes) : bytes.toString('latin1');
  return text.replaceAll('\0', '').trim();
}

export const encodeIdString = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'latin1').subarray(0, 16);
  return Buffer.concat([Buffer.from([0xc0 | bytes.length]), bytes]);
};

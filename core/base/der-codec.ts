import { malformed, type Malformed } from './malformed.ts';

/** DER (X.690 §10) as far as certificates and requests for them use it: definite lengths, one byte of tag. */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  none: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(DER.sequence, ...parts);
export const derSet = (...parts: readonly Uint8Array[]): Buffer => der(DER.set, ...parts);
export const oid = (hex: string): Buffer => der(DER.oid, Buffer.from(hex, 'hex'));
/** All of its bits are used. */
export const bitString = (bytes: Uint8Array): Buffer => der(DER.bits, Buffer.from([0]), bytes);

export interface DerElement {
  readonly tag: number;
  readonly body: Buffer;
  /** With its tag and length. */
  readonly whole: Buffer;
}

/** A certificate of a bigger size is none. */
const ELEMENTS_MAX = 64;

/** The elements one after another that these bytes are. */
export function readDer(bytes: Buffer): readonly DerElement[] | Malformed {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    if (elements.length === ELEMENTS_MAX) return malformed(`DER: more than ${ELEMENTS_MAX} elements`, at);
    const first = bytes[at + 1];
    if (first === undefined) return malformed('DER: a length is missing', at);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (first === 0x80 || lengthBytes > 3 || at + 2 + lengthBytes > bytes.length) return malformed('DER: a length is wrong', at + 1);
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    const start = at + 2 + lengthBytes;
    if (start + length > bytes.length) return malformed('DER: an element is cut short', bytes.length);
    elements.push({ tag: bytes[at]!, body: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) });
    at = start + length;
  }
  return elements;
}

export function pemOf(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The first of this label. */
export function bytesOfPem(label: string, pem: string): Buffer | Malformed {
  const text = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem)?.[1];
  return text === undefined ? malformed(`no PEM of a ${label}`, 0) : Buffer.from(text, 'base64');
}

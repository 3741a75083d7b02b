import { type Malformed, malformed } from '../../core/base/malformed.ts';

/**
 * TFTP packets, RFC 1350 §5 and RFC 2347.
 *
 *   1 RRQ, 2 WRQ  opcode(2) filename 0 mode 0 { option 0 value 0 }
 *   3 DATA        opcode(2) block(2) bytes
 *   4 ACK         opcode(2) block(2)
 *   5 ERROR       opcode(2) code(2) message 0
 *   6 OACK        opcode(2) { option 0 value 0 }
 */
export type TftpPacket =
  | { readonly kind: 'read' | 'write'; readonly path: string; readonly mode: string; readonly options: ReadonlyMap<string, string> }
  | { readonly kind: 'data'; readonly block: number; readonly bytes: Buffer }
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'option-ack'; readonly options: ReadonlyMap<string, string> };

export const TFTP_ERROR = {
  undefined: 0,
  notFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTransfer: 5,
  optionRefused: 8,
} as const;

/** RFC 2347 §3: a request fits one datagram of 512 bytes. Some firmware pads it; the padding is ignored. */
const REQUEST_BYTES_MAX = 1500;

/** NUL-terminated strings; a last one without its NUL is not counted. */
function readStrings(bytes: Buffer, start: number): string[] {
  const strings: string[] = [];
  let at = start;
  while (at < bytes.length) {
    const end = bytes.indexOf(0, at);
    if (end < 0) break;
    strings.push(bytes.toString('latin1', at, end));
    at = end + 1;
  }
  return strings;
}

/** Pairs up to the first empty name, which is padding. */
function readOptions(strings: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (let i = 0; i + 1 < strings.length && strings[i] !== ''; i += 2) options.set(strings[i]!.toLowerCase(), strings[i + 1]!);
  return options;
}

export function decodeTftpPacket(bytes: Buffer): TftpPacket | Malformed {
  if (bytes.length < 4) return malformed('shorter than any TFTP packet', bytes.length);
  const opcode = bytes.readUInt16BE(0);
  switch (opcode) {
    case 1:
    case 2: {
      if (bytes.length > REQUEST_BYTES_MAX) return malformed('a request longer than a packet', REQUEST_BYTES_MAX);
      const [path, mode, ...rest] = readStrings(bytes, 2);
      if (path === undefined || mode === undefined) return malformed('a request without file name and mode', 2);
      return { kind: opcode === 1 ? 'read' : 'write', path, mode: mode.toLowerCase(), options: readOptions(rest) };
    }
    case 3:
      return { kind: 'data', block: bytes.readUInt16BE(2), bytes: bytes.subarray(4) };
    case 4:
      return { kind: 'ack', block: bytes.readUInt16BE(2) };
    case 5:
      return { kind: 'error', code: bytes.readUInt16BE(2), message: readStrings(bytes, 4)[0] ?? bytes.toString('latin1', 4, 260) };
    case 6:
      return { kind: 'option-ack', options: readOptions(readStrings(bytes, 2)) };
    default:
      return malformed(`opcode ${opcode} is not TFTP`, 0);
  }
}

const word = (value: number): Buffer => Buffer.from([(value >>> 8) & 255, value & 255]);

const optionBytes = (options: ReadonlyMap<string, string>): Buffer[] =>
  [...options].map(([name, value]) => Buffer.from(`${name}\0${value}\0`, 'latin1'));

export function encodeTftpPacket(packet: TftpPacket): Buffer {
  switch (packet.kind) {
    case 'read':
    case 'write':
      return Buffer.concat([
        word(packet.kind === 'read' ? 1 : 2),
        Buffer.from(`${packet.path}\0${packet.mode}\0`, 'latin1'),
        ...optionBytes(packet.options),
      ]);
    case 'data':
      return Buffer.concat([word(3), word(packet.block), packet.bytes]);
    case 'ack':
      return Buffer.concat([word(4), word(packet.block)]);
    case 'error':
      return Buffer.concat([word(5), word(packet.code), Buffer.from(`${packet.message}\0`, 'latin1')]);
    case 'option-ack':
      return Buffer.concat([word(6), ...optionBytes(packet.options)]);
  }
}

/** RFC 764 text: a line feed travels as CR LF, a carriage return as CR NUL. */
export function encodeNetascii(bytes: Buffer): Buffer {
  let extra = 0;
  for (const byte of bytes) if (byte === 10 || byte === 13) extra += 1;
  const text = Buffer.alloc(bytes.length + extra);
  let at = 0;
  for (const byte of bytes) {
    if (byte === 10) text[at++] = 13;
    text[at++] = byte;
    if (byte === 13) text[at++] = 0;
  }
  return text;
}

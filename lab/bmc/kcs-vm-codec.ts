import { malformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * The "VM" serial protocol between QEMU's `ipmi-bmc-extern` and a BMC (OpenIPMI lanserv, README.vm).
 *
 *   message: id | netFn << 2 | LUN | command | data.. | checksum (all bytes sum to 0)      ended by 0xa0
 *   control: command | value                                                               ended by 0xa1
 *   0xa0, 0xa1 and 0xaa inside are sent as 0xaa and the byte with bit 4 set
 */
export type KcsVmFrame =
  | {
      readonly kind: 'message';
      readonly id: number;
      readonly netFn: number;
      readonly lun: number;
      readonly command: number;
      readonly data: Buffer;
    }
  | { readonly kind: 'control'; readonly command: number; readonly value: number | undefined };

const END_MESSAGE = 0xa0;
const END_CONTROL = 0xa1;
const ESCAPE = 0xaa;
const ESCAPED_BIT = 0x10;
/** An IPMI message over KCS has at most 255 bytes; past this the stream is not this protocol. */
const FRAME_BYTES_MAX = 300;

export const VM_CONTROL = {
  noAttention: 0x00,
  attention: 0x01,
  powerOff: 0x03,
  reset: 0x04,
  enableInterrupt: 0x05,
  disableInterrupt: 0x06,
  sendNmi: 0x07,
  capabilities: 0x08,
  gracefulShutdown: 0x09,
  version: 0xff,
} as const;
export const VM_PROTOCOL_VERSION = 1;

function escaped(bytes: Uint8Array, end: number): Buffer {
  const out: number[] = [];
  for (const byte of bytes) {
    if (byte === END_MESSAGE || byte === END_CONTROL || byte === ESCAPE) out.push(ESCAPE, byte | ESCAPED_BIT);
    else out.push(byte);
  }
  return Buffer.from([...out, end]);
}

const sumOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0);

export function encodeKcsVmMessage(frame: Extract<KcsVmFrame, { kind: 'message' }>): Buffer {
  const bytes = Buffer.concat([Buffer.from([frame.id, (frame.netFn << 2) | frame.lun, frame.command]), frame.data]);
  return escaped(Buffer.concat([bytes, Buffer.from([-sumOf(bytes) & 0xff])]), END_MESSAGE);
}

export const encodeKcsVmControl = (command: number, value?: number): Buffer =>
  escaped(Buffer.from(value === undefined ? [command] : [command, value]), END_CONTROL);

function decodeFrame(bytes: Buffer, end: number): KcsVmFrame | Malformed {
  if (end === END_CONTROL)
    return bytes.length === 0 ? malformed('control frame is empty', 0) : { kind: 'control', command: bytes[0]!, value: bytes[1] };
  if (bytes.length < 4) return malformed('message frame is shorter than 4 bytes', bytes.length);
  if (sumOf(bytes) !== 0) return malformed('message frame has a wrong checksum', bytes.length - 1);
  return {
    kind: 'message',
    id: bytes[0]!,
    netFn: bytes[1]! >> 2,
    lun: bytes[1]! & 3,
    command: bytes[2]!,
    data: Buffer.from(bytes.subarray(3, -1)),
  };
}

/** Cuts a byte stream into frames; keeps an unfinished one for the next call. */
export function createKcsVmReader(): (chunk: Uint8Array) => (KcsVmFrame | Malformed)[] {
  let pending: number[] = [];
  let inEscape = false;
  return (chunk) => {
    const frames: (KcsVmFrame | Malformed)[] = [];
    for (const byte of chunk) {
      if (byte === END_MESSAGE || byte === END_CONTROL) {
        frames.push(decodeFrame(Buffer.from(pending), byte));
        pending = [];
        inEscape = false;
      } else if (byte === ESCAPE && !inEscape) {
        inEscape = true;
      } else {
        pending.push(inEscape ? byte & ~ESCAPED_BIT : byte);
        inEscape = false;
        if (pending.length > FRAME_BYTES_MAX) {
          frames.push(malformed(`frame is longer than ${FRAME_BYTES_MAX} bytes`, FRAME_BYTES_MAX));
          pending = [];
        }
      }
    }
    return frames;
  };
}

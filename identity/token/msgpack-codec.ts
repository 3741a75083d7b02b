import { malformed, isMalformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * MessagePack, as far as Fernet tokens need it: nil, booleans, integers, 64-bit floats, strings, binaries, arrays.
 * Our own because JavaScript has one kind of number and the format two: Keystone writes times as floats, and a library
 * would write 1700000000.0 as an integer. Spec: github.com/msgpack/msgpack/blob/master/spec.md
 */
export type Packable = null | boolean | number | Float | string | Buffer | readonly Packable[];
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A token nests three deep; anything deeper is not one. */
const DEPTH_MAX = 8;
const ITEMS_MAX = 4096;

export function packMessage(value: Packable): Buffer {
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2]);
  if (value instanceof Float) {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value.value, 1);
    return bytes;
  }
  if (typeof value === 'number') return packInteger(value);
  if (typeof value === 'string') return withLength(Buffer.from(value), [0xa0, 31], 0xd9);
  if (Buffer.isBuffer(value)) return withLength(value, undefined, 0xc4);
  const items = value as readonly Packable[];
  const head = items.length < 16 ? Buffer.from([0x90 | items.length]) : sized(0xdc, 2, items.length);
  return Buffer.concat([head, ...items.map(packMessage)]);
}

function packInteger(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0 || value > 0xffffffff) throw new RangeError(`${value} has no place in a token`);
  if (value < 128) return Buffer.from([value]);
  if (value < 0x100) return sized(0xcc, 1, value);
  return value < 0x10000 ? sized(0xcd, 2, value) : sized(0xce, 4, value);
}

function sized(tag: number, width: number, value: number): Buffer {
  const bytes = Buffer.alloc(1 + width, tag);
  bytes.writeUIntBE(value, 1, width);
  return bytes;
}

function withLength(bytes: Buffer, short: readonly [tag: number, max: number] | undefined, tag: number): Buffer {
  const { length } = bytes;
  if (short && length <= short[1]) return Buffer.concat([Buffer.from([short[0] | length]), bytes]);
  const head = length < 0x100 ? sized(tag, 1, length) : length < 0x10000 ? sized(tag + 1, 2, length) : sized(tag + 2, 4, length);
  return Buffer.concat([head, bytes]);
}

export type Unpacked = null | boolean | number | string | Buffer | Unpacked[];

/** Integers and floats both come out as numbers. */
export function unpackMessage(bytes: Buffer): Unpacked | Malformed {
  const reader = new Reader(bytes);
  try {
    const value = reader.read(0);
    return reader.at === bytes.length ? value : malformed('bytes after the end', reader.at);
  } catch (error) {
    if (isMalformed(error)) return error;
    return malformed('it ends too early', reader.at);
  }
}

class Reader {
  at = 0;
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  integer(width: number): number {
    const value = this.bytes.readUIntBE(this.at, width);
    this.at += width;
    return value;
  }
  take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw malformed('it ends too early', this.at);
    return this.bytes.subarray(this.at, (this.at += length));
  }
  list(length: number, depth: number): Unpacked[] {
    if (length > ITEMS_MAX || depth >= DEPTH_MAX) throw malformed('more than a token holds', this.at);
    return Array.from({ length }, () => this.read(depth + 1));
  }
  read(depth: number): Unpacked {
    const tag = this.integer(1);
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    if (tag >= 0xa0 && tag < 0xc0) return this.take(tag & 31).toString();
    if (tag >= 0x90 && tag < 0xa0) return this.list(tag & 15, depth);
    return this.readLong(tag, depth);
  }
  readLong(tag: number, depth: number): Unpacked {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return tag === 0xc3;
      case 0xc4:
      case 0xc5:
        return this.take(this.integer(tag === 0xc4 ? 1 : 2));
      case 0xcb: {
        const value = this.bytes.readDoubleBE(this.at);
        this.at += 8;
        return value;
      }
      case 0xcc:
        return this.integer(1);
      case 0xcd:
        return this.integer(2);
      case 0xce:
        return this.integer(4);
      case 0xd9:
      case 0xda:
        return this.take(this.integer(tag === 0xd9 ? 1 : 2)).toString();
      case 0xdc:
        return this.list(this.integer(2), depth);
      default:
        throw malformed(`a value of kind 0x${tag.toString(16)} has no place in a token`, this.at - 1);
    }
  }
}

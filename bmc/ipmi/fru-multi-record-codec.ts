import { isMalformed, malformed, type Malformed } from '../../core/base/malformed.ts';

/**
 * The multi-record area of a FRU inventory ("Platform Management FRU Information Storage Definition" 1.0 r1.3, §16-18): records one after another, each with a head
 *
 *   0 type | 1 bit 7 the last one, bits 3-0 version 2 | 2 length | 3 checksum of the record | 4 checksum of the head
 */
export interface FruRecords {
  /** What power supplies can give, in watts. */
  readonly powerSupplyWatts: readonly number[];
  /** Where the makers would have this machine managed. */
  readonly managementUrl?: string;
}

const HEAD_BYTES = 5;
const MULTI_RECORD_AT = 5;
const POWER_SUPPLY = 0x00;
const MANAGEMENT_ACCESS = 0x03;
const MANAGEMENT_URL = 0x01;
const LAST = 0x80;
const VERSION = 0x02;
/** Each has a head of its own; a list that never ends is a broken one. */
const RECORDS_MAX = 128;
/** Overall capacity, peak VA, inrush current and interval, input ranges, frequencies, tolerance, flags, peak wattage and hold-up, combined wattage, tachometer. */
const POWER_SUPPLY_BYTES = 24;

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);

export function decodeFruRecords(image: Buffer): FruRecords | Malformed {
  const powerSupplyWatts: number[] = [];
  let managementUrl: string | undefined;
  let at = (image[MULTI_RECORD_AT] ?? 0) * 8;
  for (let count = 0; at !== 0 && count < RECORDS_MAX; count += 1) {
    const record = decodeRecord(image, at);
    if (isMalformed(record)) return record;
    const { type, body } = record;
    if (type === POWER_SUPPLY && body.length >= 2) powerSupplyWatts.push(body.readUInt16LE(0) & 0x0fff);
    if (type === MANAGEMENT_ACCESS && body[0] === MANAGEMENT_URL) managementUrl = body.toString('latin1', 1).replaceAll('\0', '').trim();
    at = record.isLast ? 0 : at + HEAD_BYTES + body.length;
  }
  return { powerSupplyWatts, ...(managementUrl ? { managementUrl } : {}) };
}

function decodeRecord(image: Buffer, at: number): { type: number; isLast: boolean; body: Buffer } | Malformed {
  const head = image.subarray(at, at + HEAD_BYTES);
  if (head.length < HEAD_BYTES) return malformed('FRU record runs past the inventory', at);
  if (sum(head) !== 0) return malformed('FRU record has a wrong checksum of its head', at);
  const body = image.subarray(at + HEAD_BYTES, at + HEAD_BYTES + head[2]!);
  if (body.length < head[2]!) return malformed('FRU record runs past the inventory', at);
  if ((sum(body) + head[3]!) & 0xff) return malformed('FRU record has a wrong checksum', at);
  return { type: head[0]!, isLast: (head[1]! & LAST) !== 0, body };
}

export function encodeFruRecords({ powerSupplyWatts, managementUrl }: FruRecords): Buffer {
  const supplies = powerSupplyWatts.map((watts) => {
    const body = Buffer.alloc(POWER_SUPPLY_BYTES);
    body.writeUInt16LE(watts & 0x0fff, 0);
    return { type: POWER_SUPPLY, body };
  });
  const url = managementUrl === undefined ? [] : [{ type: MANAGEMENT_ACCESS, body: Buffer.from(`\x01${managementUrl}`, 'latin1') }];
  const records = [...supplies, ...url];
  return Buffer.concat(
    records.map(({ type, body }, index) => {
      const head = Buffer.from([type, VERSION | (index === records.length - 1 ? LAST : 0), body.length, -sum(body) & 0xff, 0]);
      head[4] = -sum(head) & 0xff;
      return Buffer.concat([head, body]);
    }),
  );
}

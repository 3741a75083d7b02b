import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { decodeIdString } from './id-string-codec.ts';
import { ANALOG_FORMATS, decodeFactors, unitOf, type AnalogFormat, type SensorFactors } from './sensor-conversion-codec.ts';
import { SDR_HEAD_BYTES } from './sdr-repository-codec.ts';

/**
 * Sensor Data Records (IPMI 2.0 §43). The head is common: 0..1 id | 2 version | 3 type | 4 length; then for sensors
 *   5 owner | 6 channel (bits 7-4), LUN (1-0) | 7 number | 8 entity | 9 instance, and by type:
 *   01h full:     12 sensor type | 13 event type | 20 units 1 | 21 base unit | 23 linearization | 24..29 factors
 *                 | 36..41 thresholds: upper non-recoverable, critical, non-critical, lower the same | 47 name
 *   02h compact:  12, 13, 20, 21 as above | 31 name
 *   03h event:    10 sensor type | 11 event type | 16 name
 *   11h FRU:      5 address | 6 device id | 15 name        12h controller: 5 address | 15 name        C0h: the maker's own
 */
export const SDR_TYPE = { full: 0x01, compact: 0x02, eventOnly: 0x03, fruLocator: 0x11, controllerLocator: 0x12, oem: 0xc0 } as const;

export interface SensorRecord {
  readonly kind: 'full' | 'compact' | 'event-only';
  readonly name: string;
  readonly owner: number;
  readonly lun: number;
  /** The bus that the owner is on. */
  readonly channel: number;
  readonly number: number;
  readonly sensorType: number;
  /** 1: thresholds; 2 to 0x0c: generic states; 0x6f: states of the sensor type. */
  readonly eventType: number;
  readonly unit: string | undefined;
  readonly format: AnalogFormat;
  readonly linearization: number;
  readonly factors: SensorFactors;
}

export type SdrRecord =
  | SensorRecord
  | { readonly kind: 'fru-locator'; readonly name: string; readonly address: number; readonly device: number }
  | { readonly kind: 'controller-locator'; readonly name: string; readonly address: number }
  | { readonly kind: 'oem'; readonly manufacturerId: number }
  | { readonly kind: 'unknown'; readonly type: number };

const ONE: SensorFactors = { m: 1, b: 0, bExponent: 0, rExponent: 0 };

interface Layout {
  readonly kind: SensorRecord['kind'];
  readonly typeAt: number;
  readonly nameAt: number;
}
const LAYOUTS: Readonly<Record<number, Layout>> = {
  [SDR_TYPE.full]: { kind: 'full', typeAt: 12, nameAt: 47 },
  [SDR_TYPE.compact]: { kind: 'compact', typeAt: 12, nameAt: 31 },
  [SDR_TYPE.eventOnly]: { kind: 'event-only', typeAt: 10, nameAt: 16 },
};

function decodeSensor(record: Buffer, { kind, typeAt, nameAt }: Layout): SensorRecord | Malformed {
  if (record.length <= nameAt) return malformed(`${kind} sensor record has no name`, record.length);
  const isFull = kind === 'full';
  return {
    kind,
    name: decodeIdString(record, nameAt),
    owner: record[5]!,
    lun: record[6]! & 3,
    channel: record[6]! >> 4,
    number: record[7]!,
    sensorType: record[typeAt]!,
    eventType: record[typeAt + 1]! & 0x7f,
    unit: kind === 'event-only' ? undefined : unitOf(record[20]!, record[21]!),
    // Only full records have factors: a compact one's reading is its states.
    format: isFull ? ANALOG_FORMATS[record[20]! >> 6]! : 'none',
    linearization: isFull ? record[23]! & 0x7f : 0,
    factors: isFull ? decodeFactors(record.subarray(24, 30)) : ONE,
  };
}

export function decodeSdr(record: Buffer): SdrRecord | Malformed {
  if (record.length < SDR_HEAD_BYTES) return malformed('SDR record is shorter than its head', record.length);
  const type = record[3]!;
  const layout = LAYOUTS[type];
  if (layout) return decodeSensor(record, layout);
  if (type === SDR_TYPE.oem)
    return record.length < 8 ? malformed('OEM record is cut', record.length) : { kind: 'oem', manufacturerId: record.readUIntLE(5, 3) };
  if (type !== SDR_TYPE.fruLocator && type !== SDR_TYPE.controllerLocator) return { kind: 'unknown', type };
  if (record.length < 16) return malformed('locator record has no name', record.length);
  const name = decodeIdString(record, 15);
  const address = record[5]!;
  return type === SDR_TYPE.fruLocator
    ? { kind: 'fru-locator', name, address, device: record[6]! }
    : { kind: 'controller-locator', name, address };
}

import { malformed, type Malformed } from '../../core/base/malformed.ts';
import type { EntityId } from './entity-codec.ts';
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
 *   08h contains: 5 entity | 6 instance | 7 bit 7: ranges | 8..15 four pairs of entity, instance
 *   09h the same, of controllers: 5, 6 as above | 9 bit 7: ranges | 10..25 four times address, channel, entity, instance
 *   10h device:   5 address | 6 its own | 10 type | 12 entity | 13 instance | 15 name
 *   11h FRU:      5 address | 6 device id | 12 entity | 13 instance | 15 name
 *   12h controller: 5 address | 12 entity | 13 instance | 15 name
 *   13h controller seen: 5 address | 6 device id | 8, 9 firmware | 11..13 manufacturer | 14..15 product | 16..31 GUID
 *   14h channels: 5..12 channels 0 to 7: bit 7 sends, bits 3-0 protocol        C0h: 5..7 manufacturer | 8.. the maker's own
 */
export const SDR_TYPE = {
  full: 0x01,
  compact: 0x02,
  eventOnly: 0x03,
  association: 0x08,
  relativeAssociation: 0x09,
  deviceLocator: 0x10,
  fruLocator: 0x11,
  controllerLocator: 0x12,
  controllerConfirmation: 0x13,
  channelInfo: 0x14,
  oem: 0xc0,
} as const;

export interface SensorRecord {
  readonly kind: 'full' | 'compact' | 'event-only';
  readonly name: string;
  readonly owner: number;
  readonly lun: number;
  /** The bus that the owner is on. */
  readonly channel: number;
  readonly number: number;
  readonly entity: EntityId;
  readonly sensorType: number;
  /** Bits as in Get Sensor Thresholds: which may be set. */
  readonly settableThresholds: number;
  /** 1: thresholds; 2 to 0x0c: generic states; 0x6f: states of the sensor type. */
  readonly eventType: number;
  readonly unit: string | undefined;
  readonly format: AnalogFormat;
  readonly linearization: number;
  readonly factors: SensorFactors;
}

interface Located {
  readonly name: string;
  readonly address: number;
  readonly entity: EntityId;
}

export type SdrRecord =
  | SensorRecord
  | ({ readonly kind: 'fru-locator'; readonly device: number } & Located)
  | ({ readonly kind: 'controller-locator' } & Located)
  | ({ readonly kind: 'device-locator'; readonly deviceType: number } & Located)
  /** `isRange`: the contained ones come in pairs, first and last. */
  | { readonly kind: 'association'; readonly container: EntityId; readonly isRange: boolean; readonly contained: readonly EntityId[] }
  | {
      readonly kind: 'controller-confirmation';
      readonly address: number;
      readonly firmware: string;
      readonly manufacturerId: number;
      readonly productId: number;
    }
  /** Protocols of table 6-2 by channel; undefined: no such channel. */
  | { readonly kind: 'channel-info'; readonly protocols: readonly (number | undefined)[] }
  | { readonly kind: 'oem'; readonly manufacturerId: number; readonly bytes: Buffer }
  | { readonly kind: 'unknown'; readonly type: number };

const entityAt = (record: Buffer, at: number): EntityId => ({ id: record[at]!, instance: record[at + 1]! });

const ONE: SensorFactors = { m: 1, b: 0, bExponent: 0, rExponent: 0 };

interface Layout {
  readonly kind: SensorRecord['kind'];
  readonly typeAt: number;
  readonly nameAt: number;
}
/** Byte 11, bits 3-2 (table 43-1). */
const THRESHOLDS_SETTABLE = 2;

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
    entity: entityAt(record, 8),
    sensorType: record[typeAt]!,
    settableThresholds: isFull && ((record[11]! >> 2) & 3) === THRESHOLDS_SETTABLE ? record[19]! & 0x3f : 0,
    eventType: record[typeAt + 1]! & 0x7f,
    unit: kind === 'event-only' ? undefined : unitOf(record[20]!, record[21]!),
    // Only full records have factors: a compact one's reading is its states.
    format: isFull ? ANALOG_FORMATS[record[20]! >> 6]! : 'none',
    linearization: isFull ? record[23]! & 0x7f : 0,
    factors: isFull ? decodeFactors(record.subarray(24, 30)) : ONE,
  };
}

const located = (record: Buffer): Located => ({ name: decodeIdString(record, 15), address: record[5]!, entity: entityAt(record, 12) });

/** Entity 0 fills places that are not used. */
const containedAt = (record: Buffer, places: readonly number[]): readonly EntityId[] =>
  places.map((at) => entityAt(record, at)).filter(({ id }) => id !== 0);

interface Other {
  readonly name: string;
  readonly bytesMin: number;
  decode(record: Buffer): SdrRecord;
}
const OTHERS: Readonly<Record<number, Other>> = {
  [SDR_TYPE.association]: {
    name: 'association',
    bytesMin: 16,
    decode: (record) => ({
      kind: 'association',
      container: entityAt(record, 5),
      isRange: record[7]! >= 0x80,
      contained: containedAt(record, [8, 10, 12, 14]),
    }),
  },
  [SDR_TYPE.relativeAssociation]: {
    name: 'device-relative association',
    bytesMin: 26,
    decode: (record) => ({
      kind: 'association',
      container: entityAt(record, 5),
      isRange: record[9]! >= 0x80,
      contained: containedAt(record, [12, 16, 20, 24]),
    }),
  },
  [SDR_TYPE.deviceLocator]: {
    name: 'locator',
    bytesMin: 16,
    decode: (record) => ({ kind: 'device-locator', deviceType: record[10]!, ...located(record), address: record[6]! & 0xfe }),
  },
  [SDR_TYPE.fruLocator]: {
    name: 'locator',
    bytesMin: 16,
    decode: (record) => ({ kind: 'fru-locator', device: record[6]!, ...located(record) }),
  },
  [SDR_TYPE.controllerLocator]: { name: 'locator', bytesMin: 16, decode: (record) => ({ kind: 'controller-locator', ...located(record) }) },
  [SDR_TYPE.controllerConfirmation]: {
    name: 'confirmation',
    bytesMin: 16,
    decode: (record) => ({
      kind: 'controller-confirmation',
      address: record[5]!,
      firmware: `${record[8]! & 0x7f}.${record[9]! >> 4}${record[9]! & 0x0f}`,
      manufacturerId: record.readUIntLE(11, 3),
      productId: record.readUInt16LE(14),
    }),
  },
  [SDR_TYPE.channelInfo]: {
    name: 'channel',
    bytesMin: 13,
    decode: (record) => ({
      kind: 'channel-info',
      protocols: Array.from(record.subarray(5, 13), (byte) => ((byte & 0x0f) === 0 ? undefined : byte & 0x0f)),
    }),
  },
  [SDR_TYPE.oem]: {
    name: 'OEM',
    bytesMin: 8,
    decode: (record) => ({ kind: 'oem', manufacturerId: record.readUIntLE(5, 3), bytes: Buffer.from(record.subarray(8)) }),
  },
};

export function decodeSdr(record: Buffer): SdrRecord | Malformed {
  if (record.length < SDR_HEAD_BYTES) return malformed('SDR record is shorter than its head', record.length);
  const type = record[3]!;
  const layout = LAYOUTS[type];
  if (layout) return decodeSensor(record, layout);
  const other = OTHERS[type];
  if (!other) return { kind: 'unknown', type };
  if (record.length < other.bytesMin) return malformed(`${other.name} record is shorter than ${other.bytesMin} bytes`, record.length);
  return other.decode(record);
}

import { encodeIdString } from '../../../bmc/ipmi/id-string-codec.ts';
import { encodeFactors } from '../../../bmc/ipmi/sensor-conversion-codec.ts';
import { EMULATED_SENSORS, SATELLITE_ADDRESS, SATELLITE_SENSOR, type EmulatedSensor } from '../state/sensor-table.ts';

/**
 * The records of the sensor repository (IPMI 2.0 §43), one of each type at least: sensors, states of the power unit, events of the boot, what contains what, locators, a
 * controller that was seen, channels, and a maker's own.
 */
const RECORD_HEAD_BYTES = 5;
const FULL_SENSOR = 1;
/** Byte 11: re-armed by itself, hysteresis readable, and thresholds readable or (bit 3) settable. */
const FIXED = 0x64;
const SETTABLE = 0x68;
export const UPPER_THRESHOLDS = 0x18; // upper non-critical and upper critical are readable

export const factorsOf = ({ multiplier, exponent }: EmulatedSensor) =>
  encodeFactors({ m: multiplier, b: 0, bExponent: 0, rExponent: exponent });

/** Of the controller behind the BMC: the same layout with another owner. */
function satelliteRecord(id: number): Buffer {
  const record = sensorRecord(SATELLITE_SENSOR);
  record.writeUInt16LE(id, 0);
  record[5] = SATELLITE_ADDRESS;
  return record;
}

function sensorRecord(sensor: EmulatedSensor): Buffer {
  const name = encodeIdString(sensor.name);
  const record = Buffer.alloc(47 + name.length);
  record.writeUInt16LE(sensor.number, 0);
  record.set(
    [
      0x51,
      FULL_SENSOR,
      record.length - RECORD_HEAD_BYTES,
      0x20,
      0,
      sensor.number,
      sensor.entity,
      1,
      0x7f,
      sensor.isFixed ? FIXED : SETTABLE,
      sensor.type,
      0x01,
    ],
    2,
  );
  record[18] = UPPER_THRESHOLDS;
  record[19] = sensor.isFixed ? 0 : UPPER_THRESHOLDS;
  record.set([0, sensor.unit, 0, 0], 20);
  record.set(factorsOf(sensor), 24);
  record.set([sensor.upperCritical, sensor.upperNonCritical], 37);
  record[36] = 255;
  name.copy(record, 47);
  return record;
}

export const POWER_UNIT_SENSOR = 0x10;
const POWER_UNIT_ENTITY = 0x13;
const SENSOR_SPECIFIC = 0x6f;

/** Sensor type 09h, offset 0: power off; the one whose events the log shows. */
function powerUnitRecord(id: number): Buffer {
  const name = encodeIdString('Power Unit');
  const record = Buffer.alloc(31 + name.length);
  record.writeUInt16LE(id, 0);
  record.set(
    [0x51, 0x02, record.length - RECORD_HEAD_BYTES, 0x20, 0, POWER_UNIT_SENSOR, POWER_UNIT_ENTITY, 1, 0x67, 0x40, 0x09, SENSOR_SPECIFIC],
    2,
  );
  record.set([0x01, 0, 0x01, 0, 0x01, 0, 0xc0], 14);
  name.copy(record, 31);
  return record;
}

/** FRU device 0 (11h) and the BMC itself (12h): address, then what it is, and its name at byte 15. */
function locatorRecord(id: number, type: number, head: readonly number[], text: string): Buffer {
  const name = encodeIdString(text);
  const record = Buffer.alloc(15 + name.length);
  record.writeUInt16LE(id, 0);
  record.set([0x51, type, record.length - RECORD_HEAD_BYTES, ...head], 2);
  name.copy(record, 15);
  return record;
}

const BOOT_SENSOR = 0x60;
/** The start of the operating system (sensor type 1Fh), which has events and no reading. */
function bootEventRecord(id: number): Buffer {
  const name = encodeIdString('OS Boot');
  const record = Buffer.alloc(16 + name.length);
  record.writeUInt16LE(id, 0);
  record.set([0x51, 0x03, record.length - RECORD_HEAD_BYTES, 0x20, 0, BOOT_SENSOR, 0x22, 1, 0x1f, SENSOR_SPECIFIC, 0x01], 2);
  name.copy(record, 16);
  return record;
}

/** What a record without a name holds. */
const plainRecord = (id: number, type: number, body: readonly number[]): Buffer =>
  Buffer.from([id & 0xff, id >> 8, 0x51, type, body.length, ...body]);
const NONE = [0, 0] as const;
/** The chassis (17h) contains a list: power unit, board, fan. */
const CONTAINED = [0x17, 1, 0x00, 0x13, 1, 0x07, 1, 0x1d, 1, ...NONE];
/** The power unit contains a range of supplies, of the controller behind the BMC. */
const CONTAINED_RELATIVE = [
  0x13,
  1,
  0x20,
  0,
  0x80,
  SATELLITE_ADDRESS,
  0,
  0x0a,
  1,
  SATELLITE_ADDRESS,
  0,
  0x0a,
  2,
  ...Array<number>(14).fill(0),
];
const SATELLITE_SEEN = [SATELLITE_ADDRESS, 0x20, 0x01, 0x01, 0x00, 0x02, 0, 0, 0, 2, 0, ...Array.from({ length: 16 }, (_each, at) => at)];
/** The primary bus, and the LAN as the BMC's first channel. */
const CHANNELS = [0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/** A maker's own record: who made it, and anything. */
const oemRecord = (id: number): Buffer => Buffer.from([id & 0xff, id >> 8, 0x51, 0xc0, 5, 0xf2, 0x1b, 0, 0x52, 0x57]);

const FIRST_OTHER = EMULATED_SENSORS.length + 1;
export const SDR_RECORDS = [
  ...EMULATED_SENSORS.map(sensorRecord),
  powerUnitRecord(FIRST_OTHER),
  locatorRecord(FIRST_OTHER + 1, 0x11, [0x20, 0, 0x80, 0, 0, 0x10, 0, 0x07, 1, 0], 'Builtin FRU'),
  locatorRecord(FIRST_OTHER + 2, 0x12, [0x20, 0, 0, 0x8f, 0, 0, 0, 0x2e, 1, 0], 'BMC'),
  locatorRecord(FIRST_OTHER + 3, 0x12, [SATELLITE_ADDRESS, 0, 0, 0x01, 0, 0, 0, 0x0a, 1, 0], 'Power backplane'),
  satelliteRecord(FIRST_OTHER + 4),
  bootEventRecord(FIRST_OTHER + 5),
  plainRecord(FIRST_OTHER + 6, 0x08, CONTAINED),
  plainRecord(FIRST_OTHER + 7, 0x09, CONTAINED_RELATIVE),
  // A serial EEPROM (08h) on the BMC's private bus.
  locatorRecord(FIRST_OTHER + 8, 0x10, [0x20, 0xa0, 0x01, 0, 0, 0x08, 0, 0x08, 1, 0], 'DIMM SPD'),
  plainRecord(FIRST_OTHER + 9, 0x13, SATELLITE_SEEN),
  plainRecord(FIRST_OTHER + 10, 0x14, CHANNELS),
  oemRecord(FIRST_OTHER + 11),
];

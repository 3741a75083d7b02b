import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { encodeIdString } from '../../../bmc/ipmi/id-string-codec.ts';
import { encodeFactors } from '../../../bmc/ipmi/sensor-conversion-codec.ts';
import { SENSOR_COMMAND } from '../../../bmc/ipmi/sensor-reading-codec.ts';
import { SDR_COMMAND, SDR_LAST } from '../../../bmc/ipmi/sdr-repository-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import { EMULATED_SENSORS, rawOf, SATELLITE_ADDRESS, SATELLITE_SENSOR, type EmulatedSensor } from '../state/sensor-table.ts';
import type { CommandResult, CommandTable } from './command-handler.ts';

/**
 * The sensor repository: full records of the sensors, a compact one of the power unit's states, locators of FRU and BMC, and
 * a maker's own record (IPMI 2.0 §43), with their readings (§33, §35).
 */
const RECORD_HEAD_BYTES = 5;
const FULL_SENSOR = 1;
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
    [0x51, FULL_SENSOR, record.length - RECORD_HEAD_BYTES, 0x20, 0, sensor.number, sensor.entity, 1, 0x7f, 0x68, sensor.type, 0x01],
    2,
  );
  record[18] = UPPER_THRESHOLDS;
  record.set([0, sensor.unit, 0, 0], 20);
  record.set(factorsOf(sensor), 24);
  record.set([sensor.upperCritical, sensor.upperNonCritical], 37);
  record[36] = 255;
  name.copy(record, 47);
  return record;
}

const POWER_UNIT_SENSOR = 0x10;
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

/** A maker's own record: who made it, and anything. */
const oemRecord = (id: number): Buffer => Buffer.from([id & 0xff, id >> 8, 0x51, 0xc0, 5, 0xf2, 0x1b, 0, 0x52, 0x57]);

const FIRST_OTHER = EMULATED_SENSORS.length + 1;
const RECORDS = [
  ...EMULATED_SENSORS.map(sensorRecord),
  powerUnitRecord(FIRST_OTHER),
  locatorRecord(FIRST_OTHER + 1, 0x11, [0x20, 0, 0x80, 0, 0, 0x10, 0, 0x07, 1, 0], 'Builtin FRU'),
  locatorRecord(FIRST_OTHER + 2, 0x12, [0x20, 0, 0, 0x8f, 0, 0, 0, 0x2e, 1, 0], 'BMC'),
  locatorRecord(FIRST_OTHER + 3, 0x12, [SATELLITE_ADDRESS, 0, 0, 0x01, 0, 0, 0, 0x0a, 1, 0], 'Power backplane'),
  satelliteRecord(FIRST_OTHER + 4),
  oemRecord(FIRST_OTHER + 5),
];

function repositoryInfo(): CommandResult {
  const data = Buffer.alloc(14);
  data[0] = 0x51;
  data.writeUInt16LE(RECORDS.length, 1);
  data[13] = 0x02; // reservations supported
  return data;
}

/** How often each BMC's records were read. */
const reads = new WeakMap<BmcModel, number>();

function getRecord(bmc: BmcModel, data: Buffer): CommandResult {
  const { sdrBytesMax, sdrReservationLostEvery } = bmc.oddities;
  const count = (reads.get(bmc) ?? 0) + 1;
  reads.set(bmc, count);
  if (sdrReservationLostEvery !== undefined && count % sdrReservationLostEvery === 0) return COMPLETION.reservationCancelled;
  if (sdrBytesMax !== undefined && data[5]! > sdrBytesMax) return COMPLETION.cannotReturnBytes;
  const wanted = data.readUInt16LE(2);
  const at = wanted === 0 ? 0 : wanted === SDR_LAST ? RECORDS.length - 1 : RECORDS.findIndex((record) => record.readUInt16LE(0) === wanted);
  const record = RECORDS[at];
  if (!record) return COMPLETION.notPresent;
  const bytes = record.subarray(data[4]!, data[4]! + data[5]!);
  const next = Buffer.alloc(2);
  next.writeUInt16LE(RECORDS[at + 1]?.readUInt16LE(0) ?? SDR_LAST);
  return Buffer.concat([next, bytes]);
}

const withSensor =
  (run: (bmc: BmcModel, sensor: EmulatedSensor) => CommandResult) =>
  (bmc: BmcModel, data: Buffer): CommandResult => {
    const sensor = EMULATED_SENSORS.find((each) => each.number === data[0]);
    return sensor ? run(bmc, sensor) : COMPLETION.notPresent;
  };

function reading(bmc: BmcModel, sensor: EmulatedSensor): CommandResult {
  const raw = rawOf(bmc, sensor);
  const state = (raw >= sensor.upperNonCritical ? 0x08 : 0) | (raw >= sensor.upperCritical ? 0x10 : 0);
  return Buffer.from([raw, 0xc0, 0xc0 | state, 0x80]);
}

const powerUnitReading = (bmc: BmcModel): CommandResult => Buffer.from([0, 0xc0, bmc.machine.powerState() === 'off' ? 0x01 : 0, 0x80]);

const asked = (run: (bmc: BmcModel, data: Buffer) => CommandResult) => ({ privilege: PRIVILEGE.user, bytesMin: 1, run });

export const sensorCommands = {
  sensor: {
    [SENSOR_COMMAND.factors]: asked(withSensor((_bmc, sensor) => Buffer.concat([Buffer.from([0]), factorsOf(sensor)]))),
    [SENSOR_COMMAND.hysteresis]: asked(withSensor(() => Buffer.from([0, 0]))),
    [SENSOR_COMMAND.thresholds]: asked(
      withSensor((_bmc, sensor) => Buffer.from([UPPER_THRESHOLDS, 0, 0, 0, sensor.upperNonCritical, sensor.upperCritical, 0])),
    ),
    [SENSOR_COMMAND.eventEnable]: asked(withSensor(() => Buffer.from([0xc0, 0, 0, 0, 0]))),
    [SENSOR_COMMAND.eventStatus]: asked(withSensor(() => Buffer.from([0xc0, 0, 0, 0, 0]))),
    [SENSOR_COMMAND.reading]: asked((bmc, data) =>
      data[0] === POWER_UNIT_SENSOR ? powerUnitReading(bmc) : withSensor(reading)(bmc, data),
    ),
  } as CommandTable,
  storage: {
    [SDR_COMMAND.info]: { privilege: PRIVILEGE.user, run: repositoryInfo },
    [SDR_COMMAND.allocation]: { privilege: PRIVILEGE.user, run: () => Buffer.from([0, 0, 0, 0, 0, 0]) },
    [SDR_COMMAND.reserve]: { privilege: PRIVILEGE.user, run: () => Buffer.from([1, 0]) },
    [SDR_COMMAND.get]: { privilege: PRIVILEGE.user, bytesMin: 6, run: getRecord },
  } as CommandTable,
};

import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { CommandResult, CommandTable } from './command-handler.ts';

/** A small sensor repository: full sensor records (IPMI 2.0 §43.1) and their readings (§33, §35). */
interface Sensor {
  readonly number: number;
  readonly name: string;
  readonly type: number;
  readonly unit: number;
  /** Reading = raw * multiplier. */
  readonly multiplier: number;
  readonly entity: number;
  readonly upperCritical: number;
  readonly upperNonCritical: number;
  reading(bmc: BmcModel): number;
}

const UNIT = { celsius: 1, watts: 6, rpm: 18 } as const;
const TYPE = { temperature: 0x01, fan: 0x04, powerSupply: 0x08 } as const;
const whenOn = (on: number, off: number) => (bmc: BmcModel) => (bmc.machine.powerState() === 'on' ? on : off);

const SENSORS: readonly Sensor[] = [
  {
    number: 1,
    name: 'Inlet Temp',
    type: TYPE.temperature,
    unit: UNIT.celsius,
    multiplier: 1,
    entity: 0x37,
    upperNonCritical: 42,
    upperCritical: 47,
    reading: whenOn(24, 21),
  },
  {
    number: 2,
    name: 'CPU Temp',
    type: TYPE.temperature,
    unit: UNIT.celsius,
    multiplier: 1,
    entity: 0x03,
    upperNonCritical: 85,
    upperCritical: 95,
    reading: whenOn(48, 22),
  },
  {
    number: 3,
    name: 'Fan 1',
    type: TYPE.fan,
    unit: UNIT.rpm,
    multiplier: 100,
    entity: 0x1d,
    upperNonCritical: 180,
    upperCritical: 200,
    reading: whenOn(62, 0),
  },
  {
    number: 4,
    name: 'Power',
    type: TYPE.powerSupply,
    unit: UNIT.watts,
    multiplier: 2,
    entity: 0x0a,
    upperNonCritical: 220,
    upperCritical: 240,
    reading: whenOn(71, 4),
  },
];

const RECORD_HEAD_BYTES = 5;
const FULL_SENSOR = 1;
const LAST = 0xffff;
const UPPER_THRESHOLDS = 0x18; // upper non-critical and upper critical are readable

function sensorRecord(sensor: Sensor): Buffer {
  const name = Buffer.from(sensor.name, 'latin1');
  const record = Buffer.alloc(48 + name.length);
  record.writeUInt16LE(sensor.number, 0);
  record.set(
    [0x51, FULL_SENSOR, record.length - RECORD_HEAD_BYTES, 0x20, 0, sensor.number, sensor.entity, 1, 0x7f, 0x68, sensor.type, 0x01],
    2,
  );
  record[18] = UPPER_THRESHOLDS;
  record.set([0, sensor.unit, 0, 0, sensor.multiplier], 20);
  record.set([sensor.upperCritical, sensor.upperNonCritical], 37);
  record[36] = 255;
  record[47] = 0xc0 | name.length;
  name.copy(record, 48);
  return record;
}

const RECORDS = SENSORS.map(sensorRecord);

function repositoryInfo(): CommandResult {
  const data = Buffer.alloc(14);
  data[0] = 0x51;
  data.writeUInt16LE(RECORDS.length, 1);
  data[13] = 0x02; // reservations supported
  return data;
}

function getRecord(_bmc: BmcModel, data: Buffer): CommandResult {
  const wanted = data.readUInt16LE(2);
  const at = wanted === 0 ? 0 : wanted === LAST ? RECORDS.length - 1 : RECORDS.findIndex((record) => record.readUInt16LE(0) === wanted);
  const record = RECORDS[at];
  if (!record) return COMPLETION.notPresent;
  const bytes = record.subarray(data[4]!, data[4]! + data[5]!);
  const next = Buffer.alloc(2);
  next.writeUInt16LE(RECORDS[at + 1]?.readUInt16LE(0) ?? LAST);
  return Buffer.concat([next, bytes]);
}

const withSensor =
  (run: (bmc: BmcModel, sensor: Sensor) => CommandResult) =>
  (bmc: BmcModel, data: Buffer): CommandResult => {
    const sensor = SENSORS.find((each) => each.number === data[0]);
    return sensor ? run(bmc, sensor) : COMPLETION.notPresent;
  };

function reading(bmc: BmcModel, sensor: Sensor): CommandResult {
  const raw = sensor.reading(bmc);
  const state = (raw >= sensor.upperNonCritical ? 0x08 : 0) | (raw >= sensor.upperCritical ? 0x10 : 0);
  return Buffer.from([raw, 0xc0, 0xc0 | state, 0x80]);
}

export const sensorCommands = {
  sensor: {
    0x23: {
      privilege: PRIVILEGE.user,
      bytesMin: 1,
      run: withSensor((_bmc, sensor) => Buffer.from([0, sensor.multiplier, 0, 0, 0, 0, 0])),
    },
    0x25: { privilege: PRIVILEGE.user, bytesMin: 1, run: withSensor(() => Buffer.from([0, 0])) },
    0x27: {
      privilege: PRIVILEGE.user,
      bytesMin: 1,
      run: withSensor((_bmc, sensor) => Buffer.from([UPPER_THRESHOLDS, 0, 0, 0, sensor.upperNonCritical, sensor.upperCritical, 0])),
    },
    0x29: { privilege: PRIVILEGE.user, bytesMin: 1, run: withSensor(() => Buffer.from([0xc0, 0, 0, 0, 0])) },
    0x2b: { privilege: PRIVILEGE.user, bytesMin: 1, run: withSensor(() => Buffer.from([0xc0, 0, 0, 0, 0])) },
    0x2d: { privilege: PRIVILEGE.user, bytesMin: 1, run: withSensor(reading) },
  } as CommandTable,
  storage: {
    0x20: { privilege: PRIVILEGE.user, run: repositoryInfo },
    0x21: { privilege: PRIVILEGE.user, run: () => Buffer.from([0, 0, 0, 0, 0, 0]) },
    0x22: { privilege: PRIVILEGE.user, run: () => Buffer.from([1, 0]) },
    0x23: { privilege: PRIVILEGE.user, bytesMin: 6, run: getRecord },
  } as CommandTable,
};

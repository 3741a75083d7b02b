import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { SENSOR_COMMAND } from '../../../bmc/ipmi/sensor-reading-codec.ts';
import { SDR_COMMAND, SDR_LAST } from '../../../bmc/ipmi/sdr-repository-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import { EMULATED_SENSORS, rawOf, thresholdsOf, type EmulatedSensor } from '../state/sensor-table.ts';
import { factorsOf, POWER_UNIT_SENSOR, SDR_RECORDS, UPPER_THRESHOLDS } from './sdr-records.ts';
import type { CommandResult, CommandTable } from './command-handler.ts';

/** The sensor repository (`sdr-records`) and the sensors' readings (IPMI 2.0 §33, §35). */
function repositoryInfo(): CommandResult {
  const data = Buffer.alloc(14);
  data[0] = 0x51;
  data.writeUInt16LE(SDR_RECORDS.length, 1);
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
  const at =
    wanted === 0 ? 0 : wanted === SDR_LAST ? SDR_RECORDS.length - 1 : SDR_RECORDS.findIndex((record) => record.readUInt16LE(0) === wanted);
  const record = SDR_RECORDS[at];
  if (!record) return COMPLETION.notPresent;
  const bytes = record.subarray(data[4]!, data[4]! + data[5]!);
  const next = Buffer.alloc(2);
  next.writeUInt16LE(SDR_RECORDS[at + 1]?.readUInt16LE(0) ?? SDR_LAST);
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
  const { upperNonCritical, upperCritical } = thresholdsOf(bmc, sensor);
  const state = (raw >= upperNonCritical ? 0x08 : 0) | (raw >= upperCritical ? 0x10 : 0);
  return Buffer.from([raw, 0xc0, 0xc0 | state, 0x80]);
}

/** 0 number | 1 mask | 2..4 lower | 5..7 upper non-critical, critical, non-recoverable */
function setThresholds(bmc: BmcModel, data: Buffer): CommandResult {
  const sensor = EMULATED_SENSORS.find(({ number }) => number === data[0]);
  if (!sensor) return COMPLETION.notPresent;
  if (sensor.isFixed) return COMPLETION.illegalCommand;
  if ((data[1]! & ~UPPER_THRESHOLDS) !== 0) return COMPLETION.invalidField;
  const now = thresholdsOf(bmc, sensor);
  const at = (bit: number, before: number) => ((data[1]! >> bit) & 1 ? data[2 + bit]! : before);
  bmc.thresholds.set(sensor.number, { upperNonCritical: at(3, now.upperNonCritical), upperCritical: at(4, now.upperCritical) });
  return Buffer.alloc(0);
}

const powerUnitReading = (bmc: BmcModel): CommandResult => Buffer.from([0, 0xc0, bmc.machine.powerState() === 'off' ? 0x01 : 0, 0x80]);

const asked = (run: (bmc: BmcModel, data: Buffer) => CommandResult) => ({ privilege: PRIVILEGE.user, bytesMin: 1, run });

export const sensorCommands = {
  sensor: {
    [SENSOR_COMMAND.factors]: asked(withSensor((_bmc, sensor) => Buffer.concat([Buffer.from([0]), factorsOf(sensor)]))),
    [SENSOR_COMMAND.hysteresis]: asked(withSensor(() => Buffer.from([0, 0]))),
    [SENSOR_COMMAND.thresholds]: asked(
      withSensor((bmc, sensor) => {
        const { upperNonCritical, upperCritical } = thresholdsOf(bmc, sensor);
        return Buffer.from([UPPER_THRESHOLDS, 0, 0, 0, upperNonCritical, upperCritical, 0]);
      }),
    ),
    [SENSOR_COMMAND.setThresholds]: { privilege: PRIVILEGE.operator, bytesMin: 8, run: setThresholds },
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

import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import {
  DCMI_COMMAND,
  DCMI_GROUP,
  decodeSetPowerLimit,
  encodePowerLimit,
  encodePowerReading,
  NO_ACTIVE_LIMIT,
} from '../../../bmc/ipmi/dcmi-power-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { BmcModel } from '../bmc-model.ts';
import { EMULATED_SENSORS, wattsOf } from '../state/sensor-table.ts';
import type { CommandHandler, CommandResult, CommandTable } from './command-handler.ts';

/** DCMI 1.5: capabilities, power readings and limits, names, and which sensors are which. An emulated machine draws the same power all the time. */
const PERIOD_MS = 1_000;
const SPEC = [1, 5, 2] as const;
const TEXT_PIECE_BYTES_MAX = 16;
const CONTROLLER_ID_BYTES = 64;
const ASSET_TAG_BYTES = 63;
const ENTITY_INLET = 0x37;
const ENTITY_PROCESSOR = 0x03;

/** §6.1.1: by parameter. */
const CAPABILITIES: Readonly<Record<number, readonly number[]>> = {
  // Power management; access in band and over the LAN.
  1: [0, 1, 0x07],
  // 512 entries of the log, no record flushes; no asset tag of its own place; sensors are not polled.
  2: [0x00, 0x02, 0, 0, 0, 0, 0],
  // Of the controllers of power: this one, on the primary channel.
  3: [0x20, 0x00],
  // LAN channel.
  4: [0x01, 0xff, 0xff],
  // Averages over one second.
  5: [1, 1],
};

const ofGroup = (privilege: number, bytesMin: number, run: (bmc: BmcModel, data: Buffer) => CommandResult): CommandHandler => ({
  privilege,
  bytesMin,
  run: (bmc, data) => (data[0] === DCMI_GROUP ? run(bmc, data) : COMPLETION.invalidField),
});
const DONE = Buffer.from([DCMI_GROUP]);

function limit({ powerLimit }: BmcModel): CommandResult {
  const data = encodePowerLimit(powerLimit);
  return powerLimit.isActive ? data : { completion: NO_ACTIVE_LIMIT, data };
}

function putLimit(bmc: BmcModel, data: Buffer): CommandResult {
  const wanted = decodeSetPowerLimit(data);
  if (isMalformed(wanted)) return COMPLETION.requestLength;
  if (wanted.watts === 0) return COMPLETION.parameterOutOfRange;
  bmc.powerLimit = { ...wanted, isActive: bmc.powerLimit.isActive };
  return DONE;
}

/** Texts that are read and written in pieces: 0 group | 1 offset | 2 bytes | [3.. the piece] */
const getText =
  (name: string, sizeBytes: number) =>
  (bmc: BmcModel, data: Buffer): CommandResult => {
    const text = bmc.parameters.get(name) ?? Buffer.alloc(0);
    const [offset, count] = [data[1]!, data[2]!];
    if (offset > sizeBytes || count > TEXT_PIECE_BYTES_MAX) return COMPLETION.parameterOutOfRange;
    return Buffer.concat([Buffer.from([DCMI_GROUP, text.length]), text.subarray(offset, offset + count)]);
  };
const setText =
  (name: string, sizeBytes: number) =>
  (bmc: BmcModel, data: Buffer): CommandResult => {
    const [offset, piece] = [data[1]!, data.subarray(3, 3 + data[2]!)];
    const before = bmc.parameters.get(name) ?? Buffer.alloc(0);
    if (offset + piece.length > sizeBytes || offset > before.length || piece.length > TEXT_PIECE_BYTES_MAX)
      return COMPLETION.parameterOutOfRange;
    const text = Buffer.concat([before.subarray(0, offset), piece]);
    bmc.parameters.set(name, text);
    return Buffer.from([DCMI_GROUP, text.length]);
  };

/** 0 group | 1 sensor type | 2 entity | 3 instance: how many there are, and the ids of their records. */
function sensorInfo(_bmc: BmcModel, data: Buffer): CommandResult {
  const entity = data[2] === 0x40 ? ENTITY_INLET : data[2] === 0x41 ? ENTITY_PROCESSOR : data[2];
  const found = EMULATED_SENSORS.filter((sensor) => sensor.type === data[1] && sensor.entity === entity);
  return Buffer.from([DCMI_GROUP, found.length, found.length, ...found.flatMap(({ number }) => [number, 0])]);
}

export const dcmiCommands: CommandTable = {
  [DCMI_COMMAND.capabilities]: {
    privilege: PRIVILEGE.user,
    bytesMin: 2,
    run(_bmc, data) {
      const capability = CAPABILITIES[data[1]!];
      return data[0] === DCMI_GROUP && capability !== undefined
        ? Buffer.from([DCMI_GROUP, ...SPEC, ...capability])
        : COMPLETION.parameterOutOfRange;
    },
  },
  [DCMI_COMMAND.powerReading]: ofGroup(PRIVILEGE.user, 4, (bmc) => {
    const watts = wattsOf(bmc);
    const power = { watts, minimumWatts: watts, maximumWatts: watts, averageWatts: watts, isActive: true };
    return encodePowerReading(power, bmc.eventLog.nowSeconds(), PERIOD_MS);
  }),
  [DCMI_COMMAND.getPowerLimit]: ofGroup(PRIVILEGE.user, 3, limit),
  [DCMI_COMMAND.setPowerLimit]: ofGroup(PRIVILEGE.operator, 15, putLimit),
  [DCMI_COMMAND.activatePowerLimit]: ofGroup(PRIVILEGE.operator, 2, (bmc, data) => {
    if (data[1] === 1 && bmc.powerLimit.watts === 0) return COMPLETION.wrongState;
    bmc.powerLimit = { ...bmc.powerLimit, isActive: data[1] === 1 };
    return DONE;
  }),
  [DCMI_COMMAND.assetTag]: ofGroup(PRIVILEGE.user, 3, getText('dcmi asset tag', ASSET_TAG_BYTES)),
  [DCMI_COMMAND.setAssetTag]: ofGroup(PRIVILEGE.operator, 3, setText('dcmi asset tag', ASSET_TAG_BYTES)),
  [DCMI_COMMAND.sensorInfo]: ofGroup(PRIVILEGE.user, 4, sensorInfo),
  [DCMI_COMMAND.controllerId]: ofGroup(PRIVILEGE.user, 3, getText('dcmi controller', CONTROLLER_ID_BYTES)),
  [DCMI_COMMAND.setControllerId]: ofGroup(PRIVILEGE.administrator, 3, setText('dcmi controller', CONTROLLER_ID_BYTES)),
};

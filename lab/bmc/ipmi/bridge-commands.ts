import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { DEVICE_COMMAND, encodeDeviceId } from '../../../bmc/ipmi/device-codec.ts';
import { decodeMessage, NET_FN, responseMessage, SEND_MESSAGE, type IpmiMessage } from '../../../bmc/ipmi/message-codec.ts';
import { SENSOR_COMMAND } from '../../../bmc/ipmi/sensor-reading-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { BmcModel } from '../bmc-model.ts';
import { rawOf, SATELLITE_ADDRESS, SATELLITE_SENSOR } from '../state/sensor-table.ts';
import type { Caller, CommandResult, CommandTable } from './command-handler.ts';
import { factorsOf, UPPER_THRESHOLDS } from './sdr-records.ts';

/** Send Message to a controller behind the BMC (IPMI 2.0 §22.7), and what that controller answers. */
const DONE = Buffer.alloc(0);
const PRIMARY_BUS = 0;
/** "Lost arbitration", "bus error" and others come from real buses: nobody acknowledged the address. */
const NOT_ACKNOWLEDGED = 0x83;

function satelliteAnswer(bmc: BmcModel, { netFn, command, data }: IpmiMessage): Buffer {
  const sensor = SATELLITE_SENSOR;
  const answer = (...bytes: readonly number[]) => Buffer.from([COMPLETION.ok, ...bytes]);
  if (netFn === NET_FN.app && command === DEVICE_COMMAND.deviceId)
    return answer(...encodeDeviceId({ manufacturerId: 0, productId: 2, firmwareMajor: 1, firmwareMinorBcd: 0 }));
  if (netFn !== NET_FN.sensor) return Buffer.from([COMPLETION.invalidCommand]);
  if (data[0] !== sensor.number) return Buffer.from([COMPLETION.notPresent]);
  if (command === SENSOR_COMMAND.reading) return answer(rawOf(bmc, sensor), 0xc0, 0xc0, 0x80);
  if (command === SENSOR_COMMAND.thresholds) return answer(UPPER_THRESHOLDS, 0, 0, 0, sensor.upperNonCritical, sensor.upperCritical, 0);
  if (command === SENSOR_COMMAND.factors) return answer(0, ...factorsOf(sensor));
  return Buffer.from([COMPLETION.invalidCommand]);
}

/** 0 bits 7-6 tracking, bits 3-0 channel | 1.. the message as it goes over the bus */
function sendMessage(bmc: BmcModel, data: Buffer, caller: Caller): CommandResult {
  if ((data[0]! & 0x0f) !== PRIMARY_BUS) return COMPLETION.parameterOutOfRange;
  const inner = decodeMessage(data.subarray(1));
  if (isMalformed(inner)) return COMPLETION.invalidField;
  if (inner.toAddress !== SATELLITE_ADDRESS) return NOT_ACKNOWLEDGED;
  const answer = responseMessage(inner, satelliteAnswer(bmc, inner));
  if (bmc.bridgedAnswers === 'within' || caller.session === undefined) return answer;
  if (bmc.bridgedAnswers === 'follow') caller.session.sendLater(answer);
  return DONE;
}

export const bridgeCommands: CommandTable = { [SEND_MESSAGE]: { privilege: PRIVILEGE.user, bytesMin: 8, run: sendMessage } };

import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { CommandResult, CommandTable } from './command-handler.ts';

/** The ACPI power state (IPMI 2.0 §20.6-20.7), and what the system says of itself (§22.14a-b). */
const SYSTEM_COMMAND = { setAcpi: 0x06, getAcpi: 0x07, setInfo: 0x58, getInfo: 0x59 } as const;
const DONE = Buffer.alloc(0);
const PARAMETER_UNSUPPORTED = 0x80;
const SET_ALREADY_IN_PROGRESS = 0x81;
const REVISION = 0x11;
const BLOCK_BYTES = 16;
/** Parameter 0 is "set in progress"; 1 to 4: firmware, system name, primary and running operating system. */
const TEXTS_LAST = 4;
const BLOCKS_LAST = 15;
const S0_WORKING = 0x00;
const S5_SOFT_OFF = 0x05;
const D0_ON = 0x00;
const D3_OFF = 0x03;
const SET = 0x80;

function acpiState(bmc: BmcModel): CommandResult {
  const isOn = bmc.machine.powerState() === 'on';
  const [system, device] = bmc.parameters.get('acpi') ?? Buffer.from([0, 0]);
  // What an operating system has said of itself ends with the power.
  return Buffer.from(isOn ? [system! & SET ? system! & 0x7f : S0_WORKING, device! & SET ? device! & 0x7f : D0_ON] : [S5_SOFT_OFF, D3_OFF]);
}

const key = (parameter: number, set: number) => `system info ${parameter} ${set}`;

/** 0 bit 7: only the revision | 1 parameter | 2 set | 3 block. A text's first set begins with its encoding and length. */
function getInfo(bmc: BmcModel, data: Buffer): CommandResult {
  const [parameter, set] = [data[1]!, data[2]!];
  if (data[0]! & 0x80) return Buffer.from([REVISION]);
  if (parameter === 0) return Buffer.from([REVISION, bmc.parameters.get(key(0, 0))?.[0] ?? 0]);
  if (parameter > TEXTS_LAST) return PARAMETER_UNSUPPORTED;
  const block = bmc.parameters.get(key(parameter, set)) ?? (set === 0 ? firstBlock(bmc, parameter) : undefined);
  return block === undefined ? COMPLETION.parameterOutOfRange : Buffer.concat([Buffer.from([REVISION, set]), block]);
}

function firstBlock(bmc: BmcModel, parameter: number): Buffer {
  const text = Buffer.from(parameter === 1 ? bmc.firmware.version('BIOS') : '').subarray(0, BLOCK_BYTES - 2);
  const block = Buffer.alloc(BLOCK_BYTES);
  block[1] = text.length;
  text.copy(block, 2);
  return block;
}

function setInfo(bmc: BmcModel, data: Buffer): CommandResult {
  const [parameter, set] = [data[0]!, data[1]!];
  if (parameter === 0) {
    if (set === 1 && bmc.parameters.get(key(0, 0))?.[0] === 1) return SET_ALREADY_IN_PROGRESS;
    bmc.parameters.set(key(0, 0), Buffer.from([set & 3]));
    return DONE;
  }
  if (parameter > TEXTS_LAST) return PARAMETER_UNSUPPORTED;
  if (set > BLOCKS_LAST) return COMPLETION.parameterOutOfRange;
  const block = Buffer.alloc(BLOCK_BYTES);
  data.copy(block, 0, 2);
  bmc.parameters.set(key(parameter, set), block);
  return DONE;
}

export const systemCommands: CommandTable = {
  [SYSTEM_COMMAND.setAcpi]: {
    privilege: PRIVILEGE.administrator,
    bytesMin: 2,
    run: (bmc, data) => (bmc.parameters.set('acpi', Buffer.from(data.subarray(0, 2))), DONE),
  },
  [SYSTEM_COMMAND.getAcpi]: { privilege: PRIVILEGE.user, run: acpiState },
  [SYSTEM_COMMAND.setInfo]: { privilege: PRIVILEGE.administrator, bytesMin: 2, run: setInfo },
  [SYSTEM_COMMAND.getInfo]: { privilege: PRIVILEGE.user, bytesMin: 4, run: getInfo },
};

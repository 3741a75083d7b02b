import { isMalformed } from '../../../core/base/malformed.ts';
import { BOOT_PARAMETER, decodeBootFlags, encodeBootFlags, type BootFlags } from '../../../bmc/ipmi/boot-options-codec.ts';
import { CHASSIS_COMMAND, chassisControlOf, encodeChassisStatus, type ChassisControl } from '../../../bmc/ipmi/chassis-codec.ts';
import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { BMC_ADDRESS } from '../../../bmc/ipmi/message-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel, PowerVerb } from '../bmc-model.ts';
import type { CommandResult, CommandTable } from './command-handler.ts';

const DONE = Buffer.alloc(0);
const IDENTIFY_DEFAULT_SECONDS = 15;
const PARAMETER_UNSUPPORTED = 0x80;
const SET_ALREADY_IN_PROGRESS = 0x81;

const VERBS: Readonly<Partial<Record<ChassisControl, PowerVerb>>> = {
  'power-down': 'off',
  'power-up': 'on',
  'power-cycle': 'cycle',
  'hard-reset': 'reset',
  'soft-shutdown': 'soft-off',
};

function identify(bmc: BmcModel, data: Buffer): CommandResult {
  if (bmc.oddities.identify === 'none') return COMPLETION.invalidCommand;
  if (bmc.oddities.identify === 'seconds' && data.length > 1) return COMPLETION.requestLength;
  const forever = ((data[1] ?? 0) & 1) !== 0;
  const seconds = data[0] ?? IDENTIFY_DEFAULT_SECONDS;
  bmc.identifyUntilMs = forever ? Infinity : bmc.clock.nowMs() + seconds * 1000;
  return DONE;
}

/** Parameters that are stored and read back without further meaning: acknowledgements, initiator, selectors. */
const PLAIN_SIZES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 1, 4: 2, 6: 9 };
const SET_IN_PROGRESS = 1;

const isSetInProgress = (bmc: BmcModel): boolean => ((bmc.parameters.get('boot 0')?.[0] ?? 0) & 3) === SET_IN_PROGRESS;

const asKept = (bmc: BmcModel, flags: BootFlags): BootFlags => ({
  ...flags,
  persistent: flags.persistent && bmc.oddities.persistentBootLost !== true,
});

function setBootOption(bmc: BmcModel, data: Buffer): CommandResult {
  const parameter = data[0]! & 0x7f;
  const value = data.subarray(1);
  if (bmc.oddities.bootParametersLacking?.includes(parameter)) return PARAMETER_UNSUPPORTED;
  // A lone selector only changes the valid bit of the parameter: nothing to do for those kept here.
  if (value.length === 0) return DONE;
  if (parameter === BOOT_PARAMETER.flags) {
    const flags = decodeBootFlags(value);
    if (isMalformed(flags)) return COMPLETION.requestLength;
    bmc.boot.set(asKept(bmc, flags), true);
    if (flags.valid && flags.persistent && !bmc.machine.firmwareMode) bmc.firmwareMode = flags.efi ? 'uefi' : 'bios';
    bmc.record('bmc.boot-override', `${bmc.name}: boot ${flags.device}`, { ...flags });
    return DONE;
  }
  if (parameter === BOOT_PARAMETER.validBitClearing) {
    bmc.boot.clearing = value[0]! & 0x1f;
    return DONE;
  }
  const size = PLAIN_SIZES[parameter];
  if (size === undefined) return PARAMETER_UNSUPPORTED;
  const asksForProgress = parameter === BOOT_PARAMETER.setInProgress && (value[0]! & 3) === SET_IN_PROGRESS;
  if (asksForProgress && isSetInProgress(bmc)) return SET_ALREADY_IN_PROGRESS;
  bmc.parameters.set(`boot ${parameter}`, Buffer.from(value.subarray(0, size)));
  return DONE;
}

function getBootOption(bmc: BmcModel, data: Buffer): CommandResult {
  const parameter = data[0]! & 0x7f;
  const answer = (value: Uint8Array) => Buffer.concat([Buffer.from([0x01, parameter]), value]);
  if (parameter === BOOT_PARAMETER.flags) return answer(encodeBootFlags(bmc.boot.flags()));
  if (parameter === BOOT_PARAMETER.validBitClearing) return answer(Buffer.from([bmc.boot.clearing]));
  const size = PLAIN_SIZES[parameter];
  if (size === undefined) return PARAMETER_UNSUPPORTED;
  return answer(bmc.parameters.get(`boot ${parameter}`) ?? Buffer.alloc(size));
}

export const chassisCommands: CommandTable = {
  [CHASSIS_COMMAND.capabilities]: {
    privilege: PRIVILEGE.user,
    run: () => Buffer.from([0, BMC_ADDRESS, BMC_ADDRESS, BMC_ADDRESS, BMC_ADDRESS]),
  },
  [CHASSIS_COMMAND.status]: {
    privilege: PRIVILEGE.user,
    run: (bmc) =>
      encodeChassisStatus({
        poweredOn: bmc.machine.powerState() === 'on',
        restorePolicy: bmc.restorePolicy,
        identifying: bmc.clock.nowMs() < bmc.identifyUntilMs,
        tellsIdentify: bmc.oddities.identify !== 'none',
      }),
  },
  [CHASSIS_COMMAND.control]: {
    privilege: PRIVILEGE.operator,
    bytesMin: 1,
    run(bmc, data) {
      const control = chassisControlOf(data[0]! & 0x0f);
      if (bmc.oddities.controlsLacking?.includes(data[0]! & 0x0f)) return COMPLETION.invalidField;
      if (control === 'diagnostic-interrupt') return bmc.interrupt() ? DONE : COMPLETION.wrongState;
      const verb = control && VERBS[control];
      if (!verb) return COMPLETION.invalidField;
      bmc.restartCause = 1;
      return bmc.control(verb) ? DONE : COMPLETION.wrongState;
    },
  },
  [CHASSIS_COMMAND.identify]: { privilege: PRIVILEGE.operator, run: identify },
  [CHASSIS_COMMAND.setRestorePolicy]: {
    privilege: PRIVILEGE.operator,
    bytesMin: 1,
    run(bmc, data) {
      const policy = data[0]! & 7;
      if (policy > 3) return COMPLETION.invalidField;
      if (policy < 3) bmc.restorePolicy = policy;
      return Buffer.from([0x07]);
    },
  },
  [CHASSIS_COMMAND.restartCause]: { privilege: PRIVILEGE.user, run: (bmc) => Buffer.from([bmc.restartCause, 1]) },
  [CHASSIS_COMMAND.setBootOption]: { privilege: PRIVILEGE.operator, bytesMin: 1, run: setBootOption },
  [CHASSIS_COMMAND.getBootOption]: { privilege: PRIVILEGE.operator, bytesMin: 3, run: getBootOption },
  [CHASSIS_COMMAND.powerOnHours]: { privilege: PRIVILEGE.user, run: () => Buffer.from([60, 0, 0, 0, 0]) },
};

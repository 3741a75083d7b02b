import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { NET_FN } from '../../../bmc/ipmi/message-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import { resolveChannel } from './app-commands.ts';
import type { Caller, CommandResult, CommandTable } from './command-handler.ts';

/**
 * Firmware firewall (IPMI 2.0 §21): which commands there are, which of them can be switched off, and which are. Here those of the chassis can be; one that is switched off
 * is answered with "command disabled" over the LAN.
 */
const FIREWALL_COMMAND = {
  netFns: 0x09,
  commands: 0x0a,
  subFunctions: 0x0b,
  configurable: 0x0c,
  configurableSubFunctions: 0x0d,
  setEnables: 0x60,
  getEnables: 0x61,
} as const;
const MASK_BYTES = 16;
const COMMANDS_IN_MASK = 128;
const CONFIGURABLE_NET_FN = NET_FN.chassis;
const DONE = Buffer.alloc(0);

export const disabledKey = (netFn: number, command: number): string => `disabled ${netFn} ${command}`;

const maskOf = (isSet: (command: number) => boolean, first: number): Buffer => {
  const mask = Buffer.alloc(MASK_BYTES);
  for (let at = 0; at < COMMANDS_IN_MASK; at += 1) if (isSet(first + at)) mask[at >> 3]! |= 1 << (at & 7);
  return mask;
};

/** 0 channel | 1 bits 7-6: 0 the lower half of the commands, 1 the upper, bits 5-0 netFn | 2 LUN */
function asked(data: Buffer, caller: Caller): { netFn: number; first: number } | undefined {
  const half = data[1]! >> 6;
  if (resolveChannel(data[0]!, caller) === undefined || half > 1 || (data[2]! & 3) !== 0) return undefined;
  return { netFn: data[1]! & 0x3f, first: half * COMMANDS_IN_MASK };
}

export function firewallCommands(tables: () => Readonly<Record<number, CommandTable>>): CommandTable {
  const has = (netFn: number, command: number) => tables()[netFn]?.[command] !== undefined;
  const answer =
    (isSet: (bmc: BmcModel, netFn: number, command: number) => boolean) =>
    (bmc: BmcModel, data: Buffer, caller: Caller): CommandResult => {
      const which = asked(data, caller);
      if (which === undefined) return COMPLETION.parameterOutOfRange;
      return maskOf((command) => isSet(bmc, which.netFn, command), which.first);
    };
  const isConfigurable = (netFn: number, command: number) => netFn === CONFIGURABLE_NET_FN && has(netFn, command);
  const isEnabled = (bmc: BmcModel, netFn: number, command: number) =>
    has(netFn, command) && !bmc.parameters.has(disabledKey(netFn, command));
  const ask = (run: CommandTable[number]['run']) => ({ privilege: PRIVILEGE.user, bytesMin: 3, run });

  return {
    [FIREWALL_COMMAND.netFns]: {
      privilege: PRIVILEGE.user,
      bytesMin: 1,
      run(_bmc, data, caller) {
        if (resolveChannel(data[0]!, caller) === undefined) return COMPLETION.parameterOutOfRange;
        const known = Buffer.alloc(MASK_BYTES);
        for (const netFn of Object.keys(tables()).map(Number)) known[netFn >> 4]! |= 1 << ((netFn >> 1) & 7);
        // Only LUN 0 has commands, those of the specification.
        return Buffer.concat([Buffer.from([0x01]), known]);
      },
    },
    // Here a bit stands for a command that is not there.
    [FIREWALL_COMMAND.commands]: ask(answer((_bmc, netFn, command) => !has(netFn, command))),
    [FIREWALL_COMMAND.configurable]: ask(answer((_bmc, netFn, command) => isConfigurable(netFn, command))),
    [FIREWALL_COMMAND.getEnables]: ask(answer(isEnabled)),
    // No command has parts that could be switched off by themselves.
    [FIREWALL_COMMAND.subFunctions]: ask(() => Buffer.alloc(8)),
    [FIREWALL_COMMAND.configurableSubFunctions]: ask(() => Buffer.alloc(4)),
    [FIREWALL_COMMAND.setEnables]: {
      privilege: PRIVILEGE.administrator,
      bytesMin: 3 + MASK_BYTES,
      run(bmc, data, caller) {
        const which = asked(data, caller);
        if (which === undefined) return COMPLETION.parameterOutOfRange;
        for (let at = 0; at < COMMANDS_IN_MASK; at += 1) {
          const command = which.first + at;
          if (!isConfigurable(which.netFn, command)) continue;
          const isOn = (data[3 + (at >> 3)]! >> (at & 7)) & 1;
          if (isOn) bmc.parameters.delete(disabledKey(which.netFn, command));
          else bmc.parameters.set(disabledKey(which.netFn, command), DONE);
        }
        return DONE;
      },
    },
  };
}

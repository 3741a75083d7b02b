import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { GROUP_EXTENSION } from '../../../bmc/ipmi/dcmi-power-codec.ts';
import { NET_FN, type IpmiRequest } from '../../../bmc/ipmi/message-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import { appCommands } from './app-commands.ts';
import { chassisCommands } from './chassis-commands.ts';
import type { Caller, CommandTable } from './command-handler.ts';
import { eventCommands } from './event-commands.ts';
import { dcmiCommands } from './dcmi-commands.ts';
import { bridgeCommands } from './bridge-commands.ts';
import { disabledKey, firewallCommands } from './firewall-commands.ts';
import { systemCommands } from './system-commands.ts';
import { payloadCommands } from './payload-commands.ts';
import { selCommands } from './sel-commands.ts';
import { sensorCommands } from './sensor-commands.ts';
import { fruCommands } from './fru-commands.ts';
import { transportCommands } from './transport-commands.ts';
import { userCommands } from './user-commands.ts';

const TABLES: Readonly<Record<number, CommandTable>> = {
  [NET_FN.chassis]: chassisCommands,
  [NET_FN.sensor]: { ...sensorCommands.sensor, ...eventCommands },
  [NET_FN.app]: {
    ...appCommands,
    ...userCommands,
    ...payloadCommands,
    ...bridgeCommands,
    ...systemCommands,
    ...firewallCommands(() => TABLES),
  },
  [NET_FN.storage]: { ...fruCommands, ...selCommands, ...sensorCommands.storage },
  [NET_FN.transport]: transportCommands,
  [GROUP_EXTENSION]: dcmiCommands,
};

/** Answers one command with its completion code and data, whatever way it came in. */
export function runCommand(bmc: BmcModel, request: IpmiRequest, caller: Caller): Buffer {
  const handler = TABLES[request.netFn]?.[request.command];
  if (!handler) return Buffer.from([COMPLETION.invalidCommand]);
  if (caller.via === 'lan' && caller.privilege < handler.privilege) return Buffer.from([COMPLETION.insufficientPrivilege]);
  if (caller.via === 'lan' && bmc.parameters.has(disabledKey(request.netFn, request.command))) return Buffer.from([COMPLETION.disabled]);
  if (request.data.length < (handler.bytesMin ?? 0)) return Buffer.from([COMPLETION.requestLength]);
  const result = handler.run(bmc, request.data, caller);
  if (typeof result === 'number') return Buffer.from([result]);
  const { completion, data } = Buffer.isBuffer(result) ? { completion: COMPLETION.ok, data: result } : result;
  return Buffer.concat([Buffer.from([completion]), data]);
}

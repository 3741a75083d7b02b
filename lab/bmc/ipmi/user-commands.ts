import { isMalformed } from '../../../core/base/malformed.ts';
import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import {
  decodeSetPassword,
  decodeUserName,
  encodeUserAccess,
  encodeUserName,
  USER_COMMAND,
  USER_NAME_BYTES,
} from '../../../bmc/ipmi/user-codec.ts';
import { USER_ID_MAX, type BmcModel } from '../bmc-model.ts';
import { idOutOfRange } from './app-commands.ts';
import type { CommandResult, CommandTable } from './command-handler.ts';

/** Accounts (IPMI 2.0 §22.26-22.30): real names, and passwords of 16 or 20 bytes. */
const DONE = Buffer.alloc(0);
const PASSWORD_WRONG = 0x80;
const NAMELESS_USER = 1;

function getAccess(bmc: BmcModel, data: Buffer): CommandResult {
  const id = data[1]! & 0x3f;
  if (idOutOfRange(id)) return COMPLETION.parameterOutOfRange;
  const account = bmc.accounts[id]!;
  return encodeUserAccess({
    idMax: USER_ID_MAX,
    enabledCount: bmc.accounts.filter((each) => each.enabled).length,
    fixedNames: 1,
    enabled: account.enabled,
    privilege: account.privilege,
    ipmiMessaging: account.ipmiMessaging,
    linkAuthentication: account.linkAuthentication,
    callbackOnly: account.callbackOnly,
  });
}

function setAccess(bmc: BmcModel, data: Buffer): CommandResult {
  const id = data[1]! & 0x3f;
  const privilege = data[2]! & 0x0f;
  if (idOutOfRange(id)) return COMPLETION.parameterOutOfRange;
  if (privilege > PRIVILEGE.administrator && privilege !== PRIVILEGE.none) return COMPLETION.invalidField;
  const account = bmc.accounts[id]!;
  account.privilege = privilege;
  if (data[0]! & 0x80) {
    account.linkAuthentication = (data[0]! & 0x20) !== 0;
    account.callbackOnly = (data[0]! & 0x40) !== 0;
    account.ipmiMessaging = (data[0]! & 0x10) !== 0;
  }
  return DONE;
}

function setName(bmc: BmcModel, data: Buffer): CommandResult {
  const id = data[0]! & 0x3f;
  if (idOutOfRange(id)) return COMPLETION.parameterOutOfRange;
  const name = decodeUserName(data.subarray(1));
  const taken = bmc.accounts.some((account, other) => other !== id && name !== '' && account.name === name);
  if (id === NAMELESS_USER || taken) return COMPLETION.invalidField;
  bmc.accounts[id]!.name = name;
  return DONE;
}

function setPassword(bmc: BmcModel, data: Buffer): CommandResult {
  const request = decodeSetPassword(data);
  if (isMalformed(request)) return COMPLETION.requestLength;
  if (idOutOfRange(request.id)) return COMPLETION.parameterOutOfRange;
  const account = bmc.accounts[request.id]!;
  if (request.operation === 'test') return request.password?.equals(account.password) ? DONE : PASSWORD_WRONG;
  if (request.operation === 'set') account.password = request.password!;
  else account.enabled = request.operation === 'enable';
  bmc.record('bmc.user', `${bmc.name}: user ${request.id} ${request.operation === 'set' ? 'got a new password' : `${request.operation}d`}`);
  return DONE;
}

export const userCommands: CommandTable = {
  [USER_COMMAND.getAccess]: { privilege: PRIVILEGE.operator, bytesMin: 2, run: getAccess },
  [USER_COMMAND.setAccess]: { privilege: PRIVILEGE.administrator, bytesMin: 3, run: setAccess },
  [USER_COMMAND.getName]: {
    privilege: PRIVILEGE.operator,
    bytesMin: 1,
    run(bmc, data) {
      const id = data[0]! & 0x3f;
      return idOutOfRange(id) ? COMPLETION.parameterOutOfRange : encodeUserName(bmc.accounts[id]!.name);
    },
  },
  [USER_COMMAND.setName]: { privilege: PRIVILEGE.administrator, bytesMin: 1 + USER_NAME_BYTES, run: setName },
  [USER_COMMAND.setPassword]: { privilege: PRIVILEGE.administrator, bytesMin: 2, run: setPassword },
};

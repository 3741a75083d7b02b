import type { JsonObject } from '../../../core/base/json.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import { PASSWORD_BYTES_MAX, USER_NAME_BYTES } from '../../../bmc/ipmi/user-codec.ts';
import { FIRST_NAMED_USER, type BmcModel } from '../bmc-model.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
import { accountBody, privilegeOfRole, usedAccounts } from './redfish-resources.ts';
import { ROOT } from './redfish-shapes.ts';

/** Accounts over Redfish: the same slots that IPMI has. */
const isText = (value: unknown, bytesMax: number): value is string =>
  typeof value === 'string' && value.length > 0 && Buffer.byteLength(value) <= bytesMax;

/** The first complaint about the given properties, or undefined. */
function complaint(bmc: BmcModel, id: number, body: JsonObject): string | undefined {
  const { UserName: name, Password: password, RoleId: role, Enabled: enabled } = body;
  if (name !== undefined && !isText(name, USER_NAME_BYTES)) return `UserName must have 1 to ${USER_NAME_BYTES} bytes.`;
  if (name !== undefined && bmc.accounts.some((account, other) => other !== id && account.name === name)) return 'UserName is taken.';
  if (password !== undefined && !isText(password, PASSWORD_BYTES_MAX)) return `Password must have 1 to ${PASSWORD_BYTES_MAX} bytes.`;
  if (role !== undefined && privilegeOfRole(role) === undefined) return `RoleId ${String(role)} is not allowed.`;
  return enabled !== undefined && typeof enabled !== 'boolean' ? 'Enabled must be true or false.' : undefined;
}

function apply(bmc: BmcModel, id: number, body: JsonObject): void {
  const account = bmc.accounts[id]!;
  const { UserName: name, Password: password, RoleId: role, Enabled: enabled } = body;
  if (typeof name === 'string') account.name = name;
  if (typeof password === 'string') account.password = Buffer.from(password, 'latin1');
  account.privilege = privilegeOfRole(role) ?? account.privilege;
  if (typeof enabled === 'boolean') account.enabled = enabled;
  bmc.record('bmc.user', `${bmc.name}: user ${id} was changed`);
}

export function createAccount(bmc: BmcModel, body: JsonObject): RedfishReply {
  const id = bmc.accounts.findIndex((account, index) => index >= FIRST_NAMED_USER && account.name === '');
  if (id < 0) return redfishError(400, 'All account slots are taken.');
  if (body['UserName'] === undefined || body['Password'] === undefined) return redfishError(400, 'UserName and Password are required.');
  const wrong = complaint(bmc, id, body);
  if (wrong) return redfishError(400, wrong);
  Object.assign(bmc.accounts[id]!, {
    enabled: true,
    privilege: PRIVILEGE.user,
    ipmiMessaging: true,
    linkAuthentication: true,
    callbackOnly: false,
  });
  apply(bmc, id, body);
  return { status: 201, body: accountBody(bmc, id)!, headers: { Location: `${ROOT}/AccountService/Accounts/${id}` } };
}

export function changeAccount(bmc: BmcModel, id: number, body: JsonObject): RedfishReply {
  const wrong = complaint(bmc, id, body);
  if (wrong) return redfishError(400, wrong);
  apply(bmc, id, body);
  return { status: 204 };
}

export function deleteAccount(bmc: BmcModel, id: number): RedfishReply {
  if (!usedAccounts(bmc).includes(id)) return redfishError(404);
  const administrators = bmc.accounts.filter((account) => account.enabled && account.privilege === PRIVILEGE.administrator);
  const account = bmc.accounts[id]!;
  if (administrators.length === 1 && administrators[0] === account) return redfishError(409, 'The last administrator cannot be deleted.');
  Object.assign(account, {
    name: '',
    password: Buffer.alloc(0),
    enabled: false,
    privilege: PRIVILEGE.none,
    ipmiMessaging: false,
    linkAuthentication: false,
    callbackOnly: false,
  });
  return { status: 204 };
}

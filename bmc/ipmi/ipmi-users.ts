import type { Secret } from '../../core/base/secret.ts';
import { BmcError, type BmcUser } from '../capability.ts';
import { COMPLETION } from './completion-code-codec.ts';
import type { IpmiEndpoint } from './ipmi-endpoint.ts';
import { PRIVILEGE, privilegeName } from './session-command-codec.ts';
import {
  decodeUserAccess,
  decodeUserName,
  getUserAccess,
  getUserName,
  PASSWORD_BYTES_MAX,
  setUserAccess,
  setUserName,
  setUserPassword,
  USER_NAME_BYTES,
} from './user-codec.ts';

const FIRST_NAMED_USER = 2;
/** An id without a name is answered with this by some BMCs. */
const NO_NAME = [COMPLETION.invalidField, COMPLETION.notPresent, COMPLETION.parameterOutOfRange] as const;

async function readSlots(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<{ users: BmcUser[]; channel: number }> {
  const channel = await endpoint.channel(signal);
  const users: BmcUser[] = [];
  for (let id = 1, idMax = 1; id <= idMax; id++) {
    const access = await endpoint.ask(getUserAccess(channel, id), decodeUserAccess, signal);
    idMax = access.idMax;
    const name = decodeUserName(await endpoint.call(getUserName(id), signal, { tolerate: NO_NAME }));
    // BMCs of IPMI 1.5 leave the enable bits empty: such a user counts as enabled when it may use IPMI at all.
    users.push({ id, name, enabled: access.enabled ?? access.ipmiMessaging, privilege: privilegeName(access.privilege) });
  }
  return { users, channel };
}

/** Named users, and the nameless one while it is enabled. */
export async function listUsers(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<readonly BmcUser[]> {
  const { users } = await readSlots(endpoint, signal);
  return users.filter((user) => user.name !== '' || (user.id === 1 && user.enabled && user.privilege !== 'none'));
}

export async function putUser(endpoint: IpmiEndpoint, account: { host: string; name: string; password: Secret }, signal: AbortSignal): Promise<BmcUser> {
  const { host, name } = account;
  const password = account.password.reveal();
  if (name === '' || Buffer.byteLength(name) > USER_NAME_BYTES) throw new BmcError('refused', `${host}: a BMC user name has 1 to ${USER_NAME_BYTES} bytes`, 'Choose a shorter name.');
  if (password === '' || Buffer.byteLength(password) > PASSWORD_BYTES_MAX) throw new BmcError('refused', `${host}: an IPMI password has 1 to ${PASSWORD_BYTES_MAX} bytes`, 'Choose a shorter password.');
  const { users, channel } = await readSlots(endpoint, signal);
  const slot = users.find((user) => user.name === name) ?? users.find((user) => user.id >= FIRST_NAMED_USER && user.name === '');
  if (!slot) throw new BmcError('refused', `${host}: all ${users.length} user slots are taken`, 'Delete a user on the BMC.');
  if (slot.name !== name) await endpoint.call(setUserName(slot.id, name), signal);
  await endpoint.call(setUserPassword(slot.id, 'set', password), signal);
  await endpoint.call(setUserAccess(channel, slot.id, PRIVILEGE.administrator), signal);
  await endpoint.call(setUserPassword(slot.id, 'enable'), signal);
  return { id: slot.id, name, enabled: true, privilege: 'administrator' };
}

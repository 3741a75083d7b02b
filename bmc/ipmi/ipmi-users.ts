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

const readName = async (endpoint: IpmiEndpoint, id: number, signal: AbortSignal): Promise<string> =>
  decodeUserName(await endpoint.call(getUserName(id), signal, { tolerate: NO_NAME }));

/** Named users, and the nameless one while it is enabled. */
export async function listUsers(endpoint: IpmiEndpoint, signal: AbortSignal): Promise<readonly BmcUser[]> {
  const channel = await endpoint.channel(signal);
  const users: BmcUser[] = [];
  for (let id = 1, idMax = 1; id <= idMax; id++) {
    const access = await endpoint.ask(getUserAccess(channel, id), decodeUserAccess, signal);
    idMax = access.idMax;
    const name = await readName(endpoint, id, signal);
    // BMCs of IPMI 1.5 leave the enable bits empty: such a user counts as enabled when it may use IPMI at all.
    users.push({ id, name, enabled: access.enabled ?? access.ipmiMessaging, privilege: privilegeName(access.privilege) });
  }
  return users.filter((user) => user.name !== '' || (user.id === 1 && user.enabled && user.privilege !== 'none'));
}

/** The slot with this name, else the first free one; only names are read, since a BMC may have 63 slots. */
async function findSlot(
  endpoint: IpmiEndpoint,
  name: string,
  channel: number,
  signal: AbortSignal,
): Promise<{ id: number; taken: boolean } | undefined> {
  const { idMax } = await endpoint.ask(getUserAccess(channel, 1), decodeUserAccess, signal);
  let free: number | undefined;
  for (let id = FIRST_NAMED_USER; id <= idMax; id++) {
    const known = await readName(endpoint, id, signal);
    if (known === name) return { id, taken: true };
    if (known === '') free ??= id;
  }
  return free === undefined ? undefined : { id: free, taken: false };
}

export async function putUser(
  endpoint: IpmiEndpoint,
  account: { host: string; name: string; password: Secret },
  signal: AbortSignal,
): Promise<BmcUser> {
  const { host, name } = account;
  const password = account.password.reveal();
  if (name === '' || Buffer.byteLength(name) > USER_NAME_BYTES)
    throw new BmcError('refused', `${host}: a BMC user name has 1 to ${USER_NAME_BYTES} bytes`, 'Choose a shorter name.');
  if (password === '' || Buffer.byteLength(password) > PASSWORD_BYTES_MAX)
    throw new BmcError('refused', `${host}: an IPMI password has 1 to ${PASSWORD_BYTES_MAX} bytes`, 'Choose a shorter password.');
  const channel = await endpoint.channel(signal);
  const slot = await findSlot(endpoint, name, channel, signal);
  if (!slot) throw new BmcError('refused', `${host}: all user slots are taken`, 'Delete a user on the BMC.');
  if (!slot.taken) await endpoint.call(setUserName(slot.id, name), signal);
  await endpoint.call(setUserPassword(slot.id, 'set', password), signal);
  await endpoint.call(setUserAccess(channel, slot.id, PRIVILEGE.administrator), signal);
  await endpoint.call(setUserPassword(slot.id, 'enable'), signal);
  return { id: slot.id, name, enabled: true, privilege: 'administrator' };
}

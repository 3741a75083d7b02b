import type { Json } from '../../../core/base/json.ts';
import type { BmcFound, PutBmcUserArgs } from '../../protocol.ts';
import type { BmcDevice } from '../bmc/bmc-device.ts';
import { APP, readBmcLan } from '../bmc/bmc-lan.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import type { Step } from './step.ts';

/**
 * Makes an administrator of our own on the BMC (IPMI 2.0, 22.26 to 22.31 and 24.6), so that nobody has to know or change
 * the ones that are there. A user of the same name is taken over.
 */
const SET_USER_ACCESS = 0x43;
const GET_USER_ACCESS = 0x44;
const SET_USER_NAME = 0x45;
const GET_USER_NAME = 0x46;
const SET_USER_PASSWORD = 0x47;
const SET_USER_PAYLOAD_ACCESS = 0x4c;
const NAME_BYTES = 16;
const PASSWORD_BYTES = 20;
/** 1 is the anonymous user. */
const FIRST_USER_ID = 2;
const ADMINISTRATOR = 4;
const PASSWORD_SET = 2;
const PASSWORD_TEST = 3;
const USER_ENABLE = 1;

const padded = (text: string, bytes: number): Buffer => {
  const field = Buffer.alloc(bytes);
  field.write(text, 0, 'latin1');
  return field;
};

async function command(bmc: BmcDevice, what: string, number: number, data: Uint8Array): Promise<Buffer> {
  const answer = await bmc.request(APP, number, data);
  if (answer.code !== 0)
    throw new AgentFailure('bmc-refused', `the BMC refuses to ${what} (completion code 0x${answer.code.toString(16)})`, {
      completionCode: answer.code,
    });
  return answer.data;
}

async function chooseUserId(bmc: BmcDevice, channel: number, username: string): Promise<number> {
  const access = await command(bmc, 'tell how many users it has', GET_USER_ACCESS, Uint8Array.of(channel, 1));
  const userIdMax = access[0]! & 0x3f;
  let free: number | undefined;
  for (let id = FIRST_USER_ID; id <= userIdMax; id += 1) {
    const answer = await bmc.request(APP, GET_USER_NAME, Uint8Array.of(id));
    // Many BMCs answer a user without a name with an error.
    const name = answer.code === 0 ? answer.data.toString('latin1').replace(/\0.*$/s, '') : '';
    if (name === username) return id;
    if (name === '') free ??= id;
  }
  if (free === undefined) throw new AgentFailure('bmc-refused', `the BMC has no free user (${userIdMax} at most)`, { userIdMax });
  return free;
}

async function putUser(bmc: BmcDevice, channel: number, args: PutBmcUserArgs): Promise<number> {
  const id = await chooseUserId(bmc, channel, args.username);
  const longPassword = (operation: number) => Buffer.concat([Uint8Array.of(0x80 | id, operation), padded(args.password, PASSWORD_BYTES)]);
  await command(bmc, 'set the user name', SET_USER_NAME, Buffer.concat([Uint8Array.of(id), padded(args.username, NAME_BYTES)]));
  await command(bmc, 'set the password', SET_USER_PASSWORD, longPassword(PASSWORD_SET));
  // Change bits, link authentication and IPMI messaging on.
  await command(
    bmc,
    'give the user administrator rights',
    SET_USER_ACCESS,
    Uint8Array.of(0x80 | 0x20 | 0x10 | channel, id, ADMINISTRATOR, 0),
  );
  await command(bmc, 'enable the user', SET_USER_PASSWORD, Uint8Array.of(id, USER_ENABLE));
  await command(bmc, 'confirm the password', SET_USER_PASSWORD, longPassword(PASSWORD_TEST));
  // Serial over LAN for this user; a BMC without it says so, and that is fine.
  await bmc.request(APP, SET_USER_PAYLOAD_ACCESS, Uint8Array.of(channel, id, 0x02, 0, 0, 0));
  return id;
}

export const putBmcUser: Step = {
  declarations: [],
  async run(args, context): Promise<Json> {
    const { username, password } = args as unknown as PutBmcUserArgs;
    if (typeof username !== 'string' || username === '' || username.length > NAME_BYTES)
      throw new AgentFailure('step-arguments', `username must have 1 to ${NAME_BYTES} characters`);
    if (typeof password !== 'string' || password === '' || password.length > PASSWORD_BYTES)
      throw new AgentFailure('step-arguments', `password must have 1 to ${PASSWORD_BYTES} characters`);
    const bmc = await context.openBmc();
    if (!bmc) throw new AgentFailure('bmc-not-present', 'this machine shows no BMC in band');
    try {
      const lan = await readBmcLan(bmc);
      if (!lan?.ipAddress) throw new AgentFailure('bmc-not-present', lan ? 'the BMC has no IP address' : 'the BMC has no LAN channel');
      const found: BmcFound = {
        ipAddress: lan.ipAddress,
        mac: lan.mac ?? '',
        channel: lan.channel,
        userId: await putUser(bmc, lan.channel, { username, password }),
      };
      return { ...found };
    } finally {
      bmc.close();
    }
  },
};

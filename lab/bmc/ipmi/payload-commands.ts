import { COMPLETION } from '../../../bmc/ipmi/completion-code-codec.ts';
import { PRIVILEGE, SESSION_COMMAND } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { CommandTable } from './command-handler.ts';

/** Payload commands (IPMI 2.0 §24): serial over LAN, one instance. */
const COMMAND = {
  status: 0x4a,
  instanceInfo: 0x4b,
  setUserAccess: 0x4c,
  getUserAccess: 0x4d,
  channelSupport: 0x4e,
  channelVersion: 0x4f,
} as const;
const PAYLOAD_TYPE_SOL = 1;
const VERSION_1_0 = 0x10;
const DONE = Buffer.alloc(0);

const payloadKey = (userId: number) => `payloads ${userId}`;
/** Bit n: payload type n, of one user (§24.6). */
const payloadsOf = (bmc: BmcModel, userId: number): number =>
  bmc.parameters.get(payloadKey(userId))?.[0] ?? (bmc.oddities.solOff ? 0 : 1 << PAYLOAD_TYPE_SOL);
export const solAllowed = (bmc: BmcModel, userId: number): boolean => (payloadsOf(bmc, userId) & (1 << PAYLOAD_TYPE_SOL)) !== 0;

export const payloadCommands: CommandTable = {
  [SESSION_COMMAND.activatePayload]: {
    privilege: PRIVILEGE.user,
    bytesMin: 6,
    run: (_bmc, data, caller) =>
      (data[0]! & 0x3f) === PAYLOAD_TYPE_SOL && caller.session ? caller.session.activateSol() : COMPLETION.invalidField,
  },
  [SESSION_COMMAND.deactivatePayload]: {
    privilege: PRIVILEGE.user,
    bytesMin: 6,
    run(_bmc, data, caller) {
      if ((data[0]! & 0x3f) !== PAYLOAD_TYPE_SOL || !caller.session) return COMPLETION.invalidField;
      const code = caller.session.deactivateSol();
      return code === COMPLETION.ok ? DONE : code;
    },
  },
  [COMMAND.status]: {
    privilege: PRIVILEGE.user,
    bytesMin: 1,
    run: (_bmc, _data, caller) => Buffer.from([1, caller.session?.solActive() ? 1 : 0, 0]),
  },
  [COMMAND.instanceInfo]: {
    privilege: PRIVILEGE.user,
    bytesMin: 2,
    run(_bmc, _data, caller) {
      const info = Buffer.alloc(12);
      if (caller.session?.solActive()) info.writeUInt32LE(caller.session.managedSessionId, 0);
      return info;
    },
  },
  [COMMAND.setUserAccess]: {
    privilege: PRIVILEGE.administrator,
    bytesMin: 6,
    run(bmc, data) {
      const isTaken = data[1]! >> 6 === 1;
      const before = payloadsOf(bmc, data[1]! & 0x3f);
      bmc.parameters.set(payloadKey(data[1]! & 0x3f), Buffer.from([isTaken ? before & ~data[2]! : before | data[2]!]));
      return DONE;
    },
  },
  [COMMAND.getUserAccess]: {
    privilege: PRIVILEGE.operator,
    bytesMin: 2,
    run: (bmc, data) => Buffer.from([payloadsOf(bmc, data[1]! & 0x3f), 0, 0, 0]),
  },
  // Standard payloads 0 (IPMI) and 1 (SOL), session set-up payloads 0x10-0x15.
  [COMMAND.channelSupport]: { privilege: PRIVILEGE.user, bytesMin: 1, run: () => Buffer.from([0x03, 0, 0x3f, 0, 0, 0, 0, 0]) },
  [COMMAND.channelVersion]: {
    privilege: PRIVILEGE.user,
    bytesMin: 2,
    run: (_bmc, data) => ((data[1]! & 0x3f) <= PAYLOAD_TYPE_SOL ? Buffer.from([VERSION_1_0]) : 0x80),
  },
};

import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** Commands about channels, sessions and payloads (IPMI 2.0 §22.13-22.20, §24.1-24.2). */
export const SESSION_COMMAND = {
  authCapabilities: 0x38,
  setPrivilege: 0x3b,
  closeSession: 0x3c,
  sessionInfo: 0x3d,
  activatePayload: 0x48,
  deactivatePayload: 0x49,
  cipherSuites: 0x54,
} as const;

/** "The channel this request came in on" (table 6-1). */
export const THIS_CHANNEL = 0x0e;

export const PRIVILEGE = { callback: 1, user: 2, operator: 3, administrator: 4, none: 15 } as const;
export type PrivilegeName = keyof typeof PRIVILEGE;
export const privilegeName = (level: number): PrivilegeName =>
  (Object.entries(PRIVILEGE).find(([, value]) => value === level)?.[0] as PrivilegeName | undefined) ?? 'none';

const EXTENDED_CAPABILITIES = 0x80;

export const getAuthCapabilities = (privilege: number, channel = THIS_CHANNEL): IpmiRequest => ({
  netFn: NET_FN.app,
  command: SESSION_COMMAND.authCapabilities,
  data: Buffer.from([EXTENDED_CAPABILITIES | channel, privilege]),
});

export interface AuthCapabilities {
  readonly channel: number;
  readonly speaksIpmi20: boolean;
}

/** 0 channel | 1 types, bit 7: extended | 2 status | 3 bit 1: IPMI 2.0, bit 0: 1.5 | 4..7 OEM */
export function decodeAuthCapabilities(data: Buffer): AuthCapabilities | Malformed {
  if (data.length < 8) return malformed('authentication capabilities are shorter than 8 bytes', data.length);
  const extended = (data[1]! & 0x80) !== 0;
  return { channel: data[0]! & 0x0f, speaksIpmi20: extended && (data[3]! & 0x02) !== 0 };
}

/** An IPMI 2.0 only BMC with named users, whose passwords no one has shortened to 1.5's needs. */
export const encodeAuthCapabilities = (channel: number, tellsIpmi20 = true): Buffer =>
  Buffer.from([channel, tellsIpmi20 ? 0x80 : 0, 0x04, tellsIpmi20 ? 0x02 : 0x01, 0, 0, 0, 0]);

export const setSessionPrivilege = (privilege: number): IpmiRequest => ({
  netFn: NET_FN.app,
  command: SESSION_COMMAND.setPrivilege,
  data: Buffer.from([privilege]),
});

export function closeSession(managedSessionId: number): IpmiRequest {
  const data = Buffer.alloc(4);
  data.writeUInt32LE(managedSessionId);
  return { netFn: NET_FN.app, command: SESSION_COMMAND.closeSession, data };
}

/** Of the session that asks. */
export const getSessionInfo: IpmiRequest = { netFn: NET_FN.app, command: SESSION_COMMAND.sessionInfo, data: Buffer.from([0]) };

/** 0 handle | 1 possible | 2 active | 3 bits 5-0: the user's id */
export const decodeSessionUser = (data: Buffer): number | Malformed =>
  data.length < 4 ? malformed('session info is shorter than 4 bytes', data.length) : data[3]! & 0x3f;

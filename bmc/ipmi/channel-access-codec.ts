import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** When and how far a channel lets anybody in (IPMI 2.0 §22.22, §22.23), and by which cipher suites (§23.2, parameters 22 to 24). */
export const CHANNEL_ACCESS_COMMAND = { set: 0x40, get: 0x41 } as const;
export const ACCESS_MODES = ['disabled', 'pre-boot', 'always', 'shared'] as const;
/** Which of its two copies a BMC is asked for, or told. */
export const ACCESS_COPY = { stored: 0x40, present: 0x80 } as const;

export interface ChannelAccess {
  readonly mode: (typeof ACCESS_MODES)[number];
  /** Bits 5 to 3: alerting, authentication of each message, authentication of users, each switched off. */
  readonly flags: number;
  /** As in sessions: 2 user, 3 operator, 4 administrator. */
  readonly limit: number;
}

export const getChannelAccess = (channel: number, copy: number): IpmiRequest => ({
  netFn: NET_FN.app,
  command: CHANNEL_ACCESS_COMMAND.get,
  data: Buffer.from([channel, copy]),
});

export const setChannelAccess = (channel: number, copy: number, { mode, flags, limit }: ChannelAccess): IpmiRequest => ({
  netFn: NET_FN.app,
  command: CHANNEL_ACCESS_COMMAND.set,
  data: Buffer.from([channel, copy | flags | ACCESS_MODES.indexOf(mode), copy | limit]),
});

/** 0 flags: bits 5-3, mode: bits 2-0 | 1 limit: bits 3-0 */
export function decodeChannelAccess(data: Buffer): ChannelAccess | Malformed {
  if (data.length < 2) return malformed('channel access is shorter than 2 bytes', data.length);
  const mode = ACCESS_MODES[data[0]! & 7];
  if (mode === undefined) return malformed(`channel access has no mode ${data[0]! & 7}`, 0);
  return { mode, flags: data[0]! & 0x38, limit: data[1]! & 0x0f };
}

/** Of sixteen at most; a nibble each, the first in the low one. */
export const SUITES_MAX = 16;
export const SUITE_PRIVILEGE_BYTES = 1 + SUITES_MAX / 2;

/** 0 reserved | 1.. two privileges a byte */
export const suitePrivilege = (bytes: Buffer, at: number): number => (bytes[1 + (at >> 1)]! >> (4 * (at & 1))) & 0x0f;

export function withSuitePrivilege(bytes: Buffer, at: number, privilege: number): Buffer {
  const changed = Buffer.from(bytes);
  const shift = 4 * (at & 1);
  changed[1 + (at >> 1)] = (changed[1 + (at >> 1)]! & (0xf0 >> shift)) | (privilege << shift);
  return changed;
}

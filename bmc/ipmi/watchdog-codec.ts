import { malformed, type Malformed } from '../../core/base/malformed.ts';
import type { WatchdogSetting } from '../front-panel.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** The BMC's watchdog timer (IPMI 2.0 §27). */
export const WATCHDOG_COMMAND = { reset: 0x22, set: 0x24, get: 0x25 } as const;
export const getWatchdog: IpmiRequest = { netFn: NET_FN.app, command: WATCHDOG_COMMAND.get, data: Buffer.alloc(0) };

export const WATCHDOG_ACTIONS = ['none', 'reset', 'power-off', 'power-cycle'] as const;
const USES: readonly string[] = ['reserved', 'BIOS FRB2', 'BIOS/POST', 'OS Load', 'SMS/OS', 'OEM'];
const TICKS_PER_SECOND = 10;
/** Of 16 bits of ticks. */
export const WATCHDOG_SECONDS_MAX = 6553;
const USE_SYSTEM = 4;
/** So that another program's end of its own use is not taken for ours. */
const CLEAR_OWN_EXPIRATION = 1 << USE_SYSTEM;

export interface WatchdogState {
  readonly running: boolean;
  readonly action: (typeof WATCHDOG_ACTIONS)[number];
  readonly use: string;
  readonly secondsLeft: number;
}

/** 0 use: bit 6 running | 1 action: bits 2-0 | 2 pre-timeout | 3 expiration flags | 4..5 initial, 6..7 present countdown in 100 ms */
export function decodeWatchdog(data: Buffer): WatchdogState | Malformed {
  if (data.length < 8) return malformed('watchdog state is shorter than 8 bytes', data.length);
  return {
    running: (data[0]! & 0x40) !== 0,
    action: WATCHDOG_ACTIONS[data[1]! & 7] ?? 'none',
    use: USES[data[0]! & 7] ?? 'reserved',
    secondsLeft: data.readUInt16LE(6) / TICKS_PER_SECOND,
  };
}

/**
 * Stops it, and says what the next start shall do (§27.6); `undefined` only stops.
 * 0 use | 1 action: bits 2-0 | 2 pre-timeout | 3 expiration flags to clear | 4..5 countdown in 100 ms
 */
export function setWatchdog(setting: WatchdogSetting | undefined): IpmiRequest {
  const data = Buffer.from([USE_SYSTEM, WATCHDOG_ACTIONS.indexOf(setting?.action ?? 'none'), 0, CLEAR_OWN_EXPIRATION, 0, 0]);
  data.writeUInt16LE(Math.round((setting?.seconds ?? 0) * TICKS_PER_SECOND), 4);
  return { netFn: NET_FN.app, command: WATCHDOG_COMMAND.set, data };
}

/** Starts the countdown from its beginning (§27.5). */
export const startWatchdog: IpmiRequest = { netFn: NET_FN.app, command: WATCHDOG_COMMAND.reset, data: Buffer.alloc(0) };

import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** The BMC's watchdog timer (IPMI 2.0 §27). */
export const WATCHDOG_COMMAND = { reset: 0x22, set: 0x24, get: 0x25 } as const;
export const getWatchdog: IpmiRequest = { netFn: NET_FN.app, command: WATCHDOG_COMMAND.get, data: Buffer.alloc(0) };

export const WATCHDOG_ACTIONS = ['none', 'reset', 'power-off', 'power-cycle'] as const;
const USES: readonly string[] = ['reserved', 'BIOS FRB2', 'BIOS/POST', 'OS Load', 'SMS/OS', 'OEM'];
const TICKS_PER_SECOND = 10;

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

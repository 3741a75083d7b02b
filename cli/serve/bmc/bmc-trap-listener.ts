import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { decodePlatformTrap, TRAP_BYTES_MAX } from '../../../bmc/platform-trap-codec.ts';
import type { PlatformTrap } from '../../../bmc/platform-trap.ts';
import type { Clock } from '../../../core/base/clock.ts';
import type { Logger } from '../../../core/base/logger.ts';
import { isMalformed } from '../../../core/base/malformed.ts';

/**
 * Where BMCs send their traps (SNMPv1 over UDP). Packets of addresses that are no BMC's, and of other communities, are counted and dropped; anybody can put a BMC's
 * address on a packet, so that what comes through is a hint only.
 */
export interface TrapListener {
  readonly port: number;
  metrics(): Record<'traps' | 'trap_strangers' | 'trap_malformed' | 'traps_held_back', number>;
  close(): Promise<void>;
}

/** Of one address; a BMC sends what is lost here again. More than one that reports a failing memory module line by line. */
export const TRAPS_A_SECOND_MAX = 20;
const SECOND_MS = 1_000;
/** A rack that loses its power supply tells of it all at once. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

export async function startTrapListener(options: {
  readonly listen: { readonly host: string; readonly port: number };
  readonly community: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isBmc: (address: string) => boolean;
  readonly onTrap: (address: string, trap: PlatformTrap, bytes: Buffer) => void;
}): Promise<TrapListener> {
  const { listen, clock, logger } = options;
  const counters = { traps: 0, trap_strangers: 0, trap_malformed: 0, traps_held_back: 0 };
  let second = { since: clock.nowMs(), of: new Map<string, number>() };
  const isTooMuch = (address: string): boolean => {
    if (clock.nowMs() - second.since >= SECOND_MS) second = { since: clock.nowMs(), of: new Map() };
    const count = (second.of.get(address) ?? 0) + 1;
    second.of.set(address, count);
    return count > TRAPS_A_SECOND_MAX;
  };
  const receive = (bytes: Buffer, from: { address: string }) => {
    const address = from.address.replace(/^::ffff:(?=\d+\.)/, '');
    if (!options.isBmc(address)) return void (counters.trap_strangers += 1);
    if (isTooMuch(address)) return void (counters.traps_held_back += 1);
    const trap = bytes.length > TRAP_BYTES_MAX ? undefined : decodePlatformTrap(bytes);
    if (trap === undefined || isMalformed(trap)) return void (counters.trap_malformed += 1);
    if (trap.community !== options.community) return void (counters.trap_strangers += 1);
    counters.traps += 1;
    options.onTrap(address, trap, bytes);
  };
  const socket = createSocket({ type: isIPv6(listen.host) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.on('message', receive);
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(listen.port, listen.host, () => {
      socket.off('error', reject);
      socket.on('error', (error) => logger.warn({ error: error.message }, 'the socket of traps reported an error'));
      resolve();
    });
  });
  return {
    port: socket.address().port,
    metrics: () => ({ ...counters }),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

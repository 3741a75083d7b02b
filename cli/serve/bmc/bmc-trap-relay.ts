import { sql } from 'kysely';
import { createBmcConnector } from '../../../bmc/connect-bmc.ts';
import { systemClock } from '../../../core/base/clock.ts';
import type { JsonObject } from '../../../core/base/json.ts';
import type { Logger } from '../../../core/base/logger.ts';
import { systemRandom } from '../../../core/base/random.ts';
import { Secret } from '../../../core/base/secret.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { addressesOf, nodesWithIpmi } from './bmc-trap-addresses.ts';
import { startTrapListener } from './bmc-trap-listener.ts';
import { splitEndpoint, type Configuration } from '../configuration.ts';
import { hostOf } from './trap-receiver-policy.ts';

/*
 * Traps of BMCs that reach only a process of the boot role: heard and acknowledged there, and passed on through the database to the process that looks after them.
 * While the database is away the newest wait; what waits is gone with the process.
 */
export const TRAP_CHANNEL = 'bmc_trap';
export interface RelayedTrap {
  readonly address: string;
  /** Base64: a NOTIFY has room for 8000 bytes. */
  readonly bytes: string;
}

const REFRESH_MS = 15_000;
const RETRY_MS = 5_000;
const WAITING_MAX = 256;
const ACKNOWLEDGE_MS_MAX = 10_000;

export async function startTrapRelay(options: {
  configuration: Configuration;
  database: Database;
  logger: Logger;
}): Promise<() => Promise<void>> {
  const { database, logger } = options;
  const { enabled, traps } = options.configuration.bmc_events;
  if (!enabled || traps === undefined) return async () => undefined;
  // What goes wrong on the way to a BMC is told by the process that looks after it.
  const bmcs = createBmcConnector({ logger, clock: systemClock, random: systemRandom, recordEvent: () => undefined });
  /** The IPMI port of each BMC. */
  let ports = new Map<string, number>();
  const refresh = async () => {
    const found = await Promise.all(
      (await nodesWithIpmi(database)).map(async ({ driver_info: info }) => {
        const { ipmi_address: host, ipmi_port: port } = info as JsonObject;
        return (await addressesOf(String(host), [])).map((address) => [address, Number(port ?? 623)] as const);
      }),
    );
    ports = new Map(found.flat());
  };
  const waiting: RelayedTrap[] = [];
  let isSending = false;
  const send = async () => {
    if (isSending) return;
    isSending = true;
    try {
      for (let [first] = waiting; first !== undefined; [first] = waiting) {
        await sql`select pg_notify(${TRAP_CHANNEL}, ${JSON.stringify(first)})`.execute(database.db);
        waiting.splice(waiting.indexOf(first), 1);
      }
    } finally {
      isSending = false;
    }
  };
  const warn = (what: string) => (error: unknown) => logger.warn({ err: error }, what);
  const look = () => void refresh().catch(warn('the BMCs that send traps are not known anew; the last ones stay'));
  const trySend = () => void send().catch(warn('traps wait until the database answers'));
  const listener = await startTrapListener({
    listen: { host: hostOf(traps.listen), port: splitEndpoint(traps.listen).port },
    community: traps.community,
    clock: systemClock,
    logger,
    isBmc: (address) => ports.has(address),
    onTrap(address, trap, bytes) {
      const bmc = bmcs.connect([{ protocol: 'ipmi', host: address, port: ports.get(address)!, username: '', password: new Secret('') }]);
      void bmc
        .acknowledgeTrap(trap, AbortSignal.timeout(ACKNOWLEDGE_MS_MAX))
        .catch(() => undefined)
        .finally(() => bmc.close());
      waiting.push({ address, bytes: bytes.toString('base64') });
      if (waiting.length > WAITING_MAX) waiting.shift();
      trySend();
    },
  });
  look();
  const timers = [setInterval(look, REFRESH_MS), setInterval(trySend, RETRY_MS)];
  return async () => {
    timers.forEach(clearInterval);
    await listener.close();
    await bmcs.close();
  };
}

import { readFileSync } from 'node:fs';
import { createBmcConnector } from '../../bmc/connect-bmc.ts';
import type { BmcAddress } from '../../bmc/capability.ts';
import { systemClock } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import { systemRandom } from '../../core/base/random.ts';
import { Secret } from '../../core/base/secret.ts';

/*
 * A process that reads the power of all BMCs of a file, round by round, as the power sync does: `FILE kept|session ROUNDS`. Sessions are kept between rounds, or opened
 * and closed for each reading. Prints what a round in steady state costs this process; its start and its first round are not counted.
 */
interface FleetFile {
  readonly bmcs: readonly { readonly address: string; readonly username: string; readonly password: string; readonly ipmiPort: number }[];
}

/** As many handshakes as the IPMI room lets fly at once. */
const AT_ONCE = 64;
const READING_MS_MAX = 20_000;

const [file = '', mode = 'kept', rounds = '3'] = process.argv.slice(2);
const { bmcs } = JSON.parse(readFileSync(file, 'utf8')) as FleetFile;
const connector = createBmcConnector({ logger: silentLogger, clock: systemClock, random: systemRandom, recordEvent: () => undefined });
const addresses = bmcs.map((bmc): BmcAddress => ({
  protocol: 'ipmi',
  host: bmc.address,
  port: bmc.ipmiPort,
  username: bmc.username,
  password: new Secret(bmc.password),
  cipherSuite: 3,
}));
const kept = addresses.map((address) => connector.connect([address]));

async function read(index: number): Promise<void> {
  const signal = AbortSignal.timeout(READING_MS_MAX);
  if (mode === 'kept') return void (await kept[index]!.powerState(signal));
  const connection = connector.connect([addresses[index]!]);
  try {
    await connection.powerState(signal);
  } finally {
    await connection.close();
  }
}

async function round(): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < addresses.length) await read(next++);
    }),
  );
}

await round();
const before = process.cpuUsage();
const startedMs = performance.now();
for (let count = 0; count < Number(rounds); count += 1) await round();
const { user, system } = process.cpuUsage(before);
const polls = Number(rounds) * addresses.length;
process.stdout.write(
  JSON.stringify({ cpuUsPerPoll: (user + system) / polls, pollsPerSecond: (polls * 1000) / (performance.now() - startedMs) }),
);
for (const connection of kept) await connection.close();
await connector.close();

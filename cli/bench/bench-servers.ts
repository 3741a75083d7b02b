import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchServer, BenchWire } from './bench-wire.ts';

/** Starts our boot plane with an empty journal. `port` is the one that the bench will load. */
export async function startOurs(
  wire: BenchWire,
  directory: string,
  listens: { protocol: 'udp' | 'tcp'; port: number },
): Promise<BenchServer> {
  await rm(join(directory, 'data'), { recursive: true, force: true });
  await mkdir(join(directory, 'data'), { recursive: true });
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'bench-boot-plane.ts'), directory];
  return wire.startServer(program, { listens, says: 'token ' });
}

export interface Contender {
  readonly name: string;
  start(): Promise<BenchServer>;
}

/**
 * Lets the contenders take turns, so that other work on the machine meets them alike: what `load` measured of each, by name.
 */
export async function takeTurns<T>(
  contenders: readonly Contender[],
  rounds: number,
  load: (server: BenchServer, contender: Contender, round: number) => Promise<T>,
): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const contender of contenders) {
      const server = await contender.start();
      try {
        results.get(contender.name)!.push(await load(server, contender, round));
      } finally {
        await server.stop();
      }
    }
  return results;
}

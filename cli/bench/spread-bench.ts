import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeBootToken } from '../../core/base/boot-token-codec.ts';
import { startOurs } from './bench-servers.ts';
import { BENCH_SECRET, CLIENT_INTERFACE, makeBenchWire, SERVER_ADDRESS, type BenchWire } from './bench-wire.ts';
import { median, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';

/**
 * A rack whose machines all get one image at once: what leaves the boot server, and how long a machine takes; the same with machines that are slow or corrupt what
 * they pass on; beside the same machines that all read from the server. They check what they get and forget it: no disk is in the figures.
 */
export const spreadBench: Comparison = {
  name: 'spread',
  summary: 'one image to twenty machines at once, that help each other or do not',
  run,
};

const LISTENS = { protocol: 'tcp', port: 8080 } as const;
const MACHINES = 20;
const IMAGE_MIB = 2048;
const MIB = 2 ** 20;
/** Of a machine with a gibibyte of memory. */
const HELD_BYTES = 192 * MIB;
/** In copies of the image, of what 20 plain downloads are. */
const GOAL_EGRESS = 2 / MACHINES;
/** Nobody is harmed by three bad ones among twenty. */
const GOAL_HARM = 1.5;
const GOAL_SECONDS = 1;

type How = 'well' | 'slowly' | 'corrupt' | 'alone';

async function makeImage(path: string): Promise<string> {
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  for (let at = 0; at < IMAGE_MIB; at += 1) {
    const piece = randomBytes(MIB);
    hash.update(piece);
    await file.write(piece);
  }
  await file.close();
  return hash.digest('hex');
}

async function deployAll(wire: BenchWire, sha256: string, hows: readonly How[]): Promise<{ copies: number; seconds: readonly number[] }> {
  const received = async () => Number(await wire.load(['cat', `/sys/class/net/${CLIENT_INTERFACE}/statistics/rx_bytes`]));
  const before = await received();
  const reader = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'spread-reader.ts')];
  const all = await Promise.all(
    hows.map(async (how, at) => {
      const mac = `52:54:00:00:01:${at.toString(16).padStart(2, '0')}`;
      const token = encodeBootToken({ mac, expiresAtMs: Date.now() + 3_600_000 }, BENCH_SECRET);
      const url = `http://${SERVER_ADDRESS}:${LISTENS.port}/images/${token}/image.raw`;
      const read = JSON.parse(await wire.load([...reader, url, String(HELD_BYTES), how])) as { sha256: string; seconds: number };
      if (read.sha256 !== sha256) throw new Error('a machine has another image than the server');
      return { how, seconds: read.seconds };
    }),
  );
  const good = all.filter(({ how }) => how === 'well' || how === 'alone');
  return { copies: ((await received()) - before) / (IMAGE_MIB * MIB), seconds: good.map(({ seconds }) => seconds) };
}

async function run({ directory, rounds, onStep }: ComparisonContext): Promise<BenchRow[]> {
  await mkdir(join(directory, 'images'), { recursive: true });
  await mkdir(join(directory, 'files'), { recursive: true });
  onStep('spread: making an image');
  const sha256 = await makeImage(join(directory, 'images/image.raw'));
  const all = (how: How) => Array.from({ length: MACHINES }, () => how);
  const loads: Readonly<Record<'together' | 'harmed' | 'alone', readonly How[]>> = {
    together: all('well'),
    harmed: [...all('well').slice(3), 'slowly', 'slowly', 'corrupt'],
    alone: all('alone'),
  };
  const results = { together: [] as Deployed[], harmed: [] as Deployed[], alone: [] as Deployed[] };
  const wire = await makeBenchWire();
  try {
    for (let round = 0; round < rounds; round += 1)
      for (const name of ['together', 'harmed', 'alone'] as const) {
        onStep(`spread: ${MACHINES} machines, ${name}, round ${round + 1}`);
        const server = await startOurs(wire, directory, LISTENS);
        const { cpuMs, result } = await server.costOfWork(() => deployAll(wire, sha256, loads[name])).finally(() => server.stop());
        results[name].push({ ...result, cpuSeconds: cpuMs / 1000 });
      }
  } finally {
    await wire.remove();
  }
  return rowsOf(results);
}

interface Deployed {
  readonly copies: number;
  readonly seconds: readonly number[];
  readonly cpuSeconds: number;
}

function rowsOf({ together, harmed, alone }: Record<'together' | 'harmed' | 'alone', readonly Deployed[]>): BenchRow[] {
  const row = (
    figure: string,
    unit: string,
    goal: number,
    of: (one: Deployed) => number,
    ours: readonly Deployed[],
    peer: readonly Deployed[],
    peerName: string,
  ) => {
    const [a, b] = [median(ours.map(of)), median(peer.map(of))];
    return { figure, unit, ours: a, peer: b, peerName, ratio: a / b, goal };
  };
  const egress = ({ copies }: Deployed) => copies;
  const slowest = ({ seconds }: Deployed) => Math.max(...seconds);
  const what = `${MACHINES} machines, ${IMAGE_MIB / 1024} GiB`;
  return [
    row(`${what}: sent by the server`, 'copies', GOAL_EGRESS, egress, together, alone, 'all from the server'),
    row(`${what}: the last has it`, 's', GOAL_SECONDS, slowest, together, alone, 'all from the server'),
    row(`${what}: CPU of the server`, 's', GOAL_SECONDS, ({ cpuSeconds }) => cpuSeconds, together, alone, 'all from the server'),
    row('the same, two slow and one corrupt: sent by the server', 'copies', GOAL_EGRESS, egress, harmed, alone, 'all from the server'),
    row('the same, two slow and one corrupt: the last has it', 's', GOAL_HARM, slowest, harmed, together, 'twenty good ones'),
  ];
}

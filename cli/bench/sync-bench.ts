import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startServe } from './api-bench.ts';
import { createApiCall, passwordLogin, type ApiCall } from './api-loads.ts';
import { startBmcs } from './bmc-fleet-process.ts';
import { median, promised, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';
import { costOf } from './process-cost.ts';

/**
 * A fleet of emulated BMCs under a whole control plane that reads the power of each every ten seconds: enrolled over the API, verified by a session each, then
 * only read. The other side is what we promise.
 */
export const syncBench: Comparison = {
  name: 'sync',
  summary: 'the power of 3,500 BMCs, read by a control plane, beside what we promise',
  run,
};

const BMCS = 3500;
const FIRST = '127.10.0.1';
const PORT = 6230;
const PASSWORD = 'bench-of-fleets';
/** What all of them are read within; the control plane spreads readings over its interval, so that is set a little shorter. */
const SECONDS_PROMISED = 10;
const INTERVAL_SECONDS = 8;
const CORES_PROMISED = 1;
const ENROLLED_AT_ONCE = 8;
const NODES = '/baremetal/v1/nodes';
const WINDOW_SECONDS = 30;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function run({ directory, rounds, onStep }: ComparisonContext): Promise<BenchRow[]> {
  const file = join(directory, 'bmcs.json');
  const data = join(directory, 'sync-data');
  const configuration = join(directory, 'sync.json');
  await writeFile(configuration, JSON.stringify({ power_sync_seconds: INTERVAL_SECONDS }));
  onStep(`sync: starting ${BMCS} BMCs`);
  const fleet = await startBmcs({ count: BMCS, first: FIRST, port: PORT, password: PASSWORD, file });
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../rackwright.ts')];
  const serve = await startServe(program, data, ['--config', configuration]);
  try {
    await enrollAll(serve.base, data, file, onStep);
    const windows: Window[] = [];
    for (let round = 0; round < rounds; round += 1) {
      onStep(`sync: reading, round ${round + 1}`);
      windows.push(await watch(serve.base, serve.pids));
    }
    return rowsOf(windows, costOf([serve.pids[0]!], { memory: true }).memoryBytes);
  } finally {
    await serve.stop();
    fleet.kill('SIGTERM');
    await once(fleet, 'exit');
    await rm(data, { recursive: true, force: true });
  }
}

async function enrollAll(base: string, data: string, file: string, onStep: (step: string) => void): Promise<void> {
  const { password } = JSON.parse(await readFile(join(data, 'administrator.json'), 'utf8')) as { password: string };
  let token = '';
  const call = createApiCall({ base, password, nodes: BMCS, readSeconds: 0 }, () => token);
  token = (await call('POST', '/v3/auth/tokens', passwordLogin(password))).headers.get('x-subject-token') ?? '';
  const { bmcs } = JSON.parse(await readFile(file, 'utf8')) as { bmcs: { address: string }[] };
  onStep(`sync: enrolling and verifying ${BMCS} machines`);
  const waiting = bmcs.values();
  const worker = async () => {
    for (const { address } of waiting) {
      const login = { ipmi_username: 'admin', ipmi_password: PASSWORD, ipmi_port: PORT };
      const { body } = await call('POST', NODES, { driver: 'ipmi', driver_info: { ipmi_address: address, ...login } });
      await call('PUT', `${NODES}/${String(body['uuid'])}/states/provision`, { target: 'manage' });
    }
  };
  await Promise.all(Array.from({ length: ENROLLED_AT_ONCE }, worker));
  while (await someAre('verifying', call)) await pause(500);
  if (await someAre('enroll', call)) throw new Error('some BMCs could not be verified');
}

async function someAre(state: string, call: ApiCall): Promise<boolean> {
  const { body } = await call('GET', `${NODES}?provision_state=${state}&fields=uuid&limit=1`);
  return (body['nodes'] as unknown[]).length > 0;
}

interface Window {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly readings: number;
  readonly failed: number;
}

async function watch(base: string, pids: readonly number[]): Promise<Window> {
  const look = async () => {
    const text = await (await fetch(`${base}/metrics`)).text();
    const counter = (name: string) => Number(new RegExp(`^rackwright_power_${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN);
    return {
      readings: counter('readings'),
      failed: counter('failed'),
      cpuMs: costOf(pids, { memory: false }).cpuMs,
      atMs: performance.now(),
    };
  };
  // The first round opens sessions and learns of the fleet.
  const start = await look();
  while ((await look()).readings - start.readings < BMCS) await pause(200);
  const before = await look();
  await pause(WINDOW_SECONDS * 1000);
  const after = await look();
  return {
    seconds: (after.atMs - before.atMs) / 1000,
    cpuSeconds: (after.cpuMs - before.cpuMs) / 1000,
    readings: after.readings - before.readings,
    failed: after.failed - before.failed,
  };
}

function rowsOf(windows: readonly Window[], memoryBytes: number): BenchRow[] {
  const sweep = ({ seconds, readings }: Window) => (seconds * BMCS) / readings;
  const failed = windows.reduce((sum, one) => sum + one.failed, 0);
  if (failed > 0) throw new Error(`${failed} readings failed`);
  return [
    promised(`${BMCS} BMCs: all are read in`, 's', median(windows.map(sweep)), SECONDS_PROMISED),
    promised(
      `${BMCS} BMCs: control plane and PostgreSQL`,
      'cores',
      median(windows.map((one) => one.cpuSeconds / one.seconds)),
      CORES_PROMISED,
    ),
    // Without a goal of its own in bytes per BMC, what a thousand nodes may take is what these may.
    promised(`${BMCS} BMCs: memory of the control plane`, 'MiB', memoryBytes / 2 ** 20, 300),
  ];
}

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { baremetalLoads, createApiCall, identityLoads, passwordLogin, wholeFleetLoad, type BenchTarget } from './api-loads.ts';
import { imageLoads, networkLoads, placementLoads } from './cloud-loads.ts';
import { measure, type Load, type Measurement } from './measure.ts';
import { costOf } from './process-cost.ts';

/** Starts a control plane of its own with a fresh database, loads its API, starts it again on what is there, and ends it. */
export interface ApiBenchReport {
  readonly nodes: number;
  /** From nothing, the database's cluster included; and again with the nodes in it. */
  readonly startSeconds: { readonly fresh: number; readonly existing: number };
  /** Control plane and PostgreSQL, nothing asked of them. */
  readonly idle: { readonly memoryBytes: number; readonly processes: number };
  readonly afterLoad: { readonly memoryBytes: number; readonly processes: number };
  readonly measurements: readonly Measurement[];
}

export interface ApiBenchOptions {
  readonly nodes: number;
  readonly readSeconds: number;
  /** `[node, …/cli/rackwright.ts]` */
  readonly program: readonly string[];
  readonly onLoad: (name: string) => void;
}

export interface Started {
  readonly base: string;
  readonly seconds: number;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** At rest: what a load has left is given back (`cli/serve/memory-keeper.ts`). */
const REST_MS = 15_000;

/** @param more arguments of `serve` */
export async function startServe(program: readonly string[], data: string, more: readonly string[] = []): Promise<Started> {
  const startedMs = performance.now();
  const [command = '', ...args] = [...program, 'serve', '--data', data, '--listen', '127.0.0.1:0', ...more];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (bytes: Buffer) => (log = (log + bytes.toString()).slice(-4000)));
  let out = '';
  for await (const bytes of child.stdout) {
    out += String(bytes);
    if (out.includes('ready at')) break;
  }
  const base = /ready at (\S+)/.exec(out)?.[1];
  if (base === undefined) throw new CommandError(`the control plane did not start:\n${log}`, EXIT_CODE.failed);
  // PostgreSQL outlives its parent by design, so it is no descendant: its own file names it.
  const postmaster = Number((await readFile(join(data, 'pg/postmaster.pid'), 'utf8')).split('\n')[0]);
  return {
    base,
    seconds: Math.round((performance.now() - startedMs) / 10) / 100,
    pids: [child.pid!, postmaster],
    async stop() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

export async function runApiBench(options: ApiBenchOptions): Promise<ApiBenchReport> {
  const data = await mkdtemp(join(tmpdir(), 'rackwright-bench-'));
  let serve = await startServe(options.program, data);
  try {
    const fresh = serve.seconds;
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    const idle = costOf(serve.pids, { memory: true });
    const measurements = await load(options, serve, data);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    const afterLoad = costOf(serve.pids, { memory: true });
    await serve.stop();
    serve = await startServe(options.program, data);
    const { memoryBytes, processes } = idle;
    return {
      nodes: options.nodes,
      startSeconds: { fresh, existing: serve.seconds },
      idle: { memoryBytes, processes },
      afterLoad: { memoryBytes: afterLoad.memoryBytes, processes: afterLoad.processes },
      measurements,
    };
  } finally {
    await serve.stop();
    await rm(data, { recursive: true, force: true });
  }
}

async function load(options: ApiBenchOptions, serve: Started, data: string): Promise<Measurement[]> {
  const { password } = JSON.parse(await readFile(join(data, 'administrator.json'), 'utf8')) as { password: string };
  const target: BenchTarget = { base: serve.base, password, nodes: options.nodes, readSeconds: options.readSeconds };
  let token = '';
  const call = createApiCall(target, () => token);
  token = (await call('POST', '/v3/auth/tokens', passwordLogin(password))).headers.get('x-subject-token') ?? '';
  const uuids: string[] = [];
  const measurements: Measurement[] = [];
  const run = async (each: Load) => {
    options.onLoad(each.name);
    measurements.push(await measure(each, serve.pids));
  };
  for (const each of identityLoads(call, target, token)) await run(each);
  for (const each of baremetalLoads(call, target, uuids)) await run(each);
  await run(wholeFleetLoad(call, target, uuids, 'manage', 'manageable'));
  await run(wholeFleetLoad(call, target, uuids, 'provide', 'available'));
  for (const each of placementLoads(call, target)) await run(each);
  for (const each of await networkLoads(call, target)) await run(each);
  for (const each of imageLoads(call, target, token)) await run(each);
  return measurements;
}

export interface FleetCost {
  /** From the first enrolment to the last machine that is available. */
  readonly seconds: number;
  /** Of the control plane alone, when nothing is asked of it any more. */
  readonly controlPlaneBytes: number;
}

/** Fake machines over the API of a control plane of its own. */
export async function measureFleet(data: string, nodes: number): Promise<FleetCost> {
  const serve = await startServe(
    [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../rackwright.ts')],
    data,
  );
  try {
    const { password } = JSON.parse(await readFile(join(data, 'administrator.json'), 'utf8')) as { password: string };
    const target: BenchTarget = { base: serve.base, password, nodes, readSeconds: 0 };
    let token = '';
    const call = createApiCall(target, () => token);
    token = (await call('POST', '/v3/auth/tokens', passwordLogin(password))).headers.get('x-subject-token') ?? '';
    const uuids: string[] = [];
    const enroll = baremetalLoads(call, target, uuids).find(({ name }) => name === 'enroll a node')!;
    const all = [
      enroll,
      wholeFleetLoad(call, target, uuids, 'manage', 'manageable'),
      wholeFleetLoad(call, target, uuids, 'provide', 'available'),
    ];
    let seconds = 0;
    for (const each of all) seconds += (await measure(each, serve.pids)).seconds;
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    return { seconds, controlPlaneBytes: costOf([serve.pids[0]!], { memory: true }).memoryBytes };
  } finally {
    await serve.stop();
  }
}

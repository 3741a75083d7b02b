import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { costOf } from './process-cost.ts';

const run = promisify(execFile);

export const SERVER_ADDRESS = '10.99.0.1';
export const CLIENT_ADDRESS = '10.99.255.254';
/** What boot tokens of a bench are signed with. */
export const BENCH_SECRET = Buffer.from('a secret of one bench');
export const SERVER_INTERFACE = 'bench0';
export const CLIENT_INTERFACE = 'client0';

/** Two network namespaces joined by a veth pair: no packet of a bench leaves the machine. Needs root. */
export interface BenchWire {
  startServer(command: readonly string[], options: ServerOptions): Promise<BenchServer>;
  /** Runs a program on the clients' side and answers what it printed. Rejects when it fails. */
  load(command: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

export interface ServerOptions {
  /** The server is ready when it listens here. */
  readonly listens: { readonly protocol: 'udp' | 'tcp'; readonly port: number };
  /** … and has printed this. */
  readonly says?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface BenchServer {
  /** Runs the work and answers what it cost the server's processes, in milliseconds of CPU. */
  costOfWork<T>(work: () => Promise<T>): Promise<{ cpuMs: number; result: T }>;
  readonly output: () => string;
  stop(): Promise<void>;
}

const START_MS_MAX = 30_000;
/** Threads and forked children book their last ticks a moment after the last packet. */
const SETTLE_MS = 150;

async function isListening(pid: number, { protocol, port }: ServerOptions['listens']): Promise<boolean> {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const table = await readFile(`/proc/${pid}/net/${protocol}`, 'utf8').catch(() => '');
  return table.split('\n').some((line) => line.slice(0, 22).includes(hex));
}

async function startIn(space: string, command: readonly string[], options: ServerOptions): Promise<BenchServer> {
  const child = spawn('ip', ['netns', 'exec', space, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (output = (output + bytes.toString()).slice(-4000)));
  const end = Date.now() + START_MS_MAX;
  while (!(await isListening(child.pid!, options.listens)) || !output.includes(options.says ?? '')) {
    if (child.exitCode !== null || Date.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`${command[0]} did not start:\n${output}`);
    }
    await sleep(50);
  }
  return {
    output: () => output,
    async costOfWork(work) {
      const before = costOf([child.pid!], { memory: false }).cpuMs;
      const result = await work();
      await sleep(SETTLE_MS);
      return { cpuMs: costOf([child.pid!], { memory: false }).cpuMs - before, result };
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

export async function makeBenchWire(): Promise<BenchWire> {
  const [servers, clients] = [`rwbench-s-${process.pid}`, `rwbench-c-${process.pid}`];
  const ip = (...args: string[]) => run('ip', args);
  const remove = async () => {
    for (const space of [servers, clients]) await ip('netns', 'del', space).catch(() => {});
  };
  try {
    for (const space of [servers, clients]) {
      await ip('netns', 'add', space);
      await ip('-n', space, 'link', 'set', 'lo', 'up');
    }
    await ip('-n', servers, 'link', 'add', SERVER_INTERFACE, 'type', 'veth', 'peer', 'name', CLIENT_INTERFACE, 'netns', clients);
    for (const [space, device, address] of [
      [servers, SERVER_INTERFACE, SERVER_ADDRESS],
      [clients, CLIENT_INTERFACE, CLIENT_ADDRESS],
    ] as const) {
      await ip('-n', space, 'addr', 'add', `${address}/16`, 'dev', device);
      await ip('-n', space, 'link', 'set', device, 'up');
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    startServer: (command, options) => startIn(servers, command, options),
    async load(command) {
      const { stdout } = await run('ip', ['netns', 'exec', clients, ...command], { maxBuffer: 1 << 24 });
      return stdout;
    },
    remove,
  };
}

/** Compiles one of our load generators; they are in C so that the load costs less than what it measures. */
export async function compileLoad(name: string, directory: string): Promise<string> {
  const program = join(directory, name);
  await run('gcc', ['-O2', '-o', program, join(import.meta.dirname, 'loads', `${name}.c`)]);
  return program;
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../core/base/json.ts';

/** `rackwright serve` as a user starts it, and its API as a client calls it. */
export interface ServeProcess {
  readonly child: ChildProcess;
  readonly endpoint: string;
  /** The administrator's login. */
  readonly headers: Record<string, string>;
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: JsonObject; headers: Headers }>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

const program = join(import.meta.dirname, '../../cli/rackwright.ts');
const READY_MS_MAX = 120_000;

export async function startServe(
  data: string,
  options: {
    args?: readonly string[];
    env?: Record<string, string>;
    /** A command that runs the rest of its line elsewhere, such as `ip netns exec SPACE`. */
    within?: readonly string[];
  } = {},
): Promise<ServeProcess> {
  const args = [
    '--disable-warning=ExperimentalWarning',
    program,
    'serve',
    '--data',
    data,
    '--listen',
    '127.0.0.1:0',
    ...(options.args ?? []),
  ];
  const [file = '', ...line] = [...(options.within ?? []), process.execPath, ...args];
  const child = spawn(file, line, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } });
  let out = '';
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const giveUpAt = Date.now() + READY_MS_MAX;
  while (!out.includes('ready at')) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > giveUpAt) {
      // Left running it would keep the test's process, and with it the whole run.
      child.kill('SIGTERM');
      throw new Error(`serve did not get ready:\n${log.slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const endpoint = /ready at (\S+)/.exec(out)![1]!;
  // A process without the API writes none.
  const path = join(data, 'administrator.json');
  const { username, password } = (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}) as { username: string; password: string };
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return {
    child,
    endpoint,
    headers: { authorization },
    async call(method, path, body, headers = {}) {
      const response = await fetch(`${endpoint}${path}`, {
        method,
        headers: {
          authorization,
          'x-openstack-ironic-api-version': 'latest',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as JsonObject), headers: response.headers };
    },
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill(signal);
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    },
  };
}

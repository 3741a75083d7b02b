import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { MachineEvent } from '../../core/base/machine-event.ts';
import type { BootModel, BootSubnet, LeaseRecord } from '../../pxe/boot-model.ts';
import type { ProcessSettings } from './boot-plane-process.ts';

const run = promisify(execFile);
let made = 0;

/** Two network namespaces joined by a veth pair, a boot plane in one of them, and foreign clients run in the other. */
export interface BootWire {
  readonly directory: string;
  readonly settings: ProcessSettings;
  readonly clientMac: string;
  readonly clientInterface: string;
  readonly serverInterface: string;
  readonly serverSpace: string;
  readonly clientSpace: string;
  start(): Promise<void>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Runs a command on the client's side. A status other than 0 is in the answer. */
  client(command: string, ...args: string[]): Promise<{ status: number; stdout: string; stderr: string }>;
  server(command: string, ...args: string[]): Promise<{ status: number; stdout: string; stderr: string }>;
  events(): MachineEvent[];
  stored(): LeaseRecord[];
  metrics(): Promise<Record<string, number>>;
  remove(): Promise<void>;
}

export const SECRET = Buffer.from('a boot secret for tests only').toString('base64');
const LIMIT_MS = 60_000;

/** Waits for a condition, patiently: the machine may be busy. */
export async function until<T>(what: string, probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(25);
  }
}

const readLines = <T>(path: string): T[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as T)
    : [];

async function exec(file: string, args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  try {
    return { status: 0, ...(await run(file, args, { timeout: LIMIT_MS, maxBuffer: 64 << 20 })) };
  } catch (error) {
    const failed = error as { code?: number; stdout?: string; stderr?: string };
    return {
      status: typeof failed.code === 'number' ? failed.code : -1,
      stdout: failed.stdout ?? '',
      stderr: failed.stderr ?? String(error),
    };
  }
}

export interface WireOptions {
  readonly subnet?: Partial<BootSubnet>;
  readonly model?: Partial<BootModel>;
  /** Flags for the boot plane's Node. */
  readonly nodeFlags?: readonly string[];
}

/** One subnet on the wire, unless the test asks for something else. */
function settingsOf(directory: string, bridge: string, options: WireOptions): ProcessSettings {
  return {
    model: {
      version: 1,
      subnets: [
        {
          id: 'boot',
          cidr: '10.77.0.0/24',
          interface: bridge,
          serverAddress: '10.77.0.1',
          gateway: '10.77.0.1',
          dnsServers: ['10.77.0.1'],
          domain: 'rack.test',
          pools: [['10.77.0.50', '10.77.0.99']],
          discoveryPool: ['10.77.0.100', '10.77.0.199'],
          leaseSeconds: 600,
          routerAdvertisements: true,
          ...options.subnet,
        },
      ],
      hosts: [],
      files: {
        agentKernel: join(directory, 'kernel'),
        agentRamdisk: join(directory, 'ramdisk'),
        agentCommandLine: 'rackwright.api=https://10.77.0.1:5443',
        ipxeDirectory: '/usr/lib/ipxe',
        imageDirectory: join(directory, 'images'),
      },
      bootSecret: SECRET,
      ...options.model,
    },
    dataDirectory: join(directory, 'data'),
    httpPort: 8080,
    tftpPort: 69,
    storePath: join(directory, 'stored.jsonl'),
    eventPath: join(directory, 'events.jsonl'),
  };
}

/** Namespaces are named after the process, so that several runs can go on at once. */
export async function makeBootWire(options: WireOptions = {}): Promise<BootWire> {
  made += 1;
  const tag = `${process.pid}-${made}`;
  const [serverSpace, clientSpace, bridge] = [`rwpxe-s-${tag}`, `rwpxe-c-${tag}`, 'boot0'];
  const directory = mkdtempSync(join(tmpdir(), 'rackwright-pxe-'));
  const clientMac = '52:54:00:77:00:01';
  const settings = settingsOf(directory, bridge, options);
  const ip = async (...args: string[]) => void (await run('ip', args));
  await ip('netns', 'add', serverSpace);
  await ip('netns', 'add', clientSpace);
  await ip('-n', serverSpace, 'link', 'set', 'lo', 'up');
  await ip('-n', serverSpace, 'link', 'add', bridge, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', clientSpace);
  await ip('-n', serverSpace, 'addr', 'add', '10.77.0.1/24', 'dev', bridge);
  await ip('-n', serverSpace, 'link', 'set', bridge, 'up');
  await ip('-n', clientSpace, 'link', 'set', 'eth0', 'address', clientMac, 'up');
  let child: ReturnType<typeof spawn> | undefined;
  let log = '';
  const wire: BootWire = {
    directory,
    settings,
    clientMac,
    clientInterface: 'eth0',
    serverInterface: bridge,
    serverSpace,
    clientSpace,
    async start() {
      const path = join(directory, 'settings.json');
      writeFileSync(path, JSON.stringify(settings));
      const program = [process.execPath, ...(options.nodeFlags ?? []), join(import.meta.dirname, 'boot-plane-process.ts'), path];
      const started = spawn('ip', ['netns', 'exec', serverSpace, ...program], { stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      let output = '';
      started.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
      started.stderr.on('data', (bytes: Buffer) => (log += bytes.toString()));
      await until('the boot plane to be ready', () => {
        if (started.exitCode !== null) throw new Error(`the boot plane ended at once:\n${log}`);
        return output.includes('\n');
      });
    },
    async end(signal) {
      const ending = child;
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
      const gone = new Promise((resolve) => ending.once('exit', resolve));
      ending.kill(signal);
      await gone;
    },
    client: (command, ...args) => exec('ip', ['netns', 'exec', clientSpace, command, ...args]),
    server: (command, ...args) => exec('ip', ['netns', 'exec', serverSpace, command, ...args]),
    events: () => readLines<MachineEvent>(settings.eventPath),
    stored: () => readLines<LeaseRecord>(settings.storePath),
    async metrics() {
      const count = () => readLines<{ kind: string }>(settings.eventPath).filter((e) => e.kind === 'test.metrics').length;
      const before = count();
      child?.kill('SIGUSR2');
      await until('the metrics', () => count() > before);
      return readLines<{ kind: string; metrics: Record<string, number> }>(settings.eventPath).findLast((e) => e.kind === 'test.metrics')!
        .metrics;
    },
    async remove() {
      await wire.end('SIGKILL');
      // Clients such as dhclient stay on as daemons: whoever lives in a namespace of ours was started by us.
      for (const space of [clientSpace, serverSpace]) {
        const { stdout } = await exec('ip', ['netns', 'pids', space]);
        for (const pid of stdout.split('\n').filter((line) => line !== '')) await exec('kill', ['-9', pid]);
      }
      await exec('ip', ['netns', 'del', clientSpace]);
      await exec('ip', ['netns', 'del', serverSpace]);
      if (process.env['KEEP_BOOT_LOG']) process.stderr.write(log);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return wire;
}

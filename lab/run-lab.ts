import { execFile, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { JsonObject } from '../core/base/json.ts';
import { walkMachine, type ImageChoice, type MachineReport } from './scenario/machine-walk.ts';
import { createProductClient } from './scenario/product-client.ts';
import { startRack, type Rack } from './start-rack.ts';
import { declareRack } from './topology.ts';

/*
 * The virtual rack's main story: start a rack of powered-off machines, start the product in it as a user would, press every
 * power button, and walk each machine through the API to a login. Leaves captures, consoles, logs and timelines.
 */
export interface LabOptions {
  readonly machines: number;
  readonly image?: 'debian' | 'tiny';
  readonly until: 'available' | 'deployed';
  readonly seed: number;
  readonly listen: string;
  readonly runDirectory: string;
  /** How to start the product's command line: `[node, …/cli/rackwright.ts]`. */
  readonly program: readonly string[];
  /** Built images and the agent's ramdisk are kept here between runs. */
  readonly cacheDirectory: string;
  readonly onLine: (line: string) => void;
}

export interface LabReport {
  readonly ok: boolean;
  readonly seed: number;
  readonly runDirectory: string;
  readonly machines: readonly MachineReport[];
}

export interface RunningLab {
  readonly report: LabReport;
  readonly rack: Rack;
  stop(): Promise<void>;
}

const READY_MS_MAX = 10 * 60_000;
const STOP_MS_MAX = 6_000;

export async function runLab(options: LabOptions): Promise<RunningLab> {
  const { runDirectory, onLine } = options;
  mkdirSync(runDirectory, { recursive: true });
  const [firstImage, otherImage] = await chooseImages(options);
  // Before the rack stands: from inside it there is no way to Debian's packages.
  onLine('ramdisk: building, or taking it from the cache');
  await runProgram(options, ['ramdisk', 'build', '--cache', join(options.cacheDirectory, 'ramdisk'), '--json']);
  const spec = declareRack({ machines: options.machines, seed: options.seed });
  const rack = await startRack({
    spec,
    runDirectory,
    onEvent: (event) => appendFileSync(join(runDirectory, 'rack-events.jsonl'), `${JSON.stringify(event)}\n`),
  });
  try {
    onLine(
      `the rack stands: ${spec.machines.map((machine) => `${machine.name} (${machine.firmware}, ${machine.bmc.protocols.join('+')})`).join(', ')}`,
    );
    const data = join(runDirectory, 'data');
    await writeFile(
      join(runDirectory, 'rackwright.json'),
      JSON.stringify(configurationFor(options, dirname(firstImage.path)), undefined, 2),
    );
    const serve = await rack.runInside(
      [...options.program, 'serve', '--data', data, '--config', join(runDirectory, 'rackwright.json'), '--listen', '127.0.0.1:5000'],
      { logFile: join(runDirectory, 'serve.log') },
    );
    const forward = await rack.forwardTcp({ hostListen: options.listen, insideAddress: '127.0.0.1:5000' });
    const product = createProductClient(
      `http://127.0.0.1:${forward.port}`,
      async () => JSON.parse(await readFile(join(data, 'administrator.json'), 'utf8')) as { username: string; password: string },
    );
    await awaitReady(product.isReady, serve.exited, join(runDirectory, 'serve.log'));
    onLine(`the control plane answers at http://127.0.0.1:${forward.port}`);
    const key = await makeKey(runDirectory);
    const startedMs = Date.now();
    const machines = await Promise.all(
      spec.machines.map((machine, index) =>
        walkMachine(machine, {
          rack,
          product,
          key,
          until: options.until,
          image: index === 0 ? firstImage : otherImage,
          onPhase: (name, phase) => onLine(`${String(Math.round((Date.now() - startedMs) / 1000)).padStart(5)} s  ${name}: ${phase}`),
        }),
      ),
    );
    for (const machine of machines) if (machine.node !== null) await keepTimeline(product.get, machine, runDirectory);
    const goal = options.until === 'available' ? 'available' : 'active';
    const ok = machines.every(
      (machine) => machine.state === goal && machine.error === undefined && (machine.ssh || options.until === 'available'),
    );
    return {
      report: { ok, seed: options.seed, runDirectory, machines },
      rack,
      async stop() {
        await serve.kill('SIGTERM');
        await Promise.race([serve.exited, new Promise((resolve) => setTimeout(resolve, STOP_MS_MAX))]);
        await rack.stop();
      },
    };
  } catch (error) {
    await rack.stop();
    throw error;
  }
}

type Image = ImageChoice & { readonly path: string };

async function chooseImages(options: LabOptions): Promise<[Image, Image]> {
  const build = async (name: 'debian' | 'tiny'): Promise<Image> => {
    options.onLine(`image ${name}: building, or taking it from the cache`);
    const built = await runProgram(options, ['image', 'build', name, '--json']);
    return {
      path: String(built['path']),
      file: basename(String(built['path'])),
      sha256: String(built['sha256']),
      diskSizeBytes: Number(built['diskSizeBytes']),
      user: String(built['defaultUser']),
    };
  };
  const first = await build(options.until === 'available' ? 'tiny' : (options.image ?? 'debian'));
  const other = options.image === 'debian' || options.machines === 1 ? first : await build('tiny');
  return [first, other];
}

/** The product's own commands, so that what the lab deploys is what a user would. */
function runProgram(options: LabOptions, words: readonly string[]): Promise<JsonObject> {
  const [command, ...args] = [...options.program, ...words];
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(JSON.parse(out) as JsonObject) : reject(new Error(`${words.join(' ')} ended with code ${code}`)),
    );
  });
}

/** JSON is YAML. */
const configurationFor = (options: LabOptions, imageDirectory: string) => ({
  power_sync_seconds: 15,
  boot: {
    image_directory: imageDirectory,
    ramdisk_cache: join(options.cacheDirectory, 'ramdisk'),
    networks: [
      {
        name: 'provisioning',
        cidr: '10.77.0.0/24',
        interface: 'prov0',
        server_address: '10.77.0.1',
        pools: ['10.77.0.20-10.77.0.149'],
        discovery_pool: '10.77.0.150-10.77.0.250',
      },
    ],
  },
});

async function awaitReady(isReady: () => Promise<boolean>, exited: Promise<unknown>, logFile: string): Promise<void> {
  let ended = false;
  void exited.then(() => (ended = true));
  const giveUpAt = Date.now() + READY_MS_MAX;
  while (!(await isReady())) {
    if (ended || Date.now() > giveUpAt) {
      const log = await readFile(logFile, 'utf8').catch(() => '');
      throw new Error(`the control plane ${ended ? 'ended while starting' : 'did not get ready'}; its log ends:\n${log.slice(-1500)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function makeKey(runDirectory: string): Promise<{ publicKey: string; privatePath: string }> {
  const privatePath = join(runDirectory, 'id_ed25519');
  await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lab', '-f', privatePath]);
  return { privatePath, publicKey: (await readFile(`${privatePath}.pub`, 'utf8')).trim() };
}

async function keepTimeline(get: (path: string) => Promise<JsonObject>, machine: MachineReport, runDirectory: string): Promise<void> {
  const timeline = await get(`/nodes/${machine.node}/timeline?limit=5000`);
  await writeFile(join(runDirectory, `${machine.name}-timeline.json`), JSON.stringify(timeline, undefined, 2));
}

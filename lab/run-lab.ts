import { execFile, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { JsonObject } from '../core/base/json.ts';
import { systemClock } from '../core/base/clock.ts';
import { seededRandom } from '../core/base/random.ts';
import { rackFaultsOf, shapeRack } from './choose-faults.ts';
import { createFaultBook, type FaultBook, type FaultReport } from './fault/fault-book.ts';
import type { Disturbance, Fault } from './fault/fault.ts';
import { writeRunPage } from './report/write-run-page.ts';
import { createControlPlane, readAdministrator, type ControlPlane } from './scenario/control-plane.ts';
import { walkMachine, type ImageChoice, type MachineReport } from './scenario/machine-walk.ts';
import { createProductClient, type ProductClient } from './scenario/product-client.ts';
import { watchSteps } from './scenario/step-watch.ts';
import { startRack, type Rack } from './start-rack.ts';
import { bootsByMedia, declareRack, type BootWay } from './topology.ts';

/*
 * The virtual rack's main story: start a rack of powered-off machines, start the product in it as a user would, press every
 * power button, and walk each machine through the API to a login. Leaves captures, consoles, logs and timelines.
 */
export interface LabOptions {
  readonly machines: number;
  /** Of each machine. */
  readonly disks: number;
  readonly image?: LabImage;
  readonly until: 'available' | 'deployed';
  /** How the agent gets onto the machines. */
  readonly boot: BootWay;
  readonly seed: number;
  readonly listen: string;
  readonly runDirectory: string;
  /** How to start the product's command line: `[node, …/cli/rackwright.ts]`. */
  readonly program: readonly string[];
  /** Built images and the agent's ramdisk are kept here between runs. */
  readonly cacheDirectory: string;
  /** What was typed behind `rackwright lab`, for the page of the run. */
  readonly command: string;
  /** What goes wrong. */
  readonly faults: readonly Fault[];
  readonly onLine: (line: string) => void;
}

export interface LabReport {
  readonly ok: boolean;
  readonly seed: number;
  readonly runDirectory: string;
  readonly machines: readonly MachineReport[];
  readonly faults: readonly FaultReport[];
}

export interface RunningLab {
  readonly report: LabReport;
  /** Where the API answers on this host. */
  readonly endpoint: string;
  readonly rack: Rack;
  stop(): Promise<void>;
}

/** The API as processes inside the rack see it. */
const API_ADDRESS = '127.0.0.1:5000';
/** A control plane that was killed is back within seconds; its database may have a log to replay. */
const PATIENCE_MS = 120_000;

export async function runLab(options: LabOptions): Promise<RunningLab> {
  const { runDirectory, onLine, faults } = options;
  mkdirSync(runDirectory, { recursive: true });
  const images = await chooseImages(options);
  await buildAgents(options);
  const spec = shapeRack(declareRack({ machines: options.machines, seed: options.seed, disks: options.disks, boot: options.boot }), faults);
  const rack = await startRack({
    spec,
    runDirectory,
    faults: rackFaultsOf(faults),
    onEvent: (event) => appendFileSync(join(runDirectory, 'rack-events.jsonl'), `${JSON.stringify(event)}\n`),
  });
  onLine(
    `the rack stands: ${spec.machines.map((machine) => `${machine.name} (${machine.firmware}, ${machine.bmc.protocols.join('+')})`).join(', ')}`,
  );
  try {
    const { controlPlane, product, endpoint } = await startProduct(options, rack, dirname(images[0].path));
    const report = await walkAll(options, { rack, controlPlane, product, endpoint, images });
    return {
      report,
      endpoint,
      rack,
      async stop() {
        await controlPlane.stop();
        await rack.stop();
      },
    };
  } catch (error) {
    await rack.stop();
    throw error;
  }
}

interface RunningProduct {
  readonly controlPlane: ControlPlane;
  readonly product: ProductClient;
  readonly endpoint: string;
}

async function startProduct(options: LabOptions, rack: Rack, imageDirectory: string): Promise<RunningProduct> {
  const { runDirectory, faults } = options;
  const dataDirectory = join(runDirectory, 'data');
  for (const fault of faults) await fault.prepare?.({ rack, dataDirectory });
  const forward = await rack.forwardTcp({ hostListen: options.listen, insideAddress: API_ADDRESS });
  const endpoint = `http://${options.listen.replace(/:\d+$/, '')}:${forward.port}`;
  const configuration = join(runDirectory, 'rackwright.json');
  await writeFile(configuration, JSON.stringify(configurationFor(options, imageDirectory, endpoint), undefined, 2));
  const breaksApi = faults.some((fault) => fault.breaksApi);
  const product = createProductClient({
    endpoint,
    login: () => readAdministrator(rack, dataDirectory),
    patienceMs: breaksApi ? PATIENCE_MS : 0,
  });
  const controlPlane = createControlPlane({
    rack,
    argv: [...options.program, 'serve', '--data', dataDirectory, '--config', configuration, '--listen', API_ADDRESS],
    logFile: join(runDirectory, 'serve.log'),
    isReady: product.isReady,
    restarts: breaksApi,
  });
  await controlPlane.start();
  options.onLine(`the control plane answers at ${endpoint}`);
  return { controlPlane, product, endpoint };
}

async function walkAll(
  options: LabOptions,
  scene: RunningProduct & { readonly rack: Rack; readonly images: readonly [Image, Image] },
): Promise<LabReport> {
  const { runDirectory, onLine, faults } = options;
  const { rack, controlPlane, product, images } = scene;
  const key = await makeKey(runDirectory);
  const startedMs = Date.now();
  const say = (text: string) => onLine(`${String(Math.round((Date.now() - startedMs) / 1000)).padStart(5)} s  ${text}`);
  const book = createFaultBook(faults, systemClock);
  const endDisturbances = await disturb(options, { ...scene, book, say });
  const machines = await Promise.all(
    rack.spec.machines.map((machine, index) =>
      walkMachine(machine, {
        rack,
        product,
        key,
        until: options.until,
        boot: options.boot,
        image: images[index === 0 ? 0 : 1],
        faults,
        book,
        onPhase: (name, phase) => say(`${name}: ${phase}`),
      }),
    ),
  );
  await endDisturbances();
  for (let ends = controlPlane.unexpectedEnds(); ends > 0; ends -= 1)
    for (const { name } of faults) book.problem(name, 'the control plane ended by itself; its log tells why');
  for (const machine of machines) if (machine.node !== null) await keepTimeline(product.get, machine, runDirectory);
  const goal = options.until === 'available' ? 'available' : 'active';
  const goalReached = machines.every(
    (machine) => machine.state === goal && machine.error === undefined && (machine.ssh || options.until === 'available'),
  );
  const faultReports = book.report({ machines: machines.length, goalReached, rackCounts: await rack.faultCounts() });
  const ok = goalReached && faultReports.every(({ met }) => met);
  const report: LabReport = { ok, seed: options.seed, runDirectory, machines, faults: faultReports };
  const { command } = options;
  const page = await writeRunPage(runDirectory, { ...report, command, startedAtMs: startedMs, endedAtMs: Date.now() });
  onLine(`the page of this run: ${page}`);
  return report;
}

/** Starts everything that goes wrong while the machines work; the answer ends it. */
async function disturb(
  options: LabOptions,
  scene: RunningProduct & { rack: Rack; images: readonly [Image, Image]; book: FaultBook; say: (text: string) => void },
): Promise<() => Promise<void>> {
  const { rack, product, controlPlane, book, say } = scene;
  const watch = watchSteps(product);
  const running: Disturbance[] = [];
  for (const [index, fault] of options.faults.entries()) {
    const disturbance = await fault.disturb?.({
      rack,
      dataDirectory: join(options.runDirectory, 'data'),
      product,
      controlPlane,
      random: seededRandom(options.seed * 1_000 + index),
      imagePath: scene.images[0].path,
      runDirectory: options.runDirectory,
      onStep: watch.onStep,
      inject: (what) => book.inject(fault.name, what),
      problem: (text) => book.problem(fault.name, text),
      say,
    });
    if (disturbance) running.push(disturbance);
  }
  return async () => {
    watch.stop();
    for (const disturbance of running.toReversed()) await disturbance.stop();
  };
}

export type LabImage = 'debian' | 'debian-partition' | 'tiny';
type Image = ImageChoice & { readonly path: string };

async function chooseImages(options: LabOptions): Promise<[Image, Image]> {
  const build = async (name: LabImage): Promise<Image> => {
    options.onLine(`image ${name}: building, or taking it from the cache`);
    const built = await runProgram(options, ['image', 'build', name, '--json']);
    return {
      path: String(built['path']),
      file: basename(String(built['path'])),
      sha256: String(built['sha256']),
      diskSizeBytes: Number(built['diskSizeBytes']),
      user: String(built['defaultUser']),
      isPartition: name === 'debian-partition',
    };
  };
  const first = await build(options.until === 'available' ? 'tiny' : (options.image ?? 'debian'));
  const other = (options.image ?? 'tiny') !== 'tiny' || options.machines === 1 ? first : await build('tiny');
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
const configurationFor = (options: LabOptions, imageDirectory: string, endpoint: string) => ({
  // The catalog names what clients of this host reach.
  public_url: endpoint,
  power_sync_seconds: 15,
  boot: {
    image_directory: imageDirectory,
    ramdisk_cache: join(options.cacheDirectory, 'ramdisk'),
    virtual_media: bootsByMedia(options.boot),
    arm64: options.boot === 'arm64',
    networks: [
      {
        name: 'provisioning',
        cidr: '10.77.0.0/24',
        interface: 'prov0',
        server_address: '10.77.0.1',
        ...(options.boot === 'ipv6'
          ? {
              ipv6: {
                cidr: 'fd00:77::/64',
                server_address: 'fd00:77::1',
                pools: ['fd00:77::1000-fd00:77::1fff'],
                discovery_pool: 'fd00:77::2000-fd00:77::2fff',
              },
            }
          : options.boot === 'no-dhcp'
            ? {}
            : { pools: ['10.77.0.20-10.77.0.149'], discovery_pool: '10.77.0.150-10.77.0.250' }),
        signed_loaders: options.boot === 'secure-boot',
      },
    ],
  },
});

/** Before the rack stands: from inside it there is no way to Debian's packages. */
async function buildAgents(options: LabOptions): Promise<void> {
  options.onLine('ramdisk: building, or taking it from the cache');
  const build = (more: readonly string[]) =>
    runProgram(options, ['ramdisk', 'build', '--cache', join(options.cacheDirectory, 'ramdisk'), ...more, '--json']);
  await build(bootsByMedia(options.boot) ? ['--iso'] : []);
  if (options.boot === 'arm64') await build(['--architecture', 'arm64']);
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

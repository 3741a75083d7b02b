import { readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { systemClock } from '../core/base/clock.ts';
import type { JsonObject } from '../core/base/json.ts';
import { createInsideProcesses, type InsideProcesses } from './rack/inside-processes.ts';
import { configureNetwork } from './rack/namespace-network.ts';
import { startFabric, type RackFabric } from './rack/rack-fabric.ts';
import { startMachines, type RackMachine } from './rack/rack-machines.ts';
import type { RackConfig, RackLine, RackRequest } from './rack/rack-message.ts';
import { startTcpRelay } from './rack/tcp-relay.ts';
import { startEapiServer } from './switch/eapi/eapi-server.ts';
import { createEosCli, type EosCli } from './switch/eapi/eos-cli.ts';

/**
 * The program inside the rack's own network, process and mount namespaces, started by `start-rack.ts` with the path of its
 * configuration. It ends with its standard input; and since its namespace's first process waits for it, everything that was
 * started in here ends then too: machines, TPMs, the product and whatever the product left behind.
 */
interface RunningRack {
  readonly fabric: RackFabric;
  readonly leafCli: EosCli;
  readonly machines: ReadonlyMap<string, RackMachine>;
  readonly processes: InsideProcesses;
}

const say = (line: RackLine) => void process.stdout.write(`${JSON.stringify(line)}\n`);

function machineNamed(rack: RunningRack, name: string): RackMachine {
  const found = rack.machines.get(name);
  if (!found) throw new Error(`no machine ${name}`);
  return found;
}

async function setPower(rack: RunningRack, request: RackRequest & { verb: 'power' }): Promise<void> {
  const { machine } = machineNamed(rack, request.machine);
  const boot = { device: request.device, persistent: false };
  if (request.action === 'on') await machine.powerOn(boot);
  else if (request.action === 'off') await machine.powerOff();
  else if (request.action === 'soft-off') await machine.softOff();
  else await machine.reset(boot);
}

function nicOf(rack: RunningRack, request: { readonly machine: string; readonly nic: number }) {
  const { machine, spec } = machineNamed(rack, request.machine);
  const nic = spec.nics[request.nic];
  if (!nic) throw new Error(`${spec.name} has no NIC ${request.nic}`);
  return { machine, nic };
}

const vlansOf = ({ vlan, tagged }: { readonly vlan: number; readonly tagged: boolean }) =>
  tagged ? { untagged: null, tagged: [vlan] } : { untagged: vlan, tagged: [] };

function setLink(rack: RunningRack, request: RackRequest & { verb: 'link' }): void {
  const { machine, nic } = nicOf(rack, request);
  rack.fabric.port(nic.switchPort)?.setLink(request.up);
  machine.setCarrier(request.nic, request.up);
}

function counters(rack: RunningRack): JsonObject {
  return Object.fromEntries(rack.fabric.leaf.ports().map((port) => [port.name, { ...port.counters, link: port.linkUp() }]));
}

/** By kind of fault, all BMCs together. */
function faultCounts(rack: RunningRack): JsonObject {
  const bmc: Record<string, number> = {};
  for (const { bmc: each } of rack.machines.values())
    for (const [name, count] of Object.entries(each.injected)) bmc[name] = (bmc[name] ?? 0) + count;
  return { frames: { ...rack.fabric.disturber.counts }, bmc };
}

async function carryOut(rack: RunningRack, request: RackRequest): Promise<JsonObject> {
  if (request.verb === 'spawn') return { pid: await rack.processes.spawn(request.argv, request.env, request.logFile) };
  if (request.verb === 'kill') {
    if (!(request.signal in constants.signals)) throw new Error(`no signal ${request.signal}`);
    return { delivered: rack.processes.kill(request.pid, request.signal as NodeJS.Signals) };
  }
  if (request.verb === 'counters') return counters(rack);
  if (request.verb === 'fault-counts') return faultCounts(rack);
  if (request.verb === 'power') await setPower(rack, request);
  else if (request.verb === 'link') setLink(rack, request);
  else if (request.verb === 'vlan') rack.fabric.port(nicOf(rack, request).nic.switchPort)?.setVlans(vlansOf(request));
  else if (request.verb === 'plug') rack.fabric.plug(nicOf(rack, request).nic.switchPort, request.switchPort);
  else if (request.verb === 'disk') machineNamed(rack, request.machine).machine.setDisk(request.disk, request.state);
  else if (request.verb === 'restart-leaf') rack.leafCli.restart();
  else if (request.verb === 'stop') await stop(rack);
  return {};
}

async function stop(rack: RunningRack): Promise<void> {
  await Promise.all([...rack.machines.values()].map(({ machine }) => machine.close()));
  await Promise.all([...rack.machines.values()].map(({ bmc }) => bmc.stop()));
  rack.fabric.close();
}

const config = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as RackConfig;

function leave(status: number): void {
  rmSync(config.socketDirectory, { recursive: true, force: true });
  process.exit(status);
}

async function start(): Promise<RunningRack> {
  // The interface exists only once its TAP device is open.
  const fabric = await startFabric(config, systemClock);
  await configureNetwork(config.spec);
  const leafCli = createEosCli(fabric.leaf);
  await startEapiServer({ ...config.spec.leaf.management, cli: leafCli, tls: config.leafTls });
  const machines = await startMachines({ config, fabric, clock: systemClock, emit: say });
  await startTcpRelay(config.relaySocket);
  const processes = createInsideProcesses((pid, code, signal) =>
    say({ kind: 'process-exit', atMs: systemClock.nowMs(), pid, code, signal }),
  );
  return { fabric, leafCli, machines, processes };
}

// The lab's end breaks the pipes; its input's end says what to do about it.
process.stdout.on('error', () => {});
const requests = createInterface({ input: process.stdin });
requests.once('close', () => leave(0));
const rack = await start();
requests.on('line', (line) => {
  const request = JSON.parse(line) as RackRequest;
  carryOut(rack, request)
    .then((result) => say({ kind: 'answer', id: request.id, result }))
    .catch((error: unknown) => say({ kind: 'refusal', id: request.id, reason: error instanceof Error ? error.message : String(error) }));
});
say({ kind: 'ready' });

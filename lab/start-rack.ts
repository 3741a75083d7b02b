import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { JsonObject } from '../core/base/json.ts';
import { createTlsIdentity } from '../core/base/tls-identity.ts';
import type { DiskState } from './machine/qemu-command.ts';
import { openRackLink } from './rack/rack-link.ts';
import type { PowerAction, RackConfig, RackEvent, RackFaults } from './rack/rack-message.ts';
import { join as joinSockets, parseHostPort } from './rack/tcp-relay.ts';
import type { RackSpec } from './topology.ts';

export type { PowerAction, RackEvent, RackFaults } from './rack/rack-message.ts';

/** A running virtual rack: machines, BMCs and switch in namespaces of their own. Needs root; leaves the host's network alone. */
export interface Rack {
  readonly spec: RackSpec;
  readonly runDirectory: string;
  /** Speaks to the switch's spare port as QEMU's NICs do to theirs (`-netdev stream`). */
  readonly sparePortSocket: string;
  /** The same for a NIC of a machine that is off, counted from 0. */
  nicSocket(machine: string, nic: number): string;
  /** Of the leaf switch's management, in PEM form. */
  readonly leafCertificate: string;
  /** The leaf switch's power goes off and on: what was not written is lost. */
  restartLeaf(): Promise<void>;
  /** Straight at the machine, past its BMC: for tests. */
  power(machine: string, action: PowerAction, device?: 'none' | 'network' | 'disk'): Promise<void>;
  /** Pulls or plugs the cable of a NIC, counted from 0. */
  setLink(machine: string, nic: number, up: boolean): Promise<void>;
  /** The one VLAN of the switch port that a NIC is in: of frames without a tag, or with it. */
  setVlan(machine: string, nic: number, vlan: number, way: 'untagged' | 'tagged'): Promise<void>;
  /** Moves a NIC's cable into another port of the leaf switch (1 is `Ethernet1/1`); the cable in there takes its place. */
  plug(machine: string, nic: number, switchPort: number): Promise<void>;
  /** From the machine's next power-on; disks are counted from 0. */
  setDisk(machine: string, disk: number, state: DiskState): Promise<void>;
  runInside(argv: readonly string[], options: RunInsideOptions): Promise<InsideProcess>;
  forwardTcp(forward: TcpForward): Promise<RunningForward>;
  /** Frames and bytes by switch port. */
  counters(): Promise<JsonObject>;
  /** How often each fault of the rack has happened: `{ frames: {…}, bmc: {…} }`. */
  faultCounts(): Promise<JsonObject>;
  /** Resolves when the rack has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Powers everything off and waits until the namespaces are gone. The run directory stays. */
  stop(): Promise<void>;
}

export interface StartRackOptions {
  readonly spec: RackSpec;
  /** Disks, captures, consoles and logs. Made when missing. */
  readonly runDirectory: string;
  /** Default: nothing goes wrong. */
  readonly faults?: RackFaults;
  readonly onEvent: (event: RackEvent) => void;
}

export interface RunInsideOptions {
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output and error, appended. */
  readonly logFile: string;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface InsideProcess {
  /** As the processes of the rack see it. */
  readonly pid: number;
  /** False when it had ended already. */
  kill(signal: NodeJS.Signals): Promise<boolean>;
  readonly exited: Promise<ProcessEnd>;
}

export interface TcpForward {
  /** `127.0.0.1:5000`; port 0 takes a free one. */
  readonly hostListen: string;
  readonly insideAddress: string;
}

export interface RunningForward {
  readonly port: number;
  stop(): Promise<void>;
}

/** The end of a process that was asked to end; the rest is done by the end of its namespace. */
const STOP_MS_MAX = 15_000;

function requireHostPort(text: string): { host: string; port: number } {
  const parsed = parseHostPort(text);
  if (!parsed) throw new RangeError(`${text} is not ADDRESS:PORT`);
  return parsed;
}

async function startForward(relaySocket: string, forward: TcpForward): Promise<RunningForward> {
  const { host, port } = requireHostPort(forward.hostListen);
  requireHostPort(forward.insideAddress);
  const open = new Set<{ destroy(): void }>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const inside = connect({ path: relaySocket, allowHalfOpen: true });
    for (const socket of [client, inside]) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    }
    inside.write(`${forward.insideAddress}\n`);
    joinSockets(client, inside);
  });
  await new Promise<void>((done, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of open) socket.destroy();
      }),
  };
}

export async function startRack(options: StartRackOptions): Promise<Rack> {
  const { spec, onEvent } = options;
  if (process.getuid?.() !== 0) throw new Error('the virtual rack needs root: it makes network, process and mount namespaces');
  const runDirectory = resolve(options.runDirectory);
  mkdirSync(runDirectory, { recursive: true });
  const socketDirectory = mkdtempSync(join(tmpdir(), 'rackwright-'));
  const relaySocket = join(socketDirectory, 'relay');
  const leafTls = createTlsIdentity(spec.leaf.name, Date.now());
  const config: RackConfig = { spec, faults: options.faults ?? {}, runDirectory, socketDirectory, relaySocket, leafTls };
  const configPath = join(runDirectory, 'rack.json');
  // The passwords of BMCs and switch are in it, and its key.
  writeFileSync(configPath, JSON.stringify(config, undefined, 2), { mode: 0o600 });

  const exits = new Map<number, PromiseWithResolvers<ProcessEnd>>();
  const exitOf = (pid: number) => {
    const known = exits.get(pid) ?? Promise.withResolvers<ProcessEnd>();
    exits.set(pid, known);
    return known;
  };
  const link = await openRackLink(configPath, runDirectory, (event) => {
    if (event.kind === 'process-exit') exitOf(event.pid).resolve({ code: event.code, signal: event.signal });
    onEvent(event);
  }).catch((error: unknown) => {
    rmSync(socketDirectory, { recursive: true, force: true });
    throw error;
  });
  const forwards: RunningForward[] = [];
  void link.ended.then(() => {
    for (const { resolve: settle } of exits.values()) settle({ code: null, signal: 'SIGKILL' });
    rmSync(socketDirectory, { recursive: true, force: true });
  });

  return {
    spec,
    runDirectory,
    sparePortSocket: join(socketDirectory, `port-${spec.leaf.sparePort}`),
    nicSocket(machine, nic) {
      const port = spec.machines.find(({ name }) => name === machine)?.nics[nic]?.switchPort;
      if (port === undefined) throw new RangeError(`${machine} has no NIC ${nic}`);
      return join(socketDirectory, `port-${port}`);
    },
    leafCertificate: leafTls.certificatePem,
    async restartLeaf() {
      await link.request({ verb: 'restart-leaf' });
    },
    ended: link.ended,
    async power(machine, action, device = 'none') {
      await link.request({ verb: 'power', machine, action, device });
    },
    async setLink(machine, nic, up) {
      await link.request({ verb: 'link', machine, nic, up });
    },
    async setVlan(machine, nic, vlan, way) {
      await link.request({ verb: 'vlan', machine, nic, vlan, tagged: way === 'tagged' });
    },
    async plug(machine, nic, switchPort) {
      await link.request({ verb: 'plug', machine, nic, switchPort });
    },
    async setDisk(machine, disk, state) {
      await link.request({ verb: 'disk', machine, disk, state });
    },
    async runInside(argv, { env = {}, logFile }) {
      const { pid } = (await link.request({ verb: 'spawn', argv, env, logFile: resolve(logFile) })) as { pid: number };
      return {
        pid,
        exited: exitOf(pid).promise,
        kill: async (signal) => (await link.request({ verb: 'kill', pid, signal }))['delivered'] === true,
      };
    },
    async forwardTcp(forward) {
      const running = await startForward(relaySocket, forward);
      forwards.push(running);
      return running;
    },
    counters: () => link.request({ verb: 'counters' }),
    faultCounts: () => link.request({ verb: 'fault-counts' }),
    async stop() {
      await Promise.all(forwards.splice(0).map((forward) => forward.stop()));
      // A rack that has ended already is stopped.
      const asked = link.request({ verb: 'stop' }).catch(() => {});
      await Promise.race([asked, new Promise((done) => setTimeout(done, STOP_MS_MAX).unref())]);
      link.hangUp();
      await link.ended;
    },
  };
}

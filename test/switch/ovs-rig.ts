import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const READY_MS_MAX = 120_000;

/** A real ovs-vswitchd whose ports are its own dummies: it decides about frames as always, and no kernel is asked. */
export interface OvsRig {
  readonly remote: string;
  vsctl(...args: string[]): Promise<string>;
  /** Ports out of which a broadcast goes that comes in there, with the tag that it has outside (0: none). */
  flood(port: string, tag?: number): Promise<readonly string[]>;
  /** `kill -9` of its database, and a new one. */
  restartDatabase(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOvs(bridge: string, ports: readonly string[]): Promise<OvsRig> {
  const folder = mkdtempSync(join(tmpdir(), 'rackwright-ovs-'));
  const socket = join(folder, 'db.sock');
  const children = new Map<string, ChildProcess>();
  const env = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
  const start = (program: string, args: readonly string[]) => void children.set(program, spawn(program, args, { stdio: 'ignore', env }));
  const end = async (program: string) => {
    const child = children.get(program)!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const startDatabase = async () => {
    rmSync(socket, { force: true });
    start('ovsdb-server', [
      join(folder, 'conf.db'),
      `--remote=punix:${socket}`,
      `--unixctl=${join(folder, 'db.ctl')}`,
      '--log-file=/dev/null',
    ]);
    for (const giveUpAt = Date.now() + READY_MS_MAX; !existsSync(socket);) {
      if (Date.now() > giveUpAt) throw new Error('ovsdb-server does not start');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const vsctl = async (...args: string[]) => (await run('ovs-vsctl', [`--db=unix:${socket}`, '--timeout=20', ...args], { env })).stdout;
  const control = join(folder, 'vswitchd.ctl');
  await run('ovsdb-tool', ['create', join(folder, 'conf.db'), SCHEMA]);
  await startDatabase();
  await vsctl('--no-wait', 'init');
  start('ovs-vswitchd', ['--enable-dummy', '--disable-system', `unix:${socket}`, `--unixctl=${control}`, '--log-file=/dev/null']);
  await vsctl(
    'add-br',
    bridge,
    '--',
    'set',
    'bridge',
    bridge,
    'datapath_type=dummy',
    ...ports.flatMap((port) => ['--', 'add-port', bridge, port, '--', 'set', 'interface', port, 'type=dummy']),
  );
  const appctl = async (...args: string[]) => (await run('ovs-appctl', ['-t', control, ...args], { env })).stdout;
  // `p1 1/2: (dummy)`: its number in the bridge, and that in the path that frames take.
  const shown = [...(await appctl('dpif/show')).matchAll(/^\s+(\S+) (\d+)\/(\d+):/gm)].filter(([, name]) => ports.includes(name!));
  const named = new Map(shown.map(([, name, , outside]) => [outside!, name!]));
  const numberOf = new Map(shown.map(([, name, number]) => [name!, number!]));
  return {
    remote: `unix:${socket}`,
    vsctl,
    async flood(port, tag) {
      const number = numberOf.get(port)!;
      const flow = `in_port=${number},dl_src=52:54:00:00:00:99,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x0800${tag === undefined ? '' : `,dl_vlan=${tag}`}`;
      const stdout = await appctl('ofproto/trace', bridge, flow);
      // The path through the bridge is not for machines; what comes out of it is: `1,push_vlan(vid=7,pcp=0),2,pop_vlan,3`.
      const actions = /Datapath actions: (.*)/.exec(stdout)![1]!;
      let outside = tag ?? 0;
      const out: string[] = [];
      for (const action of actions.split(/,(?![^(]*\))/)) {
        const pushed = /push_vlan\(vid=(\d+)/.exec(action);
        if (pushed !== null) outside = Number(pushed[1]);
        else if (action === 'pop_vlan') outside = 0;
        else if (named.has(action)) out.push(`${named.get(action)}:${outside}`);
      }
      return out.toSorted();
    },
    async restartDatabase() {
      await end('ovsdb-server');
      await startDatabase();
    },
    async stop() {
      for (const program of children.keys()) await end(program);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

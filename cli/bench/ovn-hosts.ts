import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const READY_MS_MAX = 30_000;

/** OVN's databases, its northd and some hosts, each with an ovn-controller of its own. Their switches are OVS's dummies: all of its logic, no device. */
export interface OvnHosts {
  readonly northbound: string;
  readonly southbound: string;
  nbctl(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startOvnHosts(directory: string, hosts: readonly string[]): Promise<OvnHosts> {
  const children: ChildProcess[] = [];
  const stop = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  };
  try {
    return { ...(await start(directory, hosts, children)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(directory: string, hosts: readonly string[], children: ChildProcess[]): Promise<Omit<OvnHosts, 'stop'>> {
  const daemon = (at: string, program: string, ...args: string[]) => {
    mkdirSync(at, { recursive: true });
    const env = { ...process.env, OVS_RUNDIR: at, OVN_RUNDIR: at, OVS_LOGDIR: at, OVN_LOGDIR: at, OVS_DBDIR: at };
    children.push(spawn(program, [...args, `--log-file=${join(at, `${program}.log`)}`], { stdio: 'ignore', env }));
  };
  const database = async (at: string, schema: string) => {
    const socket = join(at, 'db.sock');
    mkdirSync(at, { recursive: true });
    await run('ovsdb-tool', ['create', join(at, 'db'), schema]);
    daemon(at, 'ovsdb-server', join(at, 'db'), `--remote=punix:${socket}`);
    await untilThere(socket);
    return `unix:${socket}`;
  };
  const northbound = await database(join(directory, 'nb'), '/usr/share/ovn/ovn-nb.ovsschema');
  const southbound = await database(join(directory, 'sb'), '/usr/share/ovn/ovn-sb.ovsschema');
  const nbctl = async (...args: string[]) =>
    (await run('ovn-nbctl', [`--db=${northbound}`, '--no-leader-only', '--timeout=60', ...args])).stdout;
  const sbctl = async (...args: string[]) => (await run('ovn-sbctl', [`--db=${southbound}`, '--no-leader-only', ...args])).stdout;
  await nbctl('init');
  await sbctl('init');
  daemon(join(directory, 'northd'), 'ovn-northd', `--ovnnb-db=${northbound}`, `--ovnsb-db=${southbound}`);
  for (const [index, name] of hosts.entries()) {
    const at = join(directory, name);
    const local = await database(at, '/usr/share/openvswitch/vswitch.ovsschema');
    const ids = {
      'system-id': name,
      hostname: name,
      'ovn-remote': southbound,
      'ovn-encap-type': 'geneve',
      'ovn-encap-ip': `127.0.1.${index + 1}`,
    };
    await run('ovs-vsctl', [`--db=${local}`, '--no-wait', 'init']);
    const set = Object.entries(ids).map(([key, value]) => `external-ids:${key}="${value}"`);
    await run('ovs-vsctl', [`--db=${local}`, '--no-wait', 'set', 'open', '.', ...set]);
    daemon(at, 'ovs-vswitchd', local, '--enable-dummy=override', '--disable-system');
    daemon(at, 'ovn-controller', local);
  }
  // `--wait=hv` returns at once while no host has come.
  for (
    const giveUpAt = Date.now() + READY_MS_MAX;
    (await sbctl('--bare', '--columns=name', 'list', 'Chassis')).split('\n').filter(Boolean).length < hosts.length;
  ) {
    if (Date.now() > giveUpAt) throw new Error('the hosts do not come to OVN');
    await pause(50);
  }
  await nbctl('--wait=hv', 'sync');
  return { northbound, southbound, nbctl };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function untilThere(path: string): Promise<void> {
  for (const giveUpAt = Date.now() + READY_MS_MAX; !existsSync(path);) {
    if (Date.now() > giveUpAt) throw new Error(`${path} does not appear`);
    await pause(20);
  }
}

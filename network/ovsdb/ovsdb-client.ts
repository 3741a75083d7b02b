import { EventEmitter } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createJsonStream } from './json-stream-codec.ts';
import { applyUpdates, type Mirror, type TableUpdates } from './ovsdb-mirror.ts';

/*
 * A client of one OVSDB database (RFC 7047, ovsdb-server(7)): a mirror of some tables that is kept current, and transactions. It tries the given servers in
 * turn, keeps the first that answers and starts anew when the connection breaks: a clustered server then sends only what was missed. Any member of a
 * cluster will do, it forwards writes to the leader. A transaction whose connection broke may have happened: its caller looks at the mirror and tries again.
 */
export interface OvsdbOptions {
  /** `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`. */
  readonly remotes: readonly string[];
  readonly database: string;
  /** Table → columns that the mirror has. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string };
  readonly onChange?: () => void;
  readonly onWarning: (fields: object, message: string) => void;
}

export interface OvsdbClient {
  readonly mirror: Mirror;
  /** Resolves when the mirror is whole, also again after a break. */
  ready(): Promise<void>;
  isReady(): boolean;
  /** @throws OvsdbError with the refused operation; OvsdbDisconnected when nobody knows whether it happened */
  transact(operations: readonly Operation[]): Promise<void>;
  /** Resolves when the condition holds over the mirror. @throws when the signal aborts */
  until(condition: (mirror: Mirror) => boolean, signal: AbortSignal): Promise<void>;
  close(): void;
}

export type Operation = Readonly<Record<string, unknown>> & { readonly op: string };

export class OvsdbError extends Error {
  override readonly name = 'OvsdbError';
}
export class OvsdbDisconnected extends Error {
  override readonly name = 'OvsdbDisconnected';
}

const RECONNECT_FIRST_MS = 100;
const RECONNECT_MAX_MS = 8_000;
/** A server that is asked and says nothing for that long is gone (its own probe interval is 5 s). */
const PROBE_MS = 10_000;
const NO_TRANSACTION = '00000000-0000-0000-0000-000000000000';

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export function createOvsdbClient(options: OvsdbOptions): OvsdbClient {
  const { database, onWarning } = options;
  const mirror: Mirror = new Map();
  const events = new EventEmitter().setMaxListeners(0);
  const pending = new Map<number, Pending>();
  let socket: Socket | undefined;
  let nextId = 1;
  let isReady = false;
  let isClosed = false;
  let lastTransaction = NO_TRANSACTION;
  let pauseMs = RECONNECT_FIRST_MS;
  let attempt = 0;

  const changed = () => {
    options.onChange?.();
    events.emit('change');
  };
  const call = (method: string, params: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (socket === undefined) return reject(new OvsdbDisconnected(`there is no connection to ${database}`));
      const id = nextId++;
      pending.set(id, { resolve, reject });
      socket.write(JSON.stringify({ method, params, id }));
    });
  const receive = (message: unknown) => {
    const { id, method, params, result, error } = message as {
      id: number | string | null;
      method?: string;
      params?: unknown[];
      result?: unknown;
      error?: unknown;
    };
    if (method === 'echo') return void socket?.write(JSON.stringify({ id, result: params, error: null }));
    if (method === 'update3') {
      lastTransaction = String(params?.[1]);
      applyUpdates(mirror, params?.[2] as TableUpdates);
      return changed();
    }
    if (method !== undefined) return undefined;
    const waiting = pending.get(id as number);
    pending.delete(id as number);
    return error == null ? waiting?.resolve(result) : waiting?.reject(new OvsdbError(JSON.stringify(error)));
  };
  const start = async () => {
    await call('set_db_change_aware', [true]);
    const wanted = Object.fromEntries(Object.entries(options.tables).map(([table, columns]) => [table, [{ columns }]]));
    const [isKnown, transaction, rows] = (await call('monitor_cond_since', [database, 'rackwright', wanted, lastTransaction])) as [
      boolean,
      string,
      TableUpdates,
    ];
    if (!isKnown) mirror.clear();
    lastTransaction = transaction;
    applyUpdates(mirror, rows);
    isReady = true;
    pauseMs = RECONNECT_FIRST_MS;
    events.emit('ready');
    changed();
  };
  const broken = (why: string) => {
    if (socket === undefined) return;
    socket.destroy();
    socket = undefined;
    isReady = false;
    for (const { reject } of pending.values()) reject(new OvsdbDisconnected(`the connection to ${database} broke: ${why}`));
    pending.clear();
    if (isClosed) return;
    onWarning({ database, why }, 'the connection to an OVSDB broke; trying again');
    setTimeout(open, pauseMs).unref();
    pauseMs = Math.min(pauseMs * 2, RECONNECT_MAX_MS);
  };
  const open = () => {
    if (isClosed) return;
    const stream = createJsonStream();
    const made = connectTo(options.remotes[attempt++ % options.remotes.length]!, options.tls);
    socket = made;
    const isMine = () => socket === made;
    made.setNoDelay?.(true);
    made.once('authorized' in made ? 'secureConnect' : 'connect', () => {
      start().catch((error: Error) => isMine() && broken(error.message));
    });
    made.on('data', (chunk: Buffer) => {
      try {
        for (const message of stream.push(chunk)) receive(message);
      } catch (error) {
        broken((error as Error).message);
      }
    });
    made.on('error', (error) => isMine() && broken(error.message));
    made.on('close', () => isMine() && broken('closed'));
  };
  const probe = setInterval(() => {
    if (!isReady) return;
    const late = setTimeout(() => broken('no answer'), PROBE_MS);
    call('echo', []).then(
      () => clearTimeout(late),
      () => clearTimeout(late),
    );
  }, PROBE_MS);
  probe.unref();
  open();

  return {
    mirror,
    isReady: () => isReady,
    ready: () => (isReady ? Promise.resolve() : new Promise((resolve) => events.once('ready', resolve))),
    async transact(operations) {
      const results = (await call('transact', [database, ...operations])) as ({ error?: string; details?: string } | null)[];
      const at = results.findIndex((one) => one !== null && one.error !== undefined);
      if (at !== -1)
        throw new OvsdbError(
          `${JSON.stringify(operations[at] ?? 'commit').slice(0, 500)}: ${results[at]!.error} ${results[at]!.details ?? ''}`,
        );
    },
    until: (condition, signal) => awaitChange(events, () => isReady && condition(mirror), signal),
    close() {
      isClosed = true;
      clearInterval(probe);
      broken('closed by us');
    },
  };
}

function awaitChange(events: EventEmitter, holds: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (finish: () => void) => {
      events.off('change', look);
      signal.removeEventListener('abort', stop);
      finish();
    };
    const look = () => holds() && end(resolve);
    const stop = () => end(() => reject(signal.reason as Error));
    events.on('change', look);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    else look();
  });
}

function connectTo(remote: string, tls: OvsdbOptions['tls']): Socket {
  const [kind, ...rest] = remote.split(':');
  if (kind === 'unix') return connectTcp(rest.join(':'));
  const port = Number(rest.at(-1));
  const host = rest
    .slice(0, -1)
    .join(':')
    .replace(/^\[|\]$/g, '');
  if (kind === 'tcp') return connectTcp(port, host);
  if (kind !== 'ssl') throw new Error(`${remote} is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT`);
  if (tls === undefined) throw new Error(`${remote} needs a key, a certificate and a CA`);
  // OVN's certificates name no hosts: the CA that signed them is ours alone.
  return connectTls({ host, port, ...tls, checkServerIdentity: () => undefined });
}

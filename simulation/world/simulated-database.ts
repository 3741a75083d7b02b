import { Kysely, PostgresDialect } from 'kysely';
import type { Random } from '../../core/base/random.ts';
import type { Database } from '../../core/database/connect-database.ts';
import type { DatabaseSchema } from '../../core/database/schema-types.ts';
import { openBlockingSession, type BlockingSession, type StatementResult } from '../blocking-session.ts';
import { NOTIFICATION, SEARCH_PATH } from './simulation-schema.ts';
import type { Life, VirtualTime } from './virtual-time.ts';

/*
 * A real PostgreSQL in virtual time. Every statement of every process waits in one queue; one at a time is carried out, the seed says which.
 * A transaction that has begun goes on until it ends, so transactions come one after another; a process dies between any two statements.
 */
export interface SimulatedServer {
  /** The database as a process sees it. */
  databaseOf(life: Life): Database;
  /** Whether a statement waits. */
  hasWork(): boolean;
  /** Carries one out. */
  work(): void;
  /** A process is gone: what it began is rolled back. */
  bury(life: Life): void;
  /** The server is killed: all sessions break, and nobody gets one until `start`. */
  stop(): void;
  start(): void;
  isUp(): boolean;
  /** Beside the queue, in a session of nobody's: for the simulation itself. */
  administer(text: string, values?: readonly unknown[]): StatementResult;
  /** Forgets processes and listeners, and begins another seed. */
  reset(seed: { readonly time: VirtualTime; readonly random: Random }): void;
  readonly counters: { statements: number };
  /** Of all statements so far with their instants, as one number: the same for the same seed. */
  traceHash(): string;
  close(): void;
}

interface Session {
  readonly life: Life;
  /** Goes out with the first statement of the transaction. */
  begin: string | undefined;
  real: RealSession | undefined;
}

interface Statement {
  readonly session: Session;
  readonly text: string;
  readonly values: readonly unknown[];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Notification {
  readonly channel: string;
  readonly payload: string;
}

interface RealSession {
  readonly asks: BlockingSession;
  /** The virtual instant that its clock shows. */
  setAtMs: number;
  /** Told when the transaction commits. */
  untold: Notification[];
}

interface Listener {
  readonly life: Life;
  readonly channel: string;
  onPayload(payload: string): void;
}

/** First key of the product's own presence locks (`core/database/connection/notification-client.ts`). */
const PRESENCE_LOCK_CLASS = 0x5257;
/** A statement that waits for a lock waits for a transaction that waits for it: the product holds one while it asks for another. */
const LOCK_TIMEOUT_MS = 10_000;

/** FNV-1a of 32 bits. */
const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
function fnv(start: number, text: string): number {
  let hash = start;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME) >>> 0;
  return hash;
}

const brokenSession = () => Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });
const noServer = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

export function createSimulatedServer(
  connection: Parameters<typeof openBlockingSession>[0],
  seed: { readonly time: VirtualTime; readonly random: Random },
): SimulatedServer {
  let { time, random } = seed;
  const counters = { statements: 0 };
  const idle: RealSession[] = [];
  const all: RealSession[] = [];
  let waiting: Statement[] = [];
  /** Sessions within a transaction, the newest last. */
  let open: Session[] = [];
  let listeners: Listener[] = [];
  let present = new Map<string, Life>();
  let reconnects: { life: Life; listener: () => void }[] = [];
  let up = true;
  let hash = FNV_START;
  const textHashes = new Map<string, number>();

  const connect = (): RealSession => {
    const untold: Notification[] = [];
    const asks = openBlockingSession(connection, ({ M: message, H: hint = '', D: detail = '' }) => {
      if (message === NOTIFICATION) untold.push({ channel: hint, payload: detail });
    });
    for (const setting of [
      `search_path = ${SEARCH_PATH}`,
      'plan_cache_mode = force_generic_plan',
      'jit = off',
      `lock_timeout = ${LOCK_TIMEOUT_MS}`,
    ])
      asks.query(`set ${setting}`, []);
    const real = { asks, setAtMs: -1, untold };
    all.push(real);
    return real;
  };
  const main = connect();
  idle.push(main);

  /** What has to go before the next statement. */
  const prelude = (real: RealSession, session: Session): string => {
    const nowMs = time.nowMs();
    const clock = real.setAtMs === nowMs ? '' : `set simulation.now = '${new Date(nowMs).toISOString()}';`;
    real.setAtMs = nowMs;
    const { begin = '' } = session;
    session.begin = undefined;
    return clock + begin;
  };
  const note = (text: string) => {
    let known = textHashes.get(text);
    if (known === undefined) textHashes.set(text, (known = fnv(FNV_START, text)));
    hash = Math.imul(hash ^ known ^ (time.nowMs() >>> 0), FNV_PRIME) >>> 0;
  };
  const send = (real: RealSession, session: Session, text: string, values: readonly unknown[]): StatementResult => {
    counters.statements += 1;
    note(text);
    return real.asks.query(text, values, prelude(real, session));
  };
  const tell = (real: RealSession) => {
    for (const { channel, payload } of real.untold.splice(0))
      for (const listener of listeners) {
        if (listener.channel !== channel || !listener.life.alive) continue;
        // On its way a notification may be overtaken by whatever else happens at this moment.
        time
          .clockOf(listener.life)
          .sleep(0)
          .then(() => {
            if (up) listener.onPayload(payload);
          }, undefined);
      }
  };
  const release = (session: Session) => {
    if (session.real !== undefined) idle.push(session.real);
    session.real = undefined;
    open = open.filter((each) => each !== session);
  };

  const carryOut = ({ session, text, values, resolve, reject }: Statement): void => {
    const begins = text === 'begin' || text.startsWith('start transaction');
    const ends = text === 'commit' || text === 'rollback';
    const real = session.real ?? idle.pop() ?? connect();
    if (begins) {
      session.real = real;
      session.begin = text;
      open.push(session);
      return resolve({ command: 'BEGIN', rowCount: null, rows: [] });
    }
    try {
      const result = send(real, session, text, values);
      if (session.real === undefined || text === 'commit') tell(real);
      if (ends) real.untold.length = 0;
      // With the transaction its clock goes back too.
      if (text === 'rollback') real.setAtMs = -1;
      resolve(result);
    } catch (error) {
      if (session.real === undefined) real.untold.length = 0;
      reject(error as Error);
    } finally {
      // One whose transaction the server broke off still ends it, and has none then.
      if (session.real === undefined) idle.push(real);
      else if (ends) release(session);
    }
  };

  const rollBack = (session: Session) => {
    const { real } = session;
    if (real === undefined) return;
    real.asks.query('rollback', []);
    real.setAtMs = -1;
    real.untold.length = 0;
    release(session);
  };
  const lock = (verb: 'lock' | 'unlock', name: string) =>
    main.asks.query(`select pg_advisory_${verb}($1, hashtext($2))`, [PRESENCE_LOCK_CLASS, name]);
  const forget = (name: string) => {
    if (present.delete(name)) lock('unlock', name);
  };

  const poolOf = (life: Life) => ({
    async connect() {
      if (!life.alive) return new Promise<never>(() => {});
      if (!up) throw noServer();
      const session: Session = { life, begin: undefined, real: undefined };
      return {
        query: (text: string, values: readonly unknown[] = []) =>
          new Promise((resolve, reject) => {
            if (!life.alive) return;
            if (!up) return reject(noServer());
            waiting.push({ session, text, values, resolve, reject });
          }),
        release() {},
      };
    },
    async end() {},
  });

  return {
    counters,
    isUp: () => up,
    databaseOf(life) {
      const db = new Kysely<DatabaseSchema>({ dialect: new PostgresDialect({ pool: poolOf(life) as never }) });
      return {
        db,
        listen(channel, onPayload) {
          const listener = { life, channel, onPayload };
          listeners.push(listener);
          return () => void (listeners = listeners.filter((each) => each !== listener));
        },
        async bePresent(name) {
          present.set(name, life);
          lock('lock', name);
          return () => forget(name);
        },
        lead: () => {
          throw new Error('nobody leads in the simulation');
        },
        onReconnect(listener) {
          const entry = { life, listener };
          reconnects.push(entry);
          return () => void (reconnects = reconnects.filter((each) => each !== entry));
        },
        close: async () => {},
      };
    },
    traceHash: () => hash.toString(16),
    hasWork: () => waiting.length > 0,
    work() {
      const inside = open.findLast((session) => waiting.some((statement) => statement.session === session));
      const from = inside === undefined ? waiting : waiting.filter(({ session }) => session === inside);
      const chosen = from.length === 1 ? from[0]! : from[Math.floor(random.unit() * from.length)]!;
      waiting = waiting.filter((statement) => statement !== chosen);
      carryOut(chosen);
    },
    bury(life) {
      waiting = waiting.filter(({ session }) => session.life !== life);
      for (const session of open.filter((each) => each.life === life)) rollBack(session);
      listeners = listeners.filter((each) => each.life !== life);
      reconnects = reconnects.filter((each) => each.life !== life);
      for (const [name, holder] of [...present]) if (holder === life) forget(name);
    },
    stop() {
      up = false;
      const broken = waiting;
      waiting = [];
      for (const session of [...open]) rollBack(session);
      for (const name of present.keys()) lock('unlock', name);
      for (const { reject } of broken) reject(brokenSession());
    },
    start() {
      up = true;
      for (const { life, listener } of reconnects) void time.clockOf(life).sleep(0).then(listener);
      for (const name of present.keys()) lock('lock', name);
    },
    administer: (text, values = []) => main.asks.query(text, values),
    reset(next) {
      for (const session of [...open]) rollBack(session);
      for (const name of [...present.keys()]) forget(name);
      // Else the server has no more to give after some thousand seeds.
      if (idle.length !== all.length) throw new Error(`${all.length - idle.length} sessions of the simulated server were lost`);
      ({ time, random } = next);
      [waiting, open, listeners, reconnects, present, up] = [[], [], [], [], new Map(), true];
      for (const real of all) real.setAtMs = -1;
      hash = FNV_START;
    },
    close() {
      for (const { asks } of all) asks.close();
    },
  };
}

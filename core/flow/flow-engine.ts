import { after, type Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Database } from '../database/connect-database.ts';
import type { FlowDefinition } from './flow-definition.ts';
import { watchAbsentOwners } from './engine/absent-owners.ts';
import { CANCEL_PREFIX, FLOW_CHANNEL, type LeasedFlow } from './engine/flow-row.ts';
import { runFlow } from './engine/flow-runner.ts';
import { claimFlows, pruneEvents, releaseLeases, renewLeases, type KnownKinds } from './engine/flow-store.ts';
import { keepLeases } from './engine/kept-leases.ts';
import type { Run, RunnerCount, RunnerTools } from './engine/run.ts';
import { StepAbort } from './engine/step-call.ts';

/*
 * Runs flows. Any number of engines share one database: each claims what is due, renews its leases, and takes over what
 * a dead engine left: at once when its connection is gone, else when its lease has run out. Woken by NOTIFY, by one timer
 * for the next due flow, and by the heartbeat that renews leases.
 */
export interface FlowEngineOptions {
  readonly database: Database;
  readonly definitions: readonly FlowDefinition[];
  /** Unique among all processes, dead ones included: `host:pid:random`. */
  readonly owner: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leaseMs?: number;
  readonly concurrency?: number;
  /** Errors of the engine itself, not of steps: an unreachable database, a final transaction that threw. */
  readonly onError?: (error: unknown) => void;
}

export type FlowEngineMetrics = Readonly<Record<RunnerCount | 'claimed' | 'takeovers' | 'running', number>>;

export interface FlowEngine {
  /** Resolves when the first look at the database is done. */
  start(): Promise<void>;
  /** Gives running steps a moment to finish, aborts the rest and hands their leases back: within about 3 s. */
  stop(): Promise<void>;
  metrics(): FlowEngineMetrics;
}

const LEASE_DEFAULT_MS = 20_000;
const CONCURRENCY_DEFAULT = 16;
/** Short steps finish in this; then the others are told to stop. */
const STOP_FINISH_MS = 1_200;
/** Over the step calls' own grace after an abort. */
const STOP_ABORT_MS = 1_300;
/** Whoever starts is often the heir of a process that died a moment ago, whose connection the server may still think alive. */
const FIRST_LOOKS = 5;
const FIRST_LOOKS_EVERY_MS = 1_000;
const PRUNE_EVERY_MS = 3_600_000;

export function createFlowEngine(options: FlowEngineOptions): FlowEngine {
  const { database, owner, clock, logger, leaseMs = LEASE_DEFAULT_MS, concurrency = CONCURRENCY_DEFAULT } = options;
  const definitions = new Map(options.definitions.map((definition) => [definition.kind, checkDefinition(definition)]));
  if (definitions.size !== options.definitions.length) throw new Error('Two flow definitions have the same kind.');
  const known: KnownKinds = { kinds: [...definitions.keys()], versions: [...definitions.values()].map(({ version }) => version) };
  const runs = new Map<string, { run: Run; done: Promise<void> }>();
  const counts: Record<RunnerCount | 'claimed' | 'takeovers', number> = {
    claimed: 0,
    takeovers: 0,
    stepsDone: 0,
    stepsRetried: 0,
    stepsFailed: 0,
    undone: 0,
    undoAbandoned: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    stale: 0,
  };
  let stopping = false;
  let pumping: Promise<void> | undefined;
  let wakeAgain = false;
  let cancelDue = () => {};
  let cancelBeat = () => {};
  let forgetPresence = () => {};
  const absentOwners = watchAbsentOwners(database.db, owner);
  let cancelLook = () => {};
  let firstLooks = FIRST_LOOKS;
  let renewing = false;
  let prunedAt = -Infinity;
  const unsubscribe: (() => void)[] = [];
  const kept = keepLeases(database.db, owner);

  const report = (error: unknown, fields: object = {}) => {
    logger.error({ ...fields, err: error }, 'flow engine');
    options.onError?.(error);
  };
  const tools: RunnerTools = {
    database,
    clock,
    logger,
    owner,
    leaseMs,
    count: (name) => counts[name]++,
    report: (error, flow) => report(error, { flowId: flow.id, kind: flow.kind, step: flow.step }),
    keepForLater: kept.add,
  };

  const begin = (flow: LeasedFlow) => {
    counts.claimed++;
    if (flow.previous_owner) counts.takeovers++;
    const run: Run = {
      flow,
      definition: definitions.get(flow.kind)!,
      controller: new AbortController(),
      stopping: false,
      leaseEndsAt: clock.steadyMs() + leaseMs,
    };
    const done = runFlow(tools, run).finally(() => {
      if (runs.get(flow.id)?.run === run) runs.delete(flow.id);
      wake();
    });
    runs.set(flow.id, { run, done });
  };

  /** Claims until nothing is due or all places are taken; then sets the timer for what comes next. */
  const pump = async () => {
    do {
      wakeAgain = false;
      cancelDue();
      const limit = concurrency - runs.size;
      if (limit <= 0 || stopping) return;
      const { flows, nextDueInMs } = await claimFlows(database.db, { owner, leaseMs, limit, known });
      for (const flow of flows) begin(flow);
      if (flows.length === limit) return;
      // Later ones are seen by the heartbeat in time.
      if (nextDueInMs !== undefined && nextDueInMs < leaseMs && !stopping) cancelDue = after(clock, nextDueInMs + 1, wake);
    } while (wakeAgain);
  };

  const wake = () => {
    if (stopping) return;
    wakeAgain = true;
    pumping ??= pump()
      .catch((error: unknown) => {
        wakeAgain = false;
        report(error);
      })
      .then(() => {
        pumping = undefined;
        if (wakeAgain) wake();
      });
  };

  const abort = (run: Run, cause: 'cancel' | 'lease-lost' | 'stop') => run.controller.abort(new StepAbort(cause));

  const renew = async () => {
    if (renewing) return;
    renewing = true;
    const renewed = [...runs.values()].map(({ run }) => ({ run, epoch: run.flow.lease_epoch }));
    try {
      const startedAt = clock.steadyMs();
      const leases =
        renewed.length === 0
          ? new Map<string, never>()
          : await renewLeases(database.db, { owner, leaseMs, ids: renewed.map(({ run }) => run.flow.id) });
      for (const { run, epoch } of renewed) {
        const lease = leases.get(run.flow.id);
        if (lease?.lease_epoch === epoch) {
          run.leaseEndsAt = startedAt + leaseMs;
          // In case its wake was lost.
          if (lease.cancelled && run.flow.status === 'running') abort(run, 'cancel');
        } else if (runs.get(run.flow.id)?.run === run) abort(run, 'lease-lost');
      }
    } catch (error) {
      report(error);
      for (const { run } of renewed) if (clock.steadyMs() > run.leaseEndsAt) abort(run, 'lease-lost');
    } finally {
      renewing = false;
    }
  };

  const lookForAbsent = () => {
    if (stopping) return;
    cancelLook();
    absentOwners.look(clock.steadyMs()).then(
      (due) => {
        if (due) wake();
        const suspectInMs = absentOwners.nextLookInMs(clock.steadyMs());
        const againInMs = suspectInMs ?? (firstLooks-- > 0 ? FIRST_LOOKS_EVERY_MS : undefined);
        if (againInMs !== undefined && !stopping) cancelLook = after(clock, againInMs + 1, lookForAbsent);
      },
      (error: unknown) => report(error),
    );
  };

  const beat = () => {
    cancelBeat = after(clock, leaseMs / 3, beat);
    void renew();
    kept.giveUp();
    wake();
    lookForAbsent();
    if (clock.steadyMs() - prunedAt < PRUNE_EVERY_MS) return;
    prunedAt = clock.steadyMs();
    pruneEvents(database.db).catch((error: unknown) => report(error));
  };

  const onPayload = (payload: string) => {
    const running = payload.startsWith(CANCEL_PREFIX) ? runs.get(payload.slice(CANCEL_PREFIX.length)) : undefined;
    // An undo is not cancelled by a second cancel.
    if (running?.run.flow.status === 'running') abort(running.run, 'cancel');
    wake();
  };

  return {
    async start() {
      forgetPresence = await database.bePresent(owner);
      unsubscribe.push(database.onReconnect(wake), database.onReconnect(kept.giveUp), database.listen(FLOW_CHANNEL, onPayload));
      beat();
      await pumping;
    },
    async stop() {
      stopping = true;
      for (const forget of unsubscribe.splice(0)) forget();
      cancelDue();
      cancelLook();
      await pumping;
      for (const { run } of runs.values()) run.stopping = true;
      const settled = () => Promise.all([...runs.values()].map(({ done }) => done));
      await orAfter(clock, settled(), STOP_FINISH_MS);
      for (const { run } of runs.values()) abort(run, 'stop');
      await orAfter(clock, settled(), STOP_ABORT_MS);
      cancelBeat();
      await releaseLeases(
        database.db,
        owner,
        [...runs.values()].map(({ run }) => run.flow),
      ).catch((error: unknown) => report(error));
      forgetPresence();
    },
    metrics: () => ({ ...counts, running: runs.size }),
  };
}

function checkDefinition(definition: FlowDefinition): FlowDefinition {
  const names = definition.steps.map(({ name }) => name);
  if (names.length === 0) throw new Error(`Flow ${definition.kind} has no steps.`);
  if (new Set(names).size !== names.length) throw new Error(`Flow ${definition.kind} has two steps of one name.`);
  if (!Number.isInteger(definition.version) || definition.version < 1)
    throw new Error(`Flow ${definition.kind}: versions are integers from 1.`);
  return definition;
}

/** Resolves with the promise, or after the time; leaves no timer behind. */
async function orAfter(clock: Clock, promise: Promise<unknown>, ms: number): Promise<void> {
  let cancel = () => {};
  await Promise.race([promise, new Promise<void>((resolve) => (cancel = after(clock, ms, resolve)))]);
  cancel();
}

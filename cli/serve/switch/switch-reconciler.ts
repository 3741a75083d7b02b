import type { Logger } from '../../../core/base/logger.ts';
import type { RecordEvent } from '../../../core/base/machine-event.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { describePort, isApplied, nameOf, wishOf, type SwitchPortFact } from '../../../flows/switch-port-policy.ts';
import { recordOutcomes, recordSwitch, switchPortsOfSwitch, SWITCH_WISH, type PortOutcome } from '../../../flows/switch-port-service.ts';
import { NETWORK_CHANGED } from '../../../network/network-state-record.ts';
import { connectSwitch, type SwitchSettings } from '../../../network/switch/connect-switch.ts';
import { describeVlans, hasSameVlans, SwitchError, type PortVlans, type SwitchDriver } from '../../../network/switch/switch-driver.ts';
import { createWorker } from '../worker.ts';

/*
 * Keeps one switch as the tables want it: the ports that machines are plugged into, and no other. Woken by changes of the tables, by the switch where it tells of
 * its own, and by a look now and then, which finds what was edited by hand or lost in a restart. Everything is the same when done twice; what fails is done again.
 */
export interface SwitchReconciler {
  status(): SwitchStatus;
  stop(): Promise<void>;
}

export interface SwitchStatus {
  readonly name: string;
  /** What keeps the switch from being as the tables want it; null: nothing. */
  readonly waitingFor: string | null;
  /** Milliseconds since the epoch. */
  readonly waitingSinceMs: number | null;
  readonly looks: number;
  readonly changes: number;
  readonly failures: number;
}

/** Changes come in bursts: those of one call arrive within this. */
const GATHER_MS = 5;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** How long an edit by hand, or a switch that restarted with an old configuration, is left as it is at most. */
const LOOK_MS = 15_000;

export function startSwitchReconciler(options: {
  readonly database: Database;
  readonly settings: SwitchSettings;
  readonly record: RecordEvent;
  readonly logger: Logger;
}): SwitchReconciler {
  const { database, settings, record, logger } = options;
  const { name, chassisMac } = settings;
  const abort = new AbortController();
  const counts = { looks: 0, changes: 0, failures: 0 };
  let waiting: { what: string; sinceMs: number } | undefined;
  let isKnown = false;
  let mustLook = true;
  let retryMs = RETRY_FIRST_MS;
  let retry: NodeJS.Timeout | undefined;

  const settle = createWorker({ gatherMs: GATHER_MS }, async () => {
    if (abort.signal.aborted) return;
    if (!isKnown) await identify(driver, settings, database, abort.signal);
    isKnown = true;
    const facts = await switchPortsOfSwitch(database.db, chassisMac);
    if (facts.length > 0 && (mustLook || !facts.every(isSettled))) {
      mustLook = false;
      const outcomes = await carryOut(driver, settings.name, facts, abort.signal);
      counts.changes += outcomes.filter(({ isChanged }) => isChanged).length;
      tell(outcomes, record);
      const news = outcomes.filter(isNews);
      if (news.length > 0) await database.db.transaction().execute((trx) => recordOutcomes(trx, news));
    }
    counts.looks += 1;
    retryMs = RETRY_FIRST_MS;
    if (waiting !== undefined) logger.info({ switch: name, waitedMs: Date.now() - waiting.sinceMs }, 'the switch is as it shall be again');
    waiting = undefined;
  });
  settle.onError((error) => {
    if (abort.signal.aborted) return;
    counts.failures += 1;
    isKnown = false;
    mustLook = true;
    const what = error instanceof SwitchError ? error.message : 'an answer of the database';
    if (waiting?.what !== what) logger.warn({ switch: name, err: error }, 'the switch can not be made as it shall be for now');
    waiting = { what, sinceMs: waiting?.sinceMs ?? Date.now() };
    const nextTryAt = new Date(Date.now() + retryMs);
    clearTimeout(retry);
    retry = setTimeout(() => settle.wake(), retryMs);
    retry.unref();
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    if (error instanceof SwitchError)
      database.db
        .transaction()
        .execute((trx) => recordSwitch(trx, chassisMac, { error: what, nextTryAt }))
        .catch((err: unknown) => logger.warn({ err }, 'what a switch said could not be written down'));
  });
  const lookNow = () => {
    mustLook = true;
    settle.wake();
  };
  // A driver that is told of changes hears its own too: looking once more costs nothing.
  const driver: SwitchDriver = connectSwitch(settings, lookNow);
  const look = setInterval(lookNow, LOOK_MS);
  const ends = [database.listen(SWITCH_WISH, settle.wake), database.listen(NETWORK_CHANGED, settle.wake), database.onReconnect(lookNow)];
  settle.wake();
  return {
    status: () => ({ name, ...counts, waitingFor: waiting?.what ?? null, waitingSinceMs: waiting?.sinceMs ?? null }),
    async stop() {
      abort.abort();
      clearInterval(look);
      clearTimeout(retry);
      for (const end of ends) end();
      settle.stop();
      driver.close();
    },
  };
}

/** By the tables alone: most changes of networks are about no switch port. */
function isSettled(fact: SwitchPortFact): boolean {
  const wish = wishOf(fact);
  return 'problem' in wish ? fact.lastError === wish.problem : isApplied(fact) && fact.differsSince === null;
}

/** The one that is meant, and not another behind its address. */
async function identify(driver: SwitchDriver, settings: SwitchSettings, database: Database, signal: AbortSignal): Promise<void> {
  const { chassisMac, model, software } = await driver.describe(signal);
  if (chassisMac !== settings.chassisMac)
    throw new SwitchError('untrusted', `${settings.name} says that its chassis MAC address is ${chassisMac}, not ${settings.chassisMac}`);
  await database.db.transaction().execute((trx) => recordSwitch(trx, chassisMac, { model, software }));
}

interface Outcome extends PortOutcome {
  readonly isChanged: boolean;
  /** It was as it should be, and is not what we had left. */
  readonly wasEdited: boolean;
}

const wantedOf = (facts: readonly SwitchPortFact[]) =>
  facts.flatMap((fact) => {
    const wish = wishOf(fact);
    return 'vlans' in wish ? [[fact, wish.vlans] as const] : [];
  });

/** Looks, changes what differs, looks again. @throws SwitchError when nothing could be said of any port */
async function carryOut(driver: SwitchDriver, name: string, facts: readonly SwitchPortFact[], signal: AbortSignal): Promise<Outcome[]> {
  const ports = facts.map(({ portId }) => portId);
  const before = await driver.readPorts(ports, signal);
  const differing = wantedOf(facts).filter(([{ portId }, vlans]) => before.has(portId) && !hasSameVlans(before.get(portId)!, vlans));
  const refusals = await write(driver, differing, signal);
  const after = differing.length === 0 ? before : await driver.readPorts(ports, signal);
  const changed = new Set(differing.map(([{ portId }]) => portId).filter((portId) => !refusals.has(portId)));
  return facts.map((fact) => {
    const applied = after.get(fact.portId) ?? null;
    const isChanged = changed.has(fact.portId);
    const found = before.get(fact.portId);
    const wasEdited = fact.differsSince === null && fact.applied !== null && found !== undefined && !hasSameVlans(found, fact.applied);
    return { fact, applied, isChanged, wasEdited, error: errorOf({ ...fact, applied }, name, refusals.get(fact.portId), isChanged) };
  });
}

function errorOf(fact: SwitchPortFact, name: string, refusal: string | undefined, isChanged: boolean): string | null {
  const wish = wishOf(fact);
  if ('problem' in wish) return wish.problem;
  if (fact.applied === null) return `${name} has no switch port ${fact.portId}`;
  if (refusal !== undefined) return refusal;
  if (isApplied(fact)) return null;
  return isChanged ? `${name} took the change and still has ${describeVlans(fact.applied)}` : null;
}

/** All at once; when the switch refuses, machine by machine, so that one's mistake is not the others'. */
async function write(
  driver: SwitchDriver,
  wished: readonly (readonly [SwitchPortFact, PortVlans])[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const refusals = new Map<string, string>();
  const attempt = async (some: typeof wished) => {
    try {
      await driver.writePorts(new Map(some.map(([{ portId }, vlans]) => [portId, vlans])), signal);
    } catch (error) {
      if (!(error instanceof SwitchError) || error.code !== 'refused') throw error;
      for (const [{ portId }] of some) refusals.set(portId, error.message);
    }
  };
  if (wished.length === 0) return refusals;
  await attempt(wished);
  const machines = [...Map.groupBy(wished, ([{ nodeId }]) => nodeId).values()];
  if (refusals.size === 0 || machines.length === 1) return refusals;
  refusals.clear();
  for (const some of machines) await attempt(some);
  return refusals;
}

/** What is as it was before needs no writing. */
const isNews = ({ fact, applied, error }: Outcome): boolean =>
  !(applied === null || fact.applied === null ? applied === fact.applied : hasSameVlans(applied, fact.applied)) ||
  error !== fact.lastError ||
  isApplied({ ...fact, applied }) !== (fact.differsSince === null);

function tell(outcomes: readonly Outcome[], record: RecordEvent): void {
  for (const { fact, applied, isChanged, wasEdited, error } of outcomes) {
    const now = { ...fact, applied, lastError: error };
    const about = { atMs: Date.now(), source: 'switch', machine: { nodeId: fact.nodeId, mac: fact.mac } } as const;
    if (wasEdited)
      record({
        ...about,
        kind: 'switch.edited',
        severity: 'warning',
        message: `Somebody had changed ${nameOf(fact)}: it is as it shall be again`,
      });
    if (isChanged) record({ ...about, kind: 'switch.port', severity: 'info', message: describePort(now) });
    else if (error !== null && error !== fact.lastError)
      record({ ...about, kind: 'switch.refused', severity: 'error', message: describePort(now) });
  }
}

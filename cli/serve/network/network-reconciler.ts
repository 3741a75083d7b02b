import type { Logger } from '../../../core/base/logger.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { keepMetadataPorts } from '../../../network/metadata-port-service.ts';
import { writeHosts } from '../../../network/network-host-service.ts';
import { NETWORK_CHANGED, readNetworkState } from '../../../network/network-state-record.ts';
import { writePortStatus } from '../../../network/port-status-service.ts';
import type { OvsdbOptions } from '../../../network/ovsdb/ovsdb-client.ts';
import { connectNorthbound, type OvnNorthbound } from '../../../network/ovn/ovn-northbound.ts';
import { connectSouthbound, gatewaysOf, type OvnSouthbound } from '../../../network/ovn/ovn-southbound.ts';
import { createWorker, type Worker } from '../worker.ts';

/*
 * Keeps OVN as the tables want it, and the tables as OVN says: which ports are up, which hosts there are. It is woken by changes on
 * either side. Everything that it does is the same when done twice; what fails is done again, and it says what it waits for.
 */
export interface ReconcilerOptions {
  readonly database: Database;
  readonly northbound: Pick<OvsdbOptions, 'remotes' | 'tls'>;
  readonly southbound: Pick<OvsdbOptions, 'remotes' | 'tls'>;
  /** Hosts answer machines for metadata. */
  readonly hasMetadata: boolean;
  readonly logger: Logger;
  /** Called with each new status. */
  onStatus(status: ReconcilerStatus): void;
}

export interface Reconciler {
  status(): ReconcilerStatus;
  stop(): Promise<void>;
}

export interface ReconcilerStatus {
  /** What keeps OVN from being as the tables want it; null: nothing. */
  readonly waitingFor: string | null;
  /** Milliseconds since the epoch. */
  readonly waitingSinceMs: number | null;
  readonly applied: number;
  readonly operations: number;
  readonly failures: number;
  readonly lastMs: number;
}

/** Changes come in bursts: those of one call arrive within this. */
const GATHER_MS = 3;
/**
 * A look at everything costs more the more there is, and under a load of changes each would ask for one: a fifth of the time goes into looks,
 * the rest is the API's. A change that comes alone waits for nothing; no other one waits longer than a person would notice.
 */
const SETTLE_PACE = { gatherMs: GATHER_MS, restFactor: 4, restMsMax: 300 };
const RETRY_MS = 1_000;
/** Nothing is left to this look: it finds what nobody told. */
const SAFETY_LOOK_MS = 60_000;
/** Each is asked for a sign of life; one that gives none is dead in the Network API 75 s after its last (`ALIVE_SECONDS`), so two may be missed. */
const HOST_LOOK_MS = 25_000;

export function startReconciler({ database, northbound: nb, southbound: sb, hasMetadata, logger, onStatus }: ReconcilerOptions): {
  stop(): Promise<void>;
} {
  const counts = { applied: 0, operations: 0, failures: 0, lastMs: 0 };
  let waiting: { what: string; sinceMs: number } | undefined;
  let isStopped = false;
  let upWritten = '';
  const onWarning = (fields: object, message: string) => logger.warn(fields, message);

  const tellStatus = () => onStatus({ ...counts, waitingFor: waiting?.what ?? null, waitingSinceMs: waiting?.sinceMs ?? null });
  const waitFor = (what: string, why?: unknown) => {
    if (waiting?.what === what) return;
    waiting = { what, sinceMs: waiting?.sinceMs ?? Date.now() };
    tellStatus();
    logger.warn({ waitingFor: what, ...(why === undefined ? {} : { err: why }) }, 'networks are not carried out for now');
  };
  const goOn = () => {
    if (waiting === undefined) return;
    logger.info({ waitedMs: Date.now() - waiting.sinceMs }, 'networks are carried out again');
    waiting = undefined;
  };
  const settle = createWorker(SETTLE_PACE, async () => {
    const begun = performance.now();
    if (!southbound.isReady()) waitFor('the southbound database of OVN');
    await southbound.ready();
    // Where routers have their way out is in the tables.
    if (!hostsWritten) await writeAllHosts();
    if (!northbound.isReady()) waitFor('the northbound database of OVN');
    await northbound.ready();
    if (hasMetadata) await keepMetadataPorts(database.db, logger);
    const state = await readNetworkState(database.db);
    const { operations } = await northbound.apply(state);
    upWritten = '';
    tell.wake();
    goOn();
    counts.applied += 1;
    counts.operations += operations;
    counts.lastMs = performance.now() - begun;
    tellStatus();
  });
  const tell = createWorker({ gatherMs: GATHER_MS }, async () => {
    const up = northbound.portsUp();
    const now = [...up].sort().join();
    if (now === upWritten) return;
    const changed = await writePortStatus(database.db, up);
    upWritten = now;
    if (changed > 0) logger.debug({ ports: changed }, 'ports changed their status');
  });
  const hosts = createWorker({ gatherMs: GATHER_MS }, async () => {
    if (southbound.isReady() && (await writeAllHosts())) settle.wake();
  });
  const writeAllHosts = async () => {
    const isChange = await writeHosts(database.db, hostsNow(southbound, sequenceExpected));
    hostsWritten = true;
    return isChange;
  };
  let hostsWritten = false;
  let sequenceAsked = 0;
  let sequenceExpected = 0;
  let hostsSeen = '';

  const retry = (work: Worker, what: string) => (error: unknown) => {
    if (isStopped) return;
    counts.failures += 1;
    tellStatus();
    if ((error as Error).name === 'OvsdbDisconnected') return work.wake();
    waitFor(what, error);
    setTimeout(() => work.wake(), RETRY_MS).unref();
  };
  settle.onError(retry(settle, 'an answer of the database, or OVN’s consent'));
  tell.onError(retry(tell, 'the database'));
  hosts.onError(retry(hosts, 'the database'));

  const southbound: OvnSouthbound = connectSouthbound({
    ...sb,
    onWarning,
    onChange() {
      const text = JSON.stringify(southbound.hosts().map((host) => ({ ...host, sequence: 0 })));
      if (text !== hostsSeen) hosts.wake();
      hostsSeen = text;
    },
  });
  let wasReady = false;
  const northbound: OvnNorthbound = connectNorthbound(
    {
      ...nb,
      onWarning(fields, message) {
        wasReady = false;
        waitFor('the northbound database of OVN');
        onWarning(fields, message);
      },
      onChange() {
        if (!wasReady) settle.wake();
        wasReady = true;
        tell.wake();
      },
    },
    () => gatewaysOf(southbound.hosts()),
  );
  const looks = [
    setInterval(settle.wake, SAFETY_LOOK_MS),
    setInterval(() => {
      sequenceExpected = sequenceAsked;
      hosts.wake();
      if (!northbound.isReady()) return;
      const next = northbound.sequence() + 1;
      northbound.ping().then(
        () => (sequenceAsked = next),
        () => undefined,
      );
    }, HOST_LOOK_MS),
  ];
  const ends = [database.listen(NETWORK_CHANGED, settle.wake), database.onReconnect(settle.wake)];
  settle.wake();
  return {
    async stop() {
      isStopped = true;
      for (const look of looks) clearInterval(look);
      for (const end of ends) end();
      for (const each of [settle, tell, hosts]) each.stop();
      northbound.close();
      southbound.close();
    },
  };
}

/** A host that has carried out what all were asked at the look before lives. */
function hostsNow(southbound: OvnSouthbound, sequence: number) {
  const hosts = southbound.hosts();
  const { chassis } = gatewaysOf(hosts);
  return hosts.map((host) => ({ ...host, isRouting: chassis.includes(host.name), isAlive: host.sequence >= sequence }));
}

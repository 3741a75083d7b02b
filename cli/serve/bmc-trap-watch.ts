import { lookup } from 'node:dns/promises';
import { sql } from 'kysely';
import { BmcError, type BmcConnection } from '../../bmc/capability.ts';
import type { BmcConnector } from '../../bmc/connect-bmc.ts';
import type { PlatformTrap, TrapReceiver } from '../../bmc/platform-trap.ts';
import { systemClock } from '../../core/base/clock.ts';
import { createGate } from '../../core/base/gate.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { Sealer } from '../../core/base/sealer-codec.ts';
import type { Database } from '../../core/database/connect-database.ts';
import { bmcAddresses } from '../../inventory/driver-info-codec.ts';
import { FAKE_DRIVER } from '../../inventory/driver-table.ts';
import { createEventTeller, severityOf } from './bmc-event-teller.ts';
import type { PowerSync } from './power-sync.ts';

/*
 * Has every IPMI BMC send its platform event traps here, in one process of all. A trap is told in the machine's timeline, acknowledged, and never believed: it causes a
 * reading of the power (docs/decisions/0028).
 */
const REFRESH_MS = 15_000;
const ENROLLED_AT_ONCE = 16;
/** A BMC that was reset to factory settings has forgotten us. */
const ENROLL_AGAIN_MS = 6 * 3_600_000;
const ENROLL_RETRY_MS = 5 * 60_000;
/** Filters and policies are read one by one, some hundred requests. */
const ENROLL_MS_MAX = 120_000;
/** Some tell of what is about to happen. */
const CONFIRM_AFTER_MS = 5_000;
const ACKNOWLEDGE_MS_MAX = 10_000;
/** Of one BMC; what comes again was not acknowledged in time. */
const REMEMBERED_MAX = 128;

export interface TrapWatch {
  isBmc(address: string): boolean;
  accept(address: string, trap: PlatformTrap): void;
  metrics(): Record<'trap_bmcs' | 'trap_events' | 'trap_events_not_kept', number>;
  stop(): Promise<void>;
}

interface Options {
  readonly database: Database;
  readonly bmcs: BmcConnector;
  readonly sealer: Sealer;
  /** Whom BMCs shall tell; undefined: somebody else sets them up. */
  readonly receiver: TrapReceiver | undefined;
  readonly sync: PowerSync;
  readonly record: RecordEvent;
  readonly logger: Logger;
}

interface Teller {
  readonly way: string;
  readonly host: string;
  readonly bmc: BmcConnection;
  address: string | undefined;
  enrollAtMs: number;
}

const IDLE = { trap_bmcs: 0, trap_events: 0, trap_events_not_kept: 0 };

export function leadTrapWatch(options: Options): TrapWatch {
  let watch: TrapWatch | undefined;
  const lead = options.database.lead('bmc-traps', () => {
    const mine = startTrapWatch(options);
    watch = mine;
    return async () => {
      watch = undefined;
      await mine.stop();
    };
  });
  return {
    isBmc: (address) => watch?.isBmc(address) ?? false,
    accept: (address, trap) => watch?.accept(address, trap),
    metrics: () => watch?.metrics() ?? IDLE,
    stop: () => lead.stop(),
  };
}

function startTrapWatch(options: Options): TrapWatch {
  const { database, receiver, sync, logger } = options;
  const clock = systemClock;
  const stopping = new AbortController();
  const gate = createGate(ENROLLED_AT_ONCE);
  const told = createEventTeller(options.record);
  const tellers = new Map<string, Teller>();
  /** Several machines may be behind one address, on ports of their own. */
  let byAddress = new Map<string, string[]>();
  const remembered = new Map<string, Set<string>>();
  const within = (ms: number) => AbortSignal.any([stopping.signal, AbortSignal.timeout(ms)]);

  const enroll = async (nodeId: string, teller: Teller, target: TrapReceiver) => {
    const leave = await gate.enter(stopping.signal);
    try {
      const isNew = await teller.bmc.enrollTraps(target, within(ENROLL_MS_MAX));
      if (isNew)
        told.say(nodeId, 'bmc.traps-enrolled', 'info', `the BMC tells ${target.address} of its events from now on`, {
          address: target.address,
        });
      teller.enrollAtMs = clock.nowMs() + ENROLL_AGAIN_MS;
    } catch (error) {
      if (stopping.signal.aborted) return;
      const code = error instanceof BmcError ? error.code : 'protocol';
      const severity = code === 'busy' ? 'warning' : 'debug';
      told.say(nodeId, 'bmc.traps-absent', severity, `the BMC sends us no traps: ${(error as Error).message}`, { outcome: code });
      teller.enrollAtMs = clock.nowMs() + (code === 'unsupported' ? ENROLL_AGAIN_MS : ENROLL_RETRY_MS);
    } finally {
      leave();
    }
  };
  const enrolDue = (target: TrapReceiver) => {
    for (const [nodeId, teller] of tellers)
      if (teller.enrollAtMs <= clock.nowMs()) {
        teller.enrollAtMs = Infinity;
        void enroll(nodeId, teller, target).catch(() => undefined);
      }
  };
  const drop = async (nodeId: string) => {
    const { bmc } = tellers.get(nodeId)!;
    tellers.delete(nodeId);
    told.forget(nodeId);
    await bmc.close();
  };
  const refresh = async () => {
    const nodes = await nodesWithIpmi(database);
    const wanted = new Map(nodes.map((node) => [node.uuid, JSON.stringify([node.driver_info, node.driver_secrets])]));
    await Promise.all([...tellers].filter(([nodeId, { way }]) => wanted.get(nodeId) !== way).map(([nodeId]) => drop(nodeId)));
    for (const node of nodes) {
      if (tellers.has(node.uuid)) continue;
      const address = bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, options.sealer).find(
        ({ protocol }) => protocol === 'ipmi',
      )!;
      const bmc = options.bmcs.connect([address]);
      tellers.set(node.uuid, { way: wanted.get(node.uuid)!, host: address.host, bmc, address: undefined, enrollAtMs: 0 });
    }
    await resolveAll();
    if (receiver !== undefined) enrolDue(receiver);
  };
  /** A name service that is away for a while does not make strangers of them. */
  const resolveAll = async () => {
    await Promise.all(
      [...tellers.values()].map(async (teller) => {
        teller.address = await lookup(teller.host, { family: 4 }).then(
          ({ address }) => address,
          () => teller.address,
        );
      }),
    );
    const next = new Map<string, string[]>();
    for (const [nodeId, { address }] of tellers) if (address !== undefined) next.set(address, [...(next.get(address) ?? []), nodeId]);
    byAddress = next;
    for (const address of remembered.keys()) if (!next.has(address)) remembered.delete(address);
  };
  const isKnown = (address: string, trap: PlatformTrap): boolean => {
    const key = trap.acknowledgement.toString('hex');
    const seen = remembered.get(address) ?? new Set();
    remembered.set(address, seen);
    if (seen.has(key)) return true;
    seen.add(key);
    if (seen.size > REMEMBERED_MAX) seen.delete(seen.values().next().value!);
    return false;
  };

  const warn = (error: unknown) => logger.warn({ err: error }, 'the BMCs that send traps could not be looked after');
  let work: Promise<void> = Promise.resolve();
  const renew = () => void (work = work.then(refresh).catch(warn));
  const timer = setInterval(renew, REFRESH_MS);
  renew();
  return {
    isBmc: (address) => byAddress.has(address),
    accept(address, trap) {
      const isAgain = isKnown(address, trap);
      for (const nodeId of byAddress.get(address) ?? []) {
        tellers
          .get(nodeId)
          ?.bmc.acknowledgeTrap(trap, within(ACKNOWLEDGE_MS_MAX))
          .catch(() => undefined);
        if (isAgain) continue;
        if (told.mayKeep(nodeId)) told.say(nodeId, 'bmc.trap', severityOf(trap), trap.message, evidenceOf(trap));
        sync.wake(nodeId);
        setTimeout(() => sync.wake(nodeId), CONFIRM_AFTER_MS).unref();
      }
    },
    metrics: () => ({ trap_bmcs: byAddress.size, trap_events: told.counters.events, trap_events_not_kept: told.counters.events_not_kept }),
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await work;
      await Promise.all([...tellers.keys()].map(drop));
    },
  };
}

const evidenceOf = (trap: PlatformTrap): JsonObject => ({
  sequence: trap.sequence,
  guid: trap.guid,
  sensorType: trap.sensorType,
  ...(trap.sensorNumber === undefined ? {} : { sensorNumber: trap.sensorNumber }),
  eventType: trap.eventType,
  offset: trap.offset,
  entity: `${trap.entity}.${trap.entityInstance}`,
  ...(trap.atMs === undefined ? {} : { bmcTime: new Date(trap.atMs).toISOString() }),
});

const nodesWithIpmi = (database: Database) =>
  database.db
    .selectFrom('node')
    .select(['uuid', 'driver', 'driver_info', 'driver_secrets'])
    .where('provision_state', 'not in', ['enroll', 'verifying'])
    .where('driver', '<>', FAKE_DRIVER)
    .where(sql<boolean>`driver_info ? 'ipmi_address'`)
    .orderBy('created_at')
    .execute();

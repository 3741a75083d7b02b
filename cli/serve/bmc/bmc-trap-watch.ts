import { BmcError, type BmcConnection } from '../../../bmc/capability.ts';
import type { BmcConnector } from '../../../bmc/connect-bmc.ts';
import { decodePlatformTrap } from '../../../bmc/platform-trap-codec.ts';
import type { PlatformTrap } from '../../../bmc/platform-trap.ts';
import { systemClock } from '../../../core/base/clock.ts';
import { createGate } from '../../../core/base/gate.ts';
import type { JsonObject } from '../../../core/base/json.ts';
import type { Logger } from '../../../core/base/logger.ts';
import { isMalformed } from '../../../core/base/malformed.ts';
import type { RecordEvent } from '../../../core/base/machine-event.ts';
import type { Secret } from '../../../core/base/secret.ts';
import type { Sealer } from '../../../core/base/sealer-codec.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { bmcAddresses } from '../../../inventory/driver-info-codec.ts';
import { addressesOf, nodesWithIpmi } from './bmc-trap-addresses.ts';
import { TRAP_CHANNEL, type RelayedTrap } from './bmc-trap-relay.ts';
import { createTrapWithdrawal, rememberEnrolment } from './bmc-trap-withdrawal.ts';
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
  readonly community: Secret;
  /** Whom the BMC at an address shall tell; undefined: nobody by us. */
  readonly receiverFor: (bmc: string) => string | undefined;
  readonly sync: PowerSync;
  readonly record: RecordEvent;
  readonly logger: Logger;
}

interface Teller {
  readonly way: string;
  readonly node: Awaited<ReturnType<typeof nodesWithIpmi>>[number];
  readonly host: string;
  readonly bmc: BmcConnection;
  addresses: readonly string[];
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
  const { database, community, receiverFor, sync, logger } = options;
  const withdrawUnwanted = createTrapWithdrawal(options);
  const clock = systemClock;
  const stopping = new AbortController();
  const gate = createGate(ENROLLED_AT_ONCE);
  const told = createEventTeller(options.record);
  const tellers = new Map<string, Teller>();
  /** Several machines may be behind one address, on ports of their own. */
  let byAddress = new Map<string, string[]>();
  const remembered = new Map<string, Set<string>>();
  const within = (ms: number) => AbortSignal.any([stopping.signal, AbortSignal.timeout(ms)]);

  const wantedBy = ({ addresses: [first] }: Teller) => (first === undefined ? 'unknown' : receiverFor(first));
  const enroll = async (nodeId: string, teller: Teller, address: string) => {
    const leave = await gate.enter(stopping.signal);
    try {
      const isNew = await teller.bmc.enrollTraps({ address, community }, within(ENROLL_MS_MAX));
      await rememberEnrolment(database, teller.node, address);
      if (isNew) told.say(nodeId, 'bmc.traps-enrolled', 'info', `the BMC tells ${address} of its events from now on`, { address });
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
  const enrolDue = () => {
    for (const [nodeId, teller] of tellers) {
      const target = wantedBy(teller);
      if (target === undefined || target === 'unknown' || teller.enrollAtMs > clock.nowMs()) continue;
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
      tellers.set(node.uuid, { way: wanted.get(node.uuid)!, node, host: address.host, bmc, addresses: [], enrollAtMs: 0 });
    }
    await resolveAll();
    enrolDue();
    const hosts = new Set([...tellers.values()].map(({ host }) => host));
    await withdrawUnwanted(
      (nodeId) => (tellers.has(nodeId) ? wantedBy(tellers.get(nodeId)!) : 'unknown'),
      (host) => hosts.has(host),
      () => within(ENROLL_MS_MAX),
    );
  };
  const resolveAll = async () => {
    await Promise.all(
      [...tellers.values()].map(async (teller) => {
        teller.addresses = await addressesOf(teller.host, teller.addresses);
      }),
    );
    const next = new Map<string, string[]>();
    for (const [nodeId, { addresses }] of tellers)
      for (const address of addresses) next.set(address, [...(next.get(address) ?? []), nodeId]);
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

  const hear = (address: string, trap: PlatformTrap) => {
    if (isKnown(address, trap)) return;
    for (const nodeId of byAddress.get(address) ?? []) {
      if (told.mayKeep(nodeId)) told.say(nodeId, 'bmc.trap', severityOf(trap), trap.message, evidenceOf(trap));
      sync.wake(nodeId);
      setTimeout(() => sync.wake(nodeId), CONFIRM_AFTER_MS).unref();
    }
  };
  /** A process of the boot role near the BMC heard it, and has acknowledged it. */
  const stopRelay = database.listen(TRAP_CHANNEL, (payload) => {
    const { address, bytes } = JSON.parse(payload) as RelayedTrap;
    const trap = decodePlatformTrap(Buffer.from(bytes, 'base64'));
    if (!isMalformed(trap)) hear(address, trap);
  });

  const warn = (error: unknown) => logger.warn({ err: error }, 'the BMCs that send traps could not be looked after');
  let work: Promise<void> = Promise.resolve();
  const renew = () => void (work = work.then(refresh).catch(warn));
  const timer = setInterval(renew, REFRESH_MS);
  renew();
  return {
    isBmc: (address) => byAddress.has(address),
    accept(address, trap) {
      for (const nodeId of byAddress.get(address) ?? [])
        tellers
          .get(nodeId)
          ?.bmc.acknowledgeTrap(trap, within(ACKNOWLEDGE_MS_MAX))
          .catch(() => undefined);
      hear(address, trap);
    },
    metrics: () => ({ trap_bmcs: byAddress.size, trap_events: told.counters.events, trap_events_not_kept: told.counters.events_not_kept }),
    async stop() {
      clearInterval(timer);
      stopRelay();
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

import { sql } from 'kysely';
import type { BmcError } from '../../../bmc/capability.ts';
import type { BmcConnector } from '../../../bmc/connect-bmc.ts';
import type { BmcEvent } from '../../../bmc/event.ts';
import { systemClock } from '../../../core/base/clock.ts';
import type { JsonObject } from '../../../core/base/json.ts';
import type { Logger } from '../../../core/base/logger.ts';
import type { RecordEvent } from '../../../core/base/machine-event.ts';
import type { Sealer } from '../../../core/base/sealer-codec.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import { bmcAddresses } from '../../../inventory/driver-info-codec.ts';
import { FAKE_DRIVER } from '../../../inventory/driver-table.ts';
import { clearPowerSources, setPowerSource, type ToldBy } from '../../../inventory/power-source-service.ts';
import { createGate } from '../../../core/base/gate.ts';
import type { EventEndpoint } from './bmc-event-endpoint.ts';
import { createEventTeller, severityOf } from './bmc-event-teller.ts';
import { startEventLink, type EventLink } from './bmc-event-link.ts';
import type { PowerSync } from './power-sync.ts';

/*
 * Listens to every BMC that tells by itself, in one process of all: what it tells is in the machine's timeline, and its power is known at once.
 */
/** A connection with TLS each. */
export const LINKS_MAX = 2000;
/** Handshakes and logins at once. */
const LINKS_OPENED_AT_ONCE = 16;
const REFRESH_MS = 15_000;
/** A reading after an event's word: what came late, twice or in the wrong order is put right. */
const CONFIRM_AFTER_MS = 5_000;

export interface EventWatch {
  accept(nodeId: string, events: readonly BmcEvent[]): void;
  metrics(): Record<'listening' | 'events' | 'events_not_kept', number>;
  stop(): Promise<void>;
}

interface Listener {
  /** What the link depends on. */
  readonly way: string;
  readonly link: EventLink;
}

interface Options {
  readonly database: Database;
  readonly bmcs: BmcConnector;
  readonly sealer: Sealer;
  readonly endpoint: EventEndpoint | undefined;
  readonly sync: PowerSync;
  readonly record: RecordEvent;
  readonly logger: Logger;
}

/** Of several processes one at a time listens: it alone is named in its subscriptions. */
export function leadEventWatch(options: Options): EventWatch {
  let watch: EventWatch | undefined;
  const lead = options.database.lead('bmc-events', () => {
    const mine = startEventWatch(options);
    watch = mine;
    return async () => {
      watch = undefined;
      await mine.stop();
    };
  });
  return {
    accept: (nodeId, events) => watch?.accept(nodeId, events),
    metrics: () => watch?.metrics() ?? { listening: 0, events: 0, events_not_kept: 0 },
    stop: () => lead.stop(),
  };
}

function startEventWatch(options: Options): EventWatch {
  const { database, logger, sync } = options;
  const clock = systemClock;
  const gate = createGate(LINKS_OPENED_AT_ONCE);
  const listeners = new Map<string, Listener>();
  const teller = createEventTeller(options.record);
  let told = 0;
  /** In order, so that the row says what is so at last. */
  let writing: Promise<void> = Promise.resolve();

  const { say } = teller;

  const onWay = (nodeId: string, way: ToldBy | undefined, before: ToldBy | undefined, problem: BmcError | undefined) => {
    told += Number(way !== undefined) - Number(before !== undefined);
    writing = writing
      .then(() => setPowerSource(database.db, nodeId, way))
      .catch((error: unknown) => logger.warn({ err: error }, 'how a power state is known could not be stored'));
    sync.tells(nodeId, way !== undefined);
    if (way !== undefined) say(nodeId, 'bmc.events-told', 'info', `the BMC tells by itself from now on: ${way}`, { way });
    else if (before !== undefined)
      say(nodeId, 'bmc.events-lost', 'warning', `the BMC's events are lost, its power is read meanwhile: ${problem?.message ?? ''}`);
    else
      say(nodeId, 'bmc.events-absent', 'debug', `the BMC tells nothing by itself: ${problem?.message ?? ''}`, {
        outcome: problem?.code ?? 'ended',
      });
    // What happened while nobody listened.
    if (way !== undefined) sync.wake(nodeId);
  };

  const onEvents = (nodeId: string, events: readonly BmcEvent[]) => {
    for (const event of events) if (teller.mayKeep(nodeId)) say(nodeId, 'bmc.told', severityOf(event), event.message, evidenceOf(event));
    const power = events.findLast((event) => event.power !== undefined)?.power;
    if (power !== undefined) {
      sync.told(nodeId, power);
      setTimeout(() => sync.wake(nodeId), CONFIRM_AFTER_MS).unref();
    } else if (events.some((event) => event.concernsPower)) sync.wake(nodeId);
  };

  const drop = async (nodeId: string) => {
    const { link } = listeners.get(nodeId)!;
    listeners.delete(nodeId);
    teller.forget(nodeId);
    await link.stop();
  };
  const begin = (nodeId: string, address: ReturnType<typeof bmcAddresses>[number]): EventLink => {
    let before: ToldBy | undefined;
    return startEventLink({
      bmc: options.bmcs.connect([address]),
      clock,
      push: options.endpoint?.subscriber(nodeId),
      turn: (signal) => gate.enter(signal),
      onWay: (way, problem) => {
        onWay(nodeId, way, before, problem);
        before = way;
      },
      onEvents: (events) => onEvents(nodeId, events),
    });
  };
  const refresh = async () => {
    const wanted = new Map(
      (await nodesThatMayTell(database)).flatMap((node) => {
        const address = bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, options.sealer).find(
          ({ protocol }) => protocol === 'redfish',
        );
        const way = JSON.stringify([node.driver, node.driver_info, node.driver_secrets]);
        return address === undefined ? [] : [[node.uuid, { address, way }] as const];
      }),
    );
    const outdated = [...listeners].filter(([nodeId, { way }]) => wanted.get(nodeId)?.way !== way);
    await Promise.all(outdated.map(([nodeId]) => drop(nodeId)));
    for (const [nodeId, { address, way }] of wanted)
      if (!listeners.has(nodeId) && listeners.size < LINKS_MAX) listeners.set(nodeId, { way, link: begin(nodeId, address) });
  };

  const warn = (error: unknown) => logger.warn({ err: error }, 'the BMCs that tell by themselves could not be looked after');
  let work: Promise<void> = clearPowerSources(database.db).catch(warn);
  const renew = () => void (work = work.then(refresh).catch(warn));
  const timer = setInterval(renew, REFRESH_MS);
  renew();
  return {
    accept: (nodeId, events) => listeners.get(nodeId)?.link.accept(events),
    metrics: () => ({ listening: told, ...teller.counters }),
    async stop() {
      clearInterval(timer);
      await work;
      await Promise.all([...listeners.keys()].map(drop));
      await writing;
      await clearPowerSources(database.db).catch(warn);
    },
  };
}

const evidenceOf = ({ id, messageId, origin, power }: BmcEvent): JsonObject => ({
  messageId,
  ...(id === '' ? {} : { eventId: id }),
  ...(origin === undefined ? {} : { origin }),
  ...(power === undefined ? {} : { power }),
});

const nodesThatMayTell = (database: Database) =>
  database.db
    .selectFrom('node')
    .select(['uuid', 'driver', 'driver_info', 'driver_secrets'])
    .where('provision_state', 'not in', ['enroll', 'verifying'])
    .where('driver', '<>', FAKE_DRIVER)
    .where(sql<boolean>`driver_info ? 'redfish_address'`)
    .orderBy('created_at')
    .execute();

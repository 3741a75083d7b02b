import { sql } from 'kysely';
import { BmcError } from '../../../bmc/capability.ts';
import type { BmcConnector } from '../../../bmc/connect-bmc.ts';
import type { JsonObject } from '../../../core/base/json.ts';
import type { Logger } from '../../../core/base/logger.ts';
import type { Sealer } from '../../../core/base/sealer-codec.ts';
import type { Database } from '../../../core/database/connect-database.ts';
import type { ConsoleLogs } from '../../../inventory/console-log-files.ts';
import { onConsoleWord, sayOfConsole, SEAT_SILENCE_MS } from '../../../inventory/console-seat-service.ts';
import { bmcAddresses } from '../../../inventory/driver-info-codec.ts';
import { FAKE_DRIVER } from '../../../inventory/driver-table.ts';
import type { NodeRecord } from '../../../inventory/node-record.ts';
import { insertEvents } from '../../../inventory/timeline-store.ts';
import { createConsoleIntake, type ConsoleIntake } from './console-intake.ts';
import { startRecording, type Recording } from './console-recording.ts';

/*
 * Records the console of every node that has `console_enabled`, in one process of all. A person who opens a console gets the
 * BMC's session, and the recorder takes it back afterwards.
 */
/** Each is a session of its own with a socket and a keep-alive every 20 s. */
const CONSOLES_RECORDED_MAX = 1000;
/** Changes are told by a notification; this is for those that were missed, and for nodes that came or went. */
const REFRESH_MS = 30_000;

interface Recorded {
  /** What a new session depends on. */
  readonly way: string;
  readonly recording: Recording;
  readonly intake: ConsoleIntake;
}

interface Options {
  readonly database: Database;
  readonly bmcs: BmcConnector;
  readonly sealer: Sealer;
  readonly logs: ConsoleLogs;
  readonly logger: Logger;
}

/** Of several processes one at a time records. */
export function leadConsoleRecorder(options: Options): { stop(): Promise<void> } {
  return options.database.lead('console', () => {
    const recorder = startConsoleRecorder(options);
    return () => recorder.stop();
  });
}

function startConsoleRecorder(options: Options): { stop(): Promise<void> } {
  const { database, logger, logs } = options;
  const recorded = new Map<string, Recorded>();
  /** Until when a person is believed to be there, by node. */
  const persons = new Map<string, number>();
  let isCrowded = false;

  const drop = async (uuid: string) => {
    const { recording, intake } = recorded.get(uuid)!;
    recorded.delete(uuid);
    await recording.hold();
    await intake.settled();
  };
  const refresh = async () => {
    const nodes = await nodesToRecord(database);
    if (nodes.length > CONSOLES_RECORDED_MAX && !isCrowded)
      logger.warn({ recorded: CONSOLES_RECORDED_MAX }, 'more consoles are enabled than are recorded: the nodes made last are left out');
    isCrowded = nodes.length > CONSOLES_RECORDED_MAX;
    const wanted = new Map(nodes.slice(0, CONSOLES_RECORDED_MAX).map((node) => [node.uuid, node]));
    const outdated = [...recorded].filter(([uuid, { way }]) => way !== wayTo(wanted.get(uuid)));
    await Promise.all(outdated.map(([uuid]) => drop(uuid)));
    for (const [uuid, untilMs] of persons) if (untilMs < Date.now()) leave(uuid);
    for (const node of wanted.values()) if (!recorded.has(node.uuid)) recorded.set(node.uuid, begin(options, node, persons.has(node.uuid)));
    const all = await database.db.selectFrom('node').select('uuid').execute();
    await logs.keepOnly(new Set(all.map(({ uuid }) => uuid)));
  };
  const leave = (uuid: string) => {
    persons.delete(uuid);
    recorded.get(uuid)?.recording.release();
  };
  const giveTo = async (uuid: string) => {
    if (!persons.has(uuid)) recorded.get(uuid)?.intake.mark('a person takes the console, which is not recorded until it is given back');
    persons.set(uuid, Date.now() + SEAT_SILENCE_MS);
    await recorded.get(uuid)?.recording.hold();
    await sayOfConsole(database.db, 'free', uuid);
  };

  let work = Promise.resolve();
  const warn = (error: unknown) => logger.warn({ err: error }, 'the recorded consoles could not be looked after');
  const renew = () => void (work = work.then(refresh).catch(warn));
  const forget = [
    onConsoleWord(database, (word, uuid) => {
      if (word === 'taken') giveTo(uuid).catch(warn);
      else if (word === 'left') leave(uuid);
      else if (word === 'changed') renew();
    }),
    database.onReconnect(renew),
  ];
  const timer = setInterval(renew, REFRESH_MS);
  renew();
  return {
    async stop() {
      clearInterval(timer);
      for (const end of forget) end();
      await work;
      await Promise.all([...recorded.keys()].map(drop));
    },
  };
}

const nodesToRecord = (database: Database): Promise<NodeRecord[]> =>
  database.db
    .selectFrom('node')
    .selectAll()
    .where('console_enabled', '=', true)
    .where('driver', '<>', FAKE_DRIVER)
    .where(sql<boolean>`driver_info <> '{}'`)
    .orderBy('created_at')
    .orderBy('uuid')
    .limit(CONSOLES_RECORDED_MAX + 1)
    .execute() as Promise<NodeRecord[]>;

const wayTo = (node: NodeRecord | undefined): string | undefined =>
  node && JSON.stringify([node.driver, node.driver_info, node.driver_secrets]);

function begin({ database, bmcs, sealer, logs, logger }: Options, node: NodeRecord, isTaken: boolean): Recorded {
  const nodeUuid = node.uuid;
  const bmc = bmcs.connect(bmcAddresses({ ...node, driver_info: node.driver_info as JsonObject }, sealer));
  const intake = createConsoleIntake({ nodeUuid, database, logs, logger });
  let told: string | undefined;
  const tell = (cause: Error, forMs: number) => {
    if (cause.message === told) return;
    told = cause.message;
    const advice = cause instanceof BmcError ? ` ${cause.advice}` : '';
    const message = `The console is not recorded: ${cause.message}.${advice} The next try is in ${Math.round(forMs / 1000)} s.`;
    insertEvents(database.db, [
      { atMs: Date.now(), source: 'console', kind: 'console.unrecorded', severity: 'warning', machine: { nodeId: nodeUuid }, message },
    ]).catch((error: unknown) => logger.warn({ err: error, node: nodeUuid }, message));
  };
  const recording = startRecording({
    open: (signal) => bmc.openConsole(signal, { yields: true }),
    onOpen() {
      told = undefined;
      intake.mark('the recorder has the console');
    },
    onBytes: (bytes) => intake.take(bytes),
    onGap(cause, forMs) {
      intake.mark(`the recorder lost the console: ${cause.message}`);
      tell(cause, forMs);
    },
  });
  if (isTaken) void recording.hold();
  return { way: wayTo(node)!, recording, intake };
}

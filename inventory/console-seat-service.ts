import { sql } from 'kysely';
import type { Database } from '../core/database/connect-database.ts';
import type { Db } from './node-record.ts';

/*
 * A BMC has one console session. A person takes it from the recorder, in whatever process that is, and gives it back; a
 * process that dies with a person at its console is noticed by its silence.
 *   taken UUID   by the API, again every SEAT_REPEAT_MS        free UUID    the recorder has let go
 *   left UUID    the last person went                          changed      consoles were enabled or disabled
 */
const SEAT_CHANNEL = 'console_seat';
const SEAT_REPEAT_MS = 20_000;
/** Two repeats may be lost. */
export const SEAT_SILENCE_MS = 3 * SEAT_REPEAT_MS;
/** A recorder ends a session within a second and a half, also with a BMC that does not answer; without a recorder nobody says free. */
const LET_GO_MS_MAX = 2_000;

export type SeatWord = 'taken' | 'left' | 'free' | 'changed';

export const sayOfConsole = (db: Db, word: SeatWord, nodeUuid = ''): Promise<unknown> =>
  sql`select pg_notify(${SEAT_CHANNEL}, ${`${word} ${nodeUuid}`})`.execute(db);

export const onConsoleWord = (database: Database, hear: (word: SeatWord, nodeUuid: string) => void): (() => void) =>
  database.listen(SEAT_CHANNEL, (payload) => {
    const [word, nodeUuid] = payload.split(' ') as [SeatWord, string];
    hear(word, nodeUuid);
  });

export interface ConsoleSeats {
  /** Resolves when the recorder has let go, or there is none. @returns what gives the console back */
  take(nodeUuid: string): Promise<() => void>;
  close(): void;
}

export function createConsoleSeats(database: Database): ConsoleSeats {
  const waiting = new Map<string, Set<() => void>>();
  const forget = onConsoleWord(database, (word, nodeUuid) => {
    if (word === 'free') for (const go of waiting.get(nodeUuid) ?? []) go();
  });
  /** A word that is lost is only waited for: by LET_GO_MS_MAX here, by SEAT_SILENCE_MS there. */
  const say = (word: SeatWord, nodeUuid: string) => void sayOfConsole(database.db, word, nodeUuid).catch(() => {});
  const repeats = new Set<NodeJS.Timeout>();
  return {
    async take(nodeUuid) {
      const others = waiting.get(nodeUuid) ?? new Set();
      waiting.set(nodeUuid, others);
      await new Promise<void>((resolve) => {
        const go = () => {
          clearTimeout(timer);
          others.delete(go);
          if (others.size === 0) waiting.delete(nodeUuid);
          resolve();
        };
        const timer = setTimeout(go, LET_GO_MS_MAX);
        others.add(go);
        say('taken', nodeUuid);
      });
      const repeat = setInterval(() => say('taken', nodeUuid), SEAT_REPEAT_MS);
      repeats.add(repeat);
      return () => {
        clearInterval(repeat);
        if (repeats.delete(repeat)) say('left', nodeUuid);
      };
    },
    close() {
      forget();
      for (const repeat of repeats) clearInterval(repeat);
      repeats.clear();
    },
  };
}

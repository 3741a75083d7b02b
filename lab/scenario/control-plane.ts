import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InsideProcess, Rack } from '../start-rack.ts';

/** The product's `serve` inside the rack, as an operator's service manager holds it: started, killed, started again. */
export interface ControlPlane {
  /** Resolves when it answers. */
  start(): Promise<void>;
  /** `kill -9`. */
  crash(): Promise<void>;
  stop(): Promise<void>;
  /** Ends that nobody asked for. */
  unexpectedEnds(): number;
}

export interface ControlPlaneSettings {
  readonly rack: Rack;
  readonly argv: readonly string[];
  readonly logFile: string;
  readonly isReady: () => Promise<boolean>;
  /** As a service manager does: one that has been ready is started again when it ends by itself. */
  readonly restarts: boolean;
}

const READY_MS_MAX = 10 * 60_000;
const STOP_MS_MAX = 6_000;
const LOOK_EVERY_MS = 200;
const RESTART_AFTER_MS = 1_000;
const LOG_SHOWN_CHARACTERS = 1_500;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export function createControlPlane(settings: ControlPlaneSettings): ControlPlane {
  const { rack, logFile } = settings;
  let current: InsideProcess | undefined;
  let isWanted = false;
  let unexpected = 0;
  let wasReady = false;

  const logEnd = async () => (await readFile(logFile, 'utf8').catch(() => '')).slice(-LOG_SHOWN_CHARACTERS);

  const launch = async (): Promise<InsideProcess> => {
    const launched = await rack.runInside(settings.argv, { logFile });
    current = launched;
    void launched.exited.then(async () => {
      if (current !== launched || !isWanted || !wasReady) return;
      unexpected += 1;
      if (!settings.restarts) return;
      await pause(RESTART_AFTER_MS);
      if (current === launched && isWanted) await launch();
    });
    return launched;
  };

  return {
    unexpectedEnds: () => unexpected,
    async start() {
      isWanted = true;
      const launched = await launch();
      let hasEnded = false;
      void launched.exited.then(() => (hasEnded = true));
      const giveUpAt = Date.now() + READY_MS_MAX;
      while (!(await settings.isReady())) {
        if (hasEnded && !(wasReady && settings.restarts))
          throw new Error(`the control plane ended while starting; its log ends:\n${await logEnd()}`);
        if (Date.now() > giveUpAt) throw new Error(`the control plane did not get ready; its log ends:\n${await logEnd()}`);
        await pause(LOOK_EVERY_MS);
      }
      wasReady = true;
    },
    async crash() {
      isWanted = false;
      await current?.kill('SIGKILL');
      await current?.exited;
    },
    async stop() {
      isWanted = false;
      await current?.kill('SIGTERM');
      // Unreferenced: a lab whose control plane has stopped shall not wait for the limit.
      await Promise.race([current?.exited, new Promise((resolve) => setTimeout(resolve, STOP_MS_MAX).unref())]);
    },
  };
}

/** The administrator of a data folder that may lie in a file system which only the rack's processes see. */
export async function readAdministrator(rack: Rack, dataDirectory: string): Promise<{ username: string; password: string }> {
  const text = await readFile(join(dataDirectory, 'administrator.json'), 'utf8').catch(async () => {
    const copy = join(rack.runDirectory, 'administrator.json');
    await (
      await rack.runInside(['cp', join(dataDirectory, 'administrator.json'), copy], { logFile: join(rack.runDirectory, 'rack.log') })
    ).exited;
    return readFile(copy, 'utf8');
  });
  return JSON.parse(text) as { username: string; password: string };
}

import type { JsonObject } from '../../core/base/json.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { startProgress } from '../terminal/progress.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { ProductClient } from './api-client.ts';
import { nodePath } from './node-connection.ts';

/** Follows a node until no flow works on it any more, and says on the way what it waits for. */
export interface AwaitOptions {
  /** Ends with exit code 1 when the node settles in another state. */
  readonly wanted?: string;
  /** What tells that it failed; the error is cleared when the work is asked for. Default: the state. */
  readonly failure?: 'state' | 'last_error' | 'none';
  readonly seconds: number;
}

const LOOK_EVERY_MS = 500;

export const WAIT_OPTION = ['--wait [seconds]', 'follow the work to its end; exit code 1 when it fails'] as const;
/** Firmware, ramdisk, a big disk and a slow mirror; what takes longer is asked for with a number. */
const WAIT_SECONDS_DEFAULT = 3600;

export const waitSeconds = (given: string | true | undefined): number | undefined => {
  if (given === undefined) return undefined;
  const seconds = given === true ? WAIT_SECONDS_DEFAULT : Number(given);
  if (!(seconds > 0)) throw new CommandError('--wait takes seconds, such as --wait 600', EXIT_CODE.usage);
  return seconds;
};

export async function awaitNode(terminal: Terminal, client: ProductClient, id: string, options: AwaitOptions): Promise<JsonObject> {
  const progress = startProgress(terminal, Date.now);
  const giveUpAtMs = Date.now() + options.seconds * 1000;
  for (;;) {
    const node = await client.call('GET', `${nodePath(id)}?also=waiting_for`);
    const state = String(node['provision_state']);
    if (node['reservation'] === null) {
      progress.end(`${id} is ${state}`);
      if (hasFailed(node, options))
        throw new CommandError(
          `${id} is ${state}: ${String(node['last_error'] ?? 'no error was given')}`,
          EXIT_CODE.failed,
          `rackwright node explain ${id}`,
        );
      return node;
    }
    const what = String((node['waiting_for'] as JsonObject | null)?.['what'] ?? 'the next step of its work');
    progress.show(`${id} is ${state}: ${what}`);
    if (Date.now() > giveUpAtMs) {
      progress.end();
      throw new CommandError(
        `${id} is still ${state} after ${options.seconds} s, and waits for ${what}`,
        EXIT_CODE.failed,
        `rackwright node explain ${id}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function hasFailed(node: JsonObject, { wanted, failure = 'state' }: AwaitOptions): boolean {
  const state = String(node['provision_state']);
  if (failure === 'last_error') return node['last_error'] !== null;
  return failure === 'state' && (/ failed$|^error$/.test(state) || (wanted !== undefined && state !== wanted));
}

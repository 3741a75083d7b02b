import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../core/base/json.ts';
import type { RackEvent, RackLine, RackVerb } from './rack-message.ts';

/** The lab's end of the rack process: its start, requests with answers, events. */
export interface RackLink {
  request(verb: RackVerb): Promise<JsonObject>;
  /** Resolves when the rack's namespaces are gone. */
  readonly ended: Promise<void>;
  /** Closes the rack's input, which ends it. */
  hangUp(): void;
}

const PROGRAM = fileURLToPath(new URL('../rack-process.ts', import.meta.url));

/**
 * The namespace's first process is a shell that waits: it collects the orphans that daemons leave, which would otherwise look
 * alive for ever, and its end is the end of everything in the namespace.
 */
const FIRST_PROCESS = 'exec 3<&0; "$@" <&3 3<&- & wait $!';

export async function openRackLink(configPath: string, runDirectory: string, onEvent: (event: RackEvent) => void): Promise<RackLink> {
  const logPath = join(runDirectory, 'rack.log');
  const log = openSync(logPath, 'a');
  const namespaces = ['--net', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '--'];
  const first = ['sh', '-c', FIRST_PROCESS, 'rack', process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM, configPath];
  const child = spawn('unshare', [...namespaces, ...first], {
    stdio: ['pipe', 'pipe', log],
    // Ctrl-C at the lab's terminal is for the lab, which ends its rack in order.
    detached: true,
  });
  closeSync(log);
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('unshare has no pipes');
  const waiting = new Map<number, { resolve: (result: JsonObject) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let isOver = false;
  const ready = Promise.withResolvers<void>();
  const ended = new Promise<void>((resolve) => {
    const over = (why: string) => {
      isOver = true;
      const error = new Error(`the rack process ended (${why}); see ${logPath}`);
      ready.reject(error);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      resolve();
    };
    child.once('error', (error) => over(error.message));
    child.once('close', (code, signal) => over(String(signal ?? code)));
  });
  stdin.on('error', () => {});
  createInterface({ input: stdout }).on('line', (text) => {
    const line = JSON.parse(text) as RackLine;
    if (line.kind === 'ready') return ready.resolve();
    if (line.kind !== 'answer' && line.kind !== 'refusal') return onEvent(line);
    const asker = waiting.get(line.id);
    waiting.delete(line.id);
    if (line.kind === 'answer') asker?.resolve(line.result);
    else asker?.reject(new Error(line.reason));
  });
  await ready.promise;
  return {
    ended,
    hangUp: () => void stdin.end(),
    request(verb) {
      if (isOver) return Promise.reject(new Error('the rack is not running any more'));
      lastId += 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        stdin.write(`${JSON.stringify({ ...verb, id })}\n`);
      });
    },
  };
}

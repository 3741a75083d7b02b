import { join } from 'node:path';
import type { Random } from '../../core/base/random.ts';
import type { Fault } from './fault.ts';

/** The database's first files and write-ahead log take about 100 MB. */
const DATA_SIZE = '256m';
const FULL_MS = 15_000;
const TRY_EVERY_MS = 2_000;
/** More than any page has left, and nothing that compresses. */
const bigChange = (random: Random) => [{ op: 'add', path: '/extra/filler', value: random.bytes(100_000).toString('base64') }];

export const fullDisk: Fault = {
  name: 'full-disk',
  part: 'control plane',
  does: 'the data folder is a small file system that is full for 15 seconds of every machine’s first cleaning or deployment',
  expects: 'changes are refused with 503 and the cause, the control plane lives on, and machines reach their goal once there is room',
  breaksApi: true,
  async prepare({ rack, dataDirectory }) {
    const { code } = await runInside(rack, join(rack.runDirectory, 'full-disk.log'), [
      'sh',
      '-c',
      `mkdir -p "$0" && mount -t tmpfs -o size=${DATA_SIZE},mode=755 tmpfs "$0"`,
      dataDirectory,
    ]);
    if (code !== 0) throw new Error('full-disk: the small file system could not be mounted; see full-disk.log');
  },
  async disturb({ rack, dataDirectory, product, random, onStep, inject, problem, say }) {
    const log = join(rack.runDirectory, 'full-disk.log');
    const filler = join(dataDirectory, 'filler');
    let busy = Promise.resolve();
    const filled = new Set<string>();
    const stopWatching = onStep(({ node, state }) => {
      if (filled.has(node) || !['cleaning', 'clean wait', 'deploying', 'wait call-back'].includes(state)) return;
      filled.add(node);
      busy = busy.then(async () => {
        await runInside(rack, log, ['dd', 'if=/dev/zero', `of=${filler}`, 'bs=64k']);
        const what = `the data folder is full while ${node} is ${state}`;
        inject(what);
        say(what);
        const fullUntil = Date.now() + FULL_MS;
        while (Date.now() < fullUntil) {
          const answer = await product.attempt('PATCH', `/nodes/${node}`, bigChange(random));
          say(answer === undefined ? 'a change gets no answer' : `a change is answered ${answer.status} ${answer.message}`);
          if (answer && answer.status >= 500 && !(answer.status === 503 && /space|full/i.test(answer.message)))
            problem(`a change was answered without the cause: ${answer.message}`);
          await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
        }
        await runInside(rack, log, ['rm', '-f', filler]);
        say('the data folder has room again');
      });
    });
    return {
      async stop() {
        stopWatching();
        await busy;
      },
    };
  },
};

async function runInside(rack: Parameters<NonNullable<Fault['prepare']>>[0]['rack'], logFile: string, argv: string[]) {
  return (await rack.runInside(argv, { logFile })).exited;
}

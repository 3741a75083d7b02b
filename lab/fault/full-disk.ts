import { join } from 'node:path';
import type { Fault, FaultScene, PrepareScene } from './fault.ts';

/** The database's first files and write-ahead log take about 100 MB. */
const DATA_SIZE = '256m';
const FULL_MS = 15_000;
const TRY_EVERY_MS = 2_000;
/** More than any page of the database has left, and nothing that compresses. */
const BIG_BYTES = 100_000;
/** Enrolled while the disk is full, and removed again where that worked. */
const PROBE_NAME = 'full-disk-probe';

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
  async disturb(scene) {
    const { rack, dataDirectory, onStep, inject, say } = scene;
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
        await probe(scene, FULL_MS);
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

/** What an operator hears who enrolls a machine now. */
async function probe({ product, random, say, problem }: FaultScene, forMs: number): Promise<void> {
  const until = Date.now() + forMs;
  while (Date.now() < until) {
    const body = { name: PROBE_NAME, driver: 'ipmi', extra: { filler: random.bytes(BIG_BYTES).toString('base64') } };
    const answer = await product.attempt('POST', '/nodes', body);
    say(answer === undefined ? 'an enrolment gets no answer' : `an enrolment is answered ${answer.status} ${answer.message}`);
    if (answer?.status === 200) await product.attempt('DELETE', `/nodes/${PROBE_NAME}`);
    else if (answer && !(answer.status === 503 && /space|full/i.test(answer.message)))
      problem(`a change is refused without the cause: ${answer.message}`);
    await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
  }
}

async function runInside(rack: PrepareScene['rack'], logFile: string, argv: string[]) {
  return (await rack.runInside(argv, { logFile })).exited;
}

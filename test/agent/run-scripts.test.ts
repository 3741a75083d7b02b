import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import type { RunScriptsArgs, ScriptOutcome } from '../../deploy-agent/protocol.ts';
import { AgentFailure } from '../../deploy-agent/agent/control/agent-failure.ts';
import { runScripts } from '../../deploy-agent/agent/steps/run-scripts.ts';
import type { Step, StepContext } from '../../deploy-agent/agent/steps/step.ts';

/** Scripts of one batch, run by the agent's step as processes of this machine. */
type Script = RunScriptsArgs['scripts'][number];
const script = (name: string, body: string, more: Partial<Script> = {}): Script => ({
  name,
  type: 'testing',
  timeoutSeconds: 20,
  perDisk: false,
  content: `#!/bin/sh\n${body}\n`,
  ...more,
});

async function run(
  scripts: readonly Script[],
  stepNamed: (name: string) => Step | undefined = () => undefined,
  signal = new AbortController().signal,
) {
  const disks = {
    list: async () => [
      { name: 'sda', device: '/dev/sda' },
      { name: 'sdb', device: '/dev/sdb' },
    ],
  };
  const context = { clock: systemClock, signal, progress() {}, log() {}, disks } as unknown as StepContext;
  return (await runScripts(stepNamed).run({ scripts: scripts as never }, context)) as unknown as ScriptOutcome[];
}
const one = async (...args: Parameters<typeof run>) => (await run(...args))[0]!;

test('streams, exit status and result', async () => {
  const outcome = await one([script('good', 'echo out; echo err >&2; echo "a: 1" >"$RESULT_PATH"')]);
  assert.deepEqual(
    [outcome.status, outcome.exitStatus, outcome.output, outcome.errorOutput, outcome.result],
    ['passed', 0, 'out\n', 'err\n', 'a: 1\n'],
  );
  const failed = await one([script('bad', 'exit 3')]);
  assert.deepEqual([failed.status, failed.exitStatus, 'result' in failed], ['failed', 3, false]);
});

test('once for each disk, and in JavaScript', async () => {
  const outcomes = await run([
    script('disks', '', { perDisk: true, content: '#!/usr/bin/env node\nconsole.log(process.argv[2], process.env.RACKWRIGHT_STORAGE)\n' }),
  ]);
  assert.deepEqual(
    outcomes.map(({ instance, output }) => [instance, output]),
    [
      ['sda', '--storage=/dev/sda /dev/sda\n'],
      ['sdb', '--storage=/dev/sdb /dev/sdb\n'],
    ],
  );
});

test('what takes too long is ended with all that it started, and the others go on', async () => {
  const [slow, quick] = await run([script('slow', 'sleep 600 & sleep 600', { timeoutSeconds: 0.3 }), script('quick', 'echo done')]);
  assert.equal(slow!.status, 'timed out');
  assert.equal(quick!.status, 'passed');
});

test('a process left behind does not hold the script', async () => {
  const outcome = await one([script('daemon', 'sleep 600 & echo started')]);
  assert.deepEqual([outcome.status, outcome.output], ['passed', 'started\n']);
});

test('of long output the end is kept, as text that a database takes', async () => {
  const outcome = await one([script('loud', `head -c 300000 /dev/zero; printf 'the end'`)]);
  assert.ok(outcome.output.length <= 64 * 1024 && outcome.output.endsWith('the end'));
  assert.ok(!outcome.output.includes('\0'));
});

test("an abort ends all and is the step's end", async () => {
  const plug = new AbortController();
  setTimeout(() => plug.abort(new AgentFailure('aborted', 'enough')), 100);
  await assert.rejects(run([script('slow', 'sleep 600')], undefined, plug.signal), /enough/);
});

test('a step of the agent in place of a text', async () => {
  const steps: Record<string, Step['run']> = {
    burnin_cpu: async (args) => ({ threads: 2, ...args }),
    burnin_memory: async () => {
      throw new AgentFailure('burn-in-failed', 'memory does not keep', { chunk: 1 });
    },
  };
  const stepNamed = (name: string): Step => ({ declarations: [], run: steps[name]! });
  const [cpu, memory] = await run(
    [
      script('cpu', '', { step: { name: 'burnin_cpu', args: { seconds: 1 } } }),
      script('memory', '', { step: { name: 'burnin_memory', args: {} } }),
    ],
    stepNamed,
  );
  assert.deepEqual([cpu!.status, cpu!.result], ['passed', { threads: 2, seconds: 1 }]);
  assert.deepEqual([memory!.status, memory!.errorOutput, memory!.result], ['failed', 'memory does not keep', { chunk: 1 }]);
});

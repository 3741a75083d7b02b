import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../../core/base/json.ts';
import type { InventoryDisk, RunScriptsArgs, ScriptOutcome } from '../../protocol.ts';
import { describeFailure } from '../control/agent-failure.ts';
import type { Step, StepContext } from './step.ts';

/*
 * Commissioning and test scripts of one batch, all at once: texts for sh or node in a folder of their own, or steps of this agent.
 * A script that fails is an outcome, not an error of the step.
 */
type Script = RunScriptsArgs['scripts'][number];
interface Instance {
  readonly script: Script;
  readonly disk: InventoryDisk | undefined;
}

/** Of all streams of a batch together: a report goes up in one piece. JSON may make six bytes of one. */
const OUTPUT_BYTES_MAX = 512 * 1024;
const STREAM_BYTES_MAX = 64 * 1024;
const RESULT_BYTES_MAX = 16 * 1024;
/** After SIGTERM; a script that ignores it is killed. */
const KILL_AFTER_MS = 3000;

/** PostgreSQL's text has no U+0000. */
const clean = (bytes: Buffer): string => bytes.toString('utf8').replaceAll('\0', '\ufffd');

/** Keeps the end of what is written. */
function tail(max: number) {
  let kept = Buffer.alloc(0);
  return {
    push: (chunk: Buffer) => void (kept = Buffer.concat([kept, chunk]).subarray(-max)),
    text: () => clean(kept),
  };
}

export const runScripts = (stepNamed: (name: string) => Step | undefined): Step => ({
  declarations: [
    {
      phase: 'clean',
      interface: 'deploy',
      step: 'run_scripts',
      priority: 0,
      abortable: true,
      rebootRequested: false,
      argsinfo: { names: { description: 'Names of commissioning and test scripts, run at once', required: true } },
    },
  ],
  async run(args, context) {
    const { scripts } = args as unknown as RunScriptsArgs;
    const disks = scripts.some((script) => script.perDisk) ? await context.disks.list() : [];
    const instances = scripts.flatMap((script): Instance[] =>
      script.perDisk ? disks.map((disk) => ({ script, disk })) : [{ script, disk: undefined }],
    );
    const streamBytes = Math.min(STREAM_BYTES_MAX, Math.floor(OUTPUT_BYTES_MAX / (2 * Math.max(1, instances.length))));
    let done = 0;
    const tell = () =>
      context.progress({ phase: `running ${scripts.map(({ name }) => name).join(', ')}`, done, total: instances.length, unit: 'steps' });
    tell();
    const outcomes = await Promise.all(
      instances.map(async (instance) => {
        const outcome =
          instance.script.step === undefined ? await runText(instance, context, streamBytes) : await runStep(instance, context, stepNamed);
        done += 1;
        tell();
        return outcome;
      }),
    );
    context.signal.throwIfAborted();
    return outcomes as unknown as JsonObject[];
  },
});

/** What all outcomes have, with the times around the work. */
async function timed(
  { script, disk }: Instance,
  { clock }: StepContext,
  work: () => Promise<Omit<ScriptOutcome, 'script' | 'type' | 'instance' | 'startedAtMs' | 'endedAtMs'>>,
): Promise<ScriptOutcome> {
  const startedAtMs = clock.nowMs();
  const rest = await work();
  return { script: script.name, type: script.type, instance: disk?.name ?? '', ...rest, startedAtMs, endedAtMs: clock.nowMs() };
}

async function runStep(instance: Instance, context: StepContext, stepNamed: (name: string) => Step | undefined): Promise<ScriptOutcome> {
  const { name, args } = instance.script.step!;
  return timed(instance, context, async () => {
    const limit = AbortSignal.timeout(instance.script.timeoutSeconds * 1000);
    try {
      const result = await stepNamed(name)!.run(args, { ...context, signal: AbortSignal.any([context.signal, limit]), progress: () => {} });
      return { status: 'passed', exitStatus: 0, output: '', errorOutput: '', result };
    } catch (error) {
      const { message, evidence } = describeFailure(error);
      return {
        status: limit.aborted ? 'timed out' : 'failed',
        exitStatus: null,
        output: '',
        errorOutput: message,
        ...(evidence === undefined ? {} : { result: evidence }),
      };
    }
  });
}

async function runText(instance: Instance, context: StepContext, streamBytes: number): Promise<ScriptOutcome> {
  const { script, disk } = instance;
  const folder = await mkdtemp(join(tmpdir(), 'script-'));
  const file = join(folder, 'script');
  const resultPath = join(folder, 'result.yaml');
  try {
    await writeFile(file, script.content, { mode: 0o700 });
    return await timed(instance, context, async () => {
      const ended = await runProcess({
        argv: [
          /^#!.*\bnode\s*$/m.test(script.content.split('\n')[0]!) ? process.execPath : 'sh',
          file,
          ...(disk ? [`--storage=${disk.device}`] : []),
        ],
        environment: { RESULT_PATH: resultPath, RACKWRIGHT_SCRIPT: script.name, ...(disk ? { RACKWRIGHT_STORAGE: disk.device } : {}) },
        folder,
        timeoutMs: script.timeoutSeconds * 1000,
        signal: context.signal,
        streamBytes,
      });
      const result = await readFile(resultPath).catch(() => undefined);
      return { ...ended, ...(result === undefined ? {} : { result: clean(result.subarray(0, RESULT_BYTES_MAX)) }) };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Run {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly streamBytes: number;
}

/** With everything that the script starts: the group ends with it. */
function runProcess(run: Run): Promise<Pick<ScriptOutcome, 'status' | 'exitStatus' | 'output' | 'errorOutput'>> {
  const [command, ...args] = run.argv;
  const [output, errorOutput] = [tail(run.streamBytes), tail(run.streamBytes)];
  const child = spawn(command!, args, {
    cwd: run.folder,
    env: { ...process.env, ...run.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdout.on('data', output.push);
  child.stderr.on('data', errorOutput.push);
  const limit = AbortSignal.timeout(run.timeoutMs);
  const stop = () => endGroup(child);
  for (const signal of [limit, run.signal]) signal.addEventListener('abort', stop, { once: true });
  return new Promise((resolve) => {
    const end = (exitStatus: number | null, problem = '') => {
      run.signal.removeEventListener('abort', stop);
      const status = limit.aborted ? 'timed out' : exitStatus === 0 ? 'passed' : 'failed';
      resolve({ status, exitStatus, output: output.text(), errorOutput: `${errorOutput.text()}${problem}` });
    };
    child.once('error', (error) => end(null, error.message));
    child.once('close', (code, signal) => end(code, signal === null ? '' : `ended by ${signal}`));
    // What the script left in the background holds its streams: it ends with the script.
    child.once('exit', () => killGroup(child, 'SIGKILL'));
  });
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // It has ended already.
  }
}

function endGroup(child: ChildProcess): void {
  killGroup(child, 'SIGTERM');
  setTimeout(() => killGroup(child, 'SIGKILL'), KILL_AFTER_MS).unref();
}

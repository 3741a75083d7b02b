import type { Clock } from '../../../core/base/clock.ts';
import type { Json } from '../../../core/base/json.ts';
import type { AgentCommand, AgentReport, Progress } from '../../protocol.ts';
import type { Step, StepContext } from '../steps/step.ts';
import { AgentFailure, describeFailure } from './agent-failure.ts';

/** A running step says how far it is at most this often, and at least every some seconds, so that an abort arrives. */
const REPORT_INTERVAL_MS = 1000;
const QUIET_REPORT_INTERVAL_MS = 5000;

export type SendProgress = (report: AgentReport) => Promise<{ readonly abort: boolean } | undefined>;

/** Runs one command to its final report: deadline, abort and progress are here; what is done is the step's. */
export async function runCommandToReport(
  command: AgentCommand,
  step: Step | undefined,
  context: Omit<StepContext, 'signal' | 'progress'>,
  sendProgress: SendProgress,
  stop: AbortSignal,
): Promise<AgentReport> {
  const abort = new AbortController();
  const signal = AbortSignal.any([abort.signal, stop]);
  const reporter = reportProgress(
    command,
    context.clock,
    sendProgress,
    () => abort.abort(new AgentFailure('aborted', 'an operator or a deadline gave this step up')),
    signal,
  );
  const deadline = new AbortController();
  const limitMs = Math.max(1, command.timeoutSeconds) * 1000;
  void context.clock.sleep(limitMs, deadline.signal).then(
    () => abort.abort(new AgentFailure('timeout', `${command.step} was not done within ${command.timeoutSeconds} s`)),
    () => {},
  );
  try {
    if (!step) throw new AgentFailure('step-unknown', `this agent has no step called ${String(command.step)}`);
    const result = await raceAbort(step.run(command.args ?? {}, { ...context, signal, progress: reporter.progress }), signal);
    return { commandId: command.id, status: 'succeeded', result };
  } catch (error) {
    const cause = abort.signal.aborted ? abort.signal.reason : error;
    return { commandId: command.id, status: 'failed', error: describeFailure(cause) };
  } finally {
    deadline.abort();
    reporter.stop();
  }
}

/** Steps look at the signal at safe points; after an abort they get this long to reach one. */
const SAFE_POINT_WAIT_MS = 30_000;

async function raceAbort(work: Promise<Json>, signal: AbortSignal): Promise<Json> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  const tooLate = new Promise<never>((_, reject) => {
    onAbort = () => void (timer = setTimeout(() => reject(signal.reason as Error), SAFE_POINT_WAIT_MS));
  });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

function reportProgress(command: AgentCommand, clock: Clock, send: SendProgress, onAbort: () => void, signal: AbortSignal) {
  let latest: Progress | undefined;
  let sent: Progress | undefined;
  let sentAtMs = Number.NEGATIVE_INFINITY;
  const stopped = new AbortController();
  const loop = async () => {
    while (!stopped.signal.aborted && !signal.aborted) {
      const due = latest !== sent ? REPORT_INTERVAL_MS : QUIET_REPORT_INTERVAL_MS;
      if (clock.nowMs() - sentAtMs >= due) {
        sent = latest;
        sentAtMs = clock.nowMs();
        const answer = await send({ commandId: command.id, status: 'running', ...(latest ? { progress: latest } : {}) }).catch(
          () => undefined,
        );
        if (answer?.abort) return onAbort();
      }
      await clock.sleep(REPORT_INTERVAL_MS / 4, stopped.signal).catch(() => {});
    }
  };
  void loop();
  return { progress: (progress: Progress) => void (latest = progress), stop: () => stopped.abort() };
}

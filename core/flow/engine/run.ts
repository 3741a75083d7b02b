import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Database } from '../../database/connect-database.ts';
import type { FlowContext, FlowDefinition } from '../flow-definition.ts';
import type { LeasedFlow } from './flow-row.ts';

export interface RunnerTools {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly owner: string;
  readonly leaseMs: number;
  count(name: RunnerCount): void;
  report(error: unknown, flow: LeasedFlow): void;
  /** A lease that could not be given up, as the database is away: given up when it is back. */
  keepForLater(flow: LeasedFlow): void;
}

export type RunnerCount =
  | 'stepsDone'
  | 'stepsRetried'
  | 'stepsFailed'
  | 'undone'
  | 'undoAbandoned'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'stale';

export interface Run {
  flow: LeasedFlow;
  readonly definition: FlowDefinition;
  /** Of the call that is under way. */
  controller: AbortController;
  /** Set when the lease should be handed back at the next chance. */
  stopping: boolean;
  /** When our lease ends if no renewal succeeds, by the clock's `steadyMs`. */
  leaseEndsAt: number;
}

export function contextOf(tools: RunnerTools, run: Run, signal: AbortSignal): FlowContext {
  const { flow } = run;
  return {
    state: flow.state,
    input: flow.input,
    subjectId: flow.subject_id,
    flowId: flow.id,
    stepId: `${flow.id}/${flow.step}/${flow.attempt_epoch}`,
    attempt: flow.attempt,
    signal,
    clock: tools.clock,
    logger: tools.logger.child({ flowId: flow.id, kind: flow.kind, step: flow.step }),
  };
}

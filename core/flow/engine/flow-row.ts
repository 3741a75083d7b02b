import { sql, type Selectable } from 'kysely';
import type { FlowTable } from '../../database/schema-types.ts';

export type FlowRow = Selectable<FlowTable>;

/** A row that this engine leased, with what only the database's clock can tell. */
export interface LeasedFlow extends FlowRow {
  /** Until the step's deadline, at the moment the row was read; null before the first step. */
  readonly remaining_ms: number | null;
  readonly wait_over: boolean;
  readonly due_now: boolean;
  /** Whose lease had run out, when the claim was a takeover. */
  readonly previous_owner?: string | null;
  /** How long the flow lay there due with nobody to serve it. */
  readonly late_ms: number;
}

/*
 * All instants that engines compare are the database's, so that processes with different clocks agree on who holds a
 * lease and what is due.
 */
export const fromNow = (ms: number) => sql<Date>`now() + ${ms}::float8 * interval '1 millisecond'`;

export const leasedColumns = sql`
  extract(epoch from step_deadline - now())::float8 * 1000 as remaining_ms,
  coalesce(wait_deadline <= now(), false) as wait_over,
  due_at <= now() as due_now`;

/** The one channel: an empty payload says "something is due", `cancel:<flow>` reaches a step that runs. */
export const FLOW_CHANNEL = 'flow_ready';
export const CANCEL_PREFIX = 'cancel:';

import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { Json, JsonObject } from '../base/json.ts';
import type { ComputeTables } from './compute-tables.ts';
import type { IdentityTables } from './identity-tables.ts';
import type { ImageTables } from './image-tables.ts';
import type { InventoryTables } from './inventory-tables.ts';
import type { NetworkTables } from './network-tables.ts';
import type { ObjectTables } from './object-tables.ts';
import type { PlacementTables } from './placement-tables.ts';
import type { SwitchTables } from './switch-tables.ts';

/** One entry per table, named as in PostgreSQL. Rooms above keep their row types next to their stores and join them here. */
export interface DatabaseSchema
  extends IdentityTables, InventoryTables, NetworkTables, PlacementTables, ImageTables, ComputeTables, ObjectTables, SwitchTables {
  flow: FlowTable;
  flow_step: FlowStepTable;
  flow_event: FlowEventTable;
}

type Time = ColumnType<Date, Date | string, Date | string>;
type NullableTime = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
type CreatedTime = ColumnType<Date, Date | string | undefined, Date | string>;
type NullableJson<Value> = ColumnType<Value | null, string | null | undefined, string | null>;

/** What an object that is not at rest waits for; shown to people as it stands. Times are ISO 8601. */
export type WaitingFor = {
  readonly what: string;
  readonly since: string;
  /** Null only while the work is in the queue and no engine has looked at it yet. */
  readonly deadline: string | null;
  readonly next: string;
};

export type FlowStatus = 'running' | 'unwinding' | 'succeeded' | 'failed' | 'cancelled';

/** Why a flow failed, in words an operator can act on. */
export type FlowError = {
  readonly code: string;
  readonly message: string;
  readonly advice: string;
  readonly step: string | null;
  /** Steps whose undo ran out of time: something of theirs may be left. */
  readonly leftBehind?: readonly string[];
};

export interface FlowTable {
  id: Generated<string>;
  kind: string;
  /** 0 until an engine has looked at it for the first time. */
  version: Generated<number>;
  subject_id: string;
  lock_key: string | null;
  status: Generated<FlowStatus>;
  step: string | null;
  attempt: Generated<number>;
  attempt_epoch: Generated<number>;
  failures: Generated<number>;
  takeovers: Generated<number>;
  input: JSONColumnType<JsonObject>;
  state: JSONColumnType<JsonObject, string | undefined>;
  waiting_for: NullableJson<WaitingFor>;
  wait_key: string | null;
  wait_deadline: NullableTime;
  step_deadline: NullableTime;
  due_at: CreatedTime;
  lease_owner: string | null;
  lease_epoch: Generated<number>;
  undo_stack: JSONColumnType<string[], string | undefined>;
  cancel_reason: string | null;
  ending: 'failed' | 'cancelled' | null;
  error: NullableJson<FlowError>;
  created_at: CreatedTime;
  updated_at: CreatedTime;
  ended_at: NullableTime;
}

export type FlowStepOutcomeName =
  | 'done'
  | 'goto'
  | 'wait'
  | 'retry'
  | 'error'
  | 'failed'
  | 'cancelled'
  | 'takeover'
  | 'released'
  | 'undone'
  | 'undo-error'
  | 'undo-abandoned';

export interface FlowStepTable {
  id: Generated<number>;
  flow_id: string;
  step: string | null;
  direction: 'do' | 'undo';
  attempt: number;
  attempt_epoch: number;
  owner: string;
  lease_epoch: number;
  started_at: Time;
  ended_at: CreatedTime;
  outcome: FlowStepOutcomeName;
  evidence: NullableJson<JsonObject>;
}

export interface FlowEventTable {
  id: Generated<number>;
  wait_key: string;
  payload: JSONColumnType<{ value: Json }>;
  idempotency_key: string | null;
  created_at: CreatedTime;
  consumed_by: string | null;
  consumed_at: NullableTime;
}

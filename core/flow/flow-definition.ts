import type { Transaction } from 'kysely';
import type { Clock } from '../base/clock.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { Logger } from '../base/logger.ts';
import type { DatabaseSchema, FlowError } from '../database/schema-types.ts';

/*
 * What a flow is: a table of named steps over a JSON state. Steps are re-run after a crash, so whatever they do outside
 * must be idempotent (`stepId` is made for that); whatever they do inside goes into `commit`, which is in one
 * transaction with the journal and therefore happens once.
 */
export type FlowTransaction = Transaction<DatabaseSchema>;

export interface FlowContext<State extends JsonObject = JsonObject> {
  /** The state as the last committed step left it. Change it through an outcome's `patch`. */
  readonly state: Readonly<State>;
  readonly input: JsonObject;
  readonly subjectId: string;
  readonly flowId: string;
  /** `flow/step/epoch`: the same when a crash re-runs this attempt, another for every new attempt. */
  readonly stepId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborts at the step's deadline, on cancel, on loss of the lease, and when the engine stops. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Written<State extends JsonObject> {
  /** Merged into the state at its top level. */
  readonly patch?: Partial<State>;
  /** For the journal; never a secret. */
  readonly evidence?: JsonObject;
  /** Domain writes in the step's own transaction. May run again when the database asks for a retry: no outside calls. */
  readonly commit?: (trx: FlowTransaction) => Promise<void>;
}

export type StepOutcome<State extends JsonObject = JsonObject> =
  | ({ readonly kind: 'done' } & Written<State>)
  | ({ readonly kind: 'goto'; readonly step: string } & Written<State>)
  /** The flow has succeeded: there is nothing to do for the steps after this one. */
  | ({ readonly kind: 'finish' } & Written<State>)
  /** Parks the flow until `signalFlow(key)`; put the flow's or machine's id into the key. An event that came first is delivered. */
  | ({
      readonly kind: 'wait';
      readonly key: string;
      readonly forMs: number;
      readonly waitingFor?: { readonly what: string; readonly next: string };
    } & Written<State>)
  /** Not yet: looks again later, until the step's deadline. Does not count as a failure. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly because: string; readonly evidence?: JsonObject }
  | { readonly kind: 'fail'; readonly code: string; readonly message: string; readonly advice: string; readonly evidence?: JsonObject };

export interface FlowStep<State extends JsonObject = JsonObject> {
  readonly name: string;
  waitingFor(state: Readonly<State>): { readonly what: string; readonly next: string };
  /** For the work of the step with all its retries; a wait brings its own `forMs`, and its event starts this anew. */
  readonly deadlineMs: number;
  /** How many thrown errors are one too many, and the first back-off (doubles). Default: until the deadline, from 1 s. */
  readonly attempts?: { readonly max: number; readonly backoffMs: number };
  run(ctx: FlowContext<State>): Promise<StepOutcome<State>>;
  /** Default: the event ends the step. */
  onEvent?(ctx: FlowContext<State>, payload: Json): Promise<StepOutcome<State>>;
  /** Default: the flow fails with code `deadline`. */
  onTimeout?(ctx: FlowContext<State>): Promise<StepOutcome<State>>;
  /** Takes back a step that is done, has parked, or was cancelled while running. Idempotent; tried until `deadlineMs`. */
  undo?(ctx: FlowContext<State>): Promise<void>;
}

export interface EndedFlow<State extends JsonObject = JsonObject> {
  readonly id: string;
  readonly kind: string;
  readonly subjectId: string;
  readonly input: JsonObject;
  readonly state: Readonly<State>;
}

/** Use `type` aliases, not interfaces, for `State`: an interface is not a `JsonObject` to TypeScript. */
export interface FlowDefinition<State extends JsonObject = JsonObject> {
  readonly kind: string;
  /** Raise it when the state's shape or the steps change; engines leave flows of a newer version alone. From 1. */
  readonly version: number;
  /** The state of an older version as this one wants it. */
  upgrade?(state: JsonObject, fromVersion: number): State;
  readonly steps: readonly FlowStep<State>[];
  /** In the transaction that ends the flow; failed and cancelled ones come after all undos. */
  onSucceeded?(trx: FlowTransaction, flow: EndedFlow<State>): Promise<void>;
  onFailed?(trx: FlowTransaction, flow: EndedFlow<State>, error: FlowError): Promise<void>;
  onCancelled?(trx: FlowTransaction, flow: EndedFlow<State>, reason: string): Promise<void>;
}

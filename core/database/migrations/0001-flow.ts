import { sql, type Kysely } from 'kysely';

/*
 * `due_at` is the next time that anybody must look at a flow: ready = now or after a back-off, parked = when the wait
 * ends, leased = when the lease ends. So one partial index serves work, timeouts and takeovers.
 */
const statements = [
  `create table flow (
    id uuid primary key default gen_random_uuid(),
    kind text not null,
    version integer not null default 0,
    subject_id text not null,
    lock_key text,
    status text not null default 'running' constraint flow_status_known check (status in ('running', 'unwinding', 'succeeded', 'failed', 'cancelled')),
    step text,
    attempt integer not null default 1,
    attempt_epoch integer not null default 0,
    failures integer not null default 0,
    takeovers integer not null default 0,
    input jsonb not null,
    state jsonb not null default '{}',
    waiting_for jsonb,
    wait_key text,
    wait_deadline timestamptz,
    step_deadline timestamptz,
    due_at timestamptz not null default now(),
    lease_owner text,
    lease_epoch integer not null default 0,
    undo_stack jsonb not null default '[]',
    cancel_reason text,
    ending text constraint flow_ending_known check (ending in ('failed', 'cancelled')),
    error jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    ended_at timestamptz,
    constraint flow_active_says_what_it_waits_for check ((status in ('running', 'unwinding')) = (waiting_for is not null)),
    constraint flow_ended_is_free check (status in ('running', 'unwinding') or (lease_owner is null and wait_key is null and ended_at is not null)),
    constraint flow_unwinding_knows_its_end check (status <> 'unwinding' or ending is not null),
    constraint flow_wait_has_deadline check ((wait_key is null) = (wait_deadline is null))
  )`,
  `create unique index flow_one_active_per_lock on flow (lock_key) where status in ('running', 'unwinding')`,
  `create index flow_due on flow (due_at) where status in ('running', 'unwinding')`,
  `create index flow_parked on flow (wait_key) where wait_key is not null`,
  `create index flow_subject on flow (subject_id, created_at)`,
  `create table flow_step (
    id bigint generated always as identity primary key,
    flow_id uuid not null references flow (id) on delete cascade,
    step text,
    direction text not null constraint flow_step_direction_known check (direction in ('do', 'undo')),
    attempt integer not null,
    attempt_epoch integer not null,
    owner text not null,
    lease_epoch integer not null,
    started_at timestamptz not null,
    ended_at timestamptz not null default now(),
    outcome text not null,
    evidence jsonb
  )`,
  `create index flow_step_of_flow on flow_step (flow_id, id)`,
  `create table flow_event (
    id bigint generated always as identity primary key,
    wait_key text not null,
    payload jsonb not null,
    idempotency_key text,
    created_at timestamptz not null default now(),
    consumed_by uuid references flow (id) on delete set null,
    consumed_at timestamptz,
    constraint flow_event_once unique (wait_key, idempotency_key)
  )`,
  `create index flow_event_waiting on flow_event (wait_key, id) where consumed_at is null`,
  `create index flow_event_age on flow_event (created_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

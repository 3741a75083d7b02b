create table flow (
  id uuid not null default gen_random_uuid(),
  kind text not null,
  version integer not null default 0,
  subject_id text not null,
  lock_key text,
  status text not null default 'running'::text,
  step text,
  attempt integer not null default 1,
  attempt_epoch integer not null default 0,
  failures integer not null default 0,
  takeovers integer not null default 0,
  input jsonb not null,
  state jsonb not null default '{}'::jsonb,
  waiting_for jsonb,
  wait_key text,
  wait_deadline timestamp with time zone,
  step_deadline timestamp with time zone,
  due_at timestamp with time zone not null default now(),
  lease_owner text,
  lease_epoch integer not null default 0,
  undo_stack jsonb not null default '[]'::jsonb,
  cancel_reason text,
  ending text,
  error jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  constraint flow_active_says_what_it_waits_for CHECK (((status = ANY (ARRAY['running'::text, 'unwinding'::text])) = (waiting_for IS NOT NULL))),
  constraint flow_ended_is_free CHECK (((status = ANY (ARRAY['running'::text, 'unwinding'::text])) OR ((lease_owner IS NULL) AND (wait_key IS NULL) AND (ended_at IS NOT NULL)))),
  constraint flow_ending_known CHECK ((ending = ANY (ARRAY['failed'::text, 'cancelled'::text]))),
  constraint flow_pkey PRIMARY KEY (id),
  constraint flow_status_known CHECK ((status = ANY (ARRAY['running'::text, 'unwinding'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text]))),
  constraint flow_unwinding_knows_its_end CHECK (((status <> 'unwinding'::text) OR (ending IS NOT NULL))),
  constraint flow_wait_has_deadline CHECK (((wait_key IS NULL) = (wait_deadline IS NULL)))
);
CREATE INDEX flow_due ON public.flow USING btree (due_at) WHERE (status = ANY (ARRAY['running'::text, 'unwinding'::text]));
CREATE UNIQUE INDEX flow_one_active_per_lock ON public.flow USING btree (lock_key) WHERE (status = ANY (ARRAY['running'::text, 'unwinding'::text]));
CREATE INDEX flow_parked ON public.flow USING btree (wait_key) WHERE (wait_key IS NOT NULL);
CREATE INDEX flow_subject ON public.flow USING btree (subject_id, created_at);

create table flow_event (
  id bigint not null generated always as identity,
  wait_key text not null,
  payload jsonb not null,
  idempotency_key text,
  created_at timestamp with time zone not null default now(),
  consumed_by uuid,
  consumed_at timestamp with time zone,
  constraint flow_event_consumed_by_fkey FOREIGN KEY (consumed_by) REFERENCES flow(id) ON DELETE SET NULL,
  constraint flow_event_once UNIQUE (wait_key, idempotency_key),
  constraint flow_event_pkey PRIMARY KEY (id)
);
CREATE INDEX flow_event_age ON public.flow_event USING btree (created_at);
CREATE INDEX flow_event_waiting ON public.flow_event USING btree (wait_key, id) WHERE (consumed_at IS NULL);

create table flow_step (
  id bigint not null generated always as identity,
  flow_id uuid not null,
  step text,
  direction text not null,
  attempt integer not null,
  attempt_epoch integer not null,
  owner text not null,
  lease_epoch integer not null,
  started_at timestamp with time zone not null,
  ended_at timestamp with time zone not null default now(),
  outcome text not null,
  evidence jsonb,
  constraint flow_step_direction_known CHECK ((direction = ANY (ARRAY['do'::text, 'undo'::text]))),
  constraint flow_step_flow_id_fkey FOREIGN KEY (flow_id) REFERENCES flow(id) ON DELETE CASCADE,
  constraint flow_step_pkey PRIMARY KEY (id)
);
CREATE INDEX flow_step_of_flow ON public.flow_step USING btree (flow_id, id);

create table agent_command (
  id text not null,
  node_uuid uuid not null,
  step text not null,
  args text not null,
  timeout_seconds integer not null,
  status text not null default 'queued'::text,
  progress jsonb,
  result jsonb,
  error jsonb,
  abort boolean not null default false,
  created_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  constraint agent_command_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint agent_command_pkey PRIMARY KEY (id),
  constraint agent_command_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text])))
);
CREATE INDEX agent_command_open ON public.agent_command USING btree (node_uuid, created_at) WHERE (status = ANY (ARRAY['queued'::text, 'running'::text]));

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

create table inspection (
  node_uuid uuid not null,
  version integer not null,
  taken_at timestamp with time zone not null default now(),
  document jsonb not null,
  changes jsonb not null default '[]'::jsonb,
  constraint inspection_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint inspection_pkey PRIMARY KEY (node_uuid, version)
);

create table lease (
  ip_address text not null,
  mac text not null,
  client_id text,
  subnet_id text not null,
  state text not null,
  hostname text,
  architecture integer,
  expires_at timestamp with time zone not null,
  sequence bigint not null,
  constraint lease_pkey PRIMARY KEY (ip_address)
);
CREATE INDEX lease_mac ON public.lease USING btree (mac);

create table machine_event (
  id bigint not null generated always as identity,
  at timestamp with time zone not null,
  node_uuid uuid,
  mac text,
  ip_address text,
  bmc_address text,
  source text not null,
  kind text not null,
  severity text not null,
  message text not null,
  evidence jsonb not null default '{}'::jsonb,
  correlation_id text,
  constraint machine_event_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint machine_event_pkey PRIMARY KEY (id)
);
CREATE INDEX machine_event_mac ON public.machine_event USING btree (mac, id) WHERE (node_uuid IS NULL);
CREATE INDEX machine_event_node ON public.machine_event USING btree (node_uuid, id);

create table node (
  uuid uuid not null default gen_random_uuid(),
  name text,
  driver text not null,
  provision_state text not null default 'enroll'::text,
  target_provision_state text,
  provision_updated_at timestamp with time zone,
  power_state text,
  target_power_state text,
  maintenance boolean not null default false,
  maintenance_reason text,
  fault text,
  last_error text,
  driver_info jsonb not null default '{}'::jsonb,
  driver_secrets text,
  properties jsonb not null default '{}'::jsonb,
  instance_info jsonb not null default '{}'::jsonb,
  configdrive text,
  instance_uuid uuid,
  extra jsonb not null default '{}'::jsonb,
  resource_class text,
  description text,
  owner text,
  boot_kind text not null default 'agent'::text,
  boot_reason text not null default 'nothing is known about this machine yet'::text,
  agent_token_hash text,
  agent_seen_at timestamp with time zone,
  agent_version text,
  system_uuid text,
  serials jsonb not null default '[]'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint node_boot_kind_check CHECK ((boot_kind = ANY (ARRAY['agent'::text, 'disk'::text, 'hold'::text]))),
  constraint node_instance_uuid_key UNIQUE (instance_uuid),
  constraint node_name_key UNIQUE (name),
  constraint node_pkey PRIMARY KEY (uuid)
);
CREATE INDEX node_provision_state ON public.node USING btree (provision_state);
CREATE UNIQUE INDEX node_system_uuid ON public.node USING btree (system_uuid) WHERE (system_uuid IS NOT NULL);

create table port (
  uuid uuid not null default gen_random_uuid(),
  node_uuid uuid not null,
  address text not null,
  pxe_enabled boolean not null default true,
  physical_network text,
  local_link_connection jsonb not null default '{}'::jsonb,
  extra jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint port_address_check CHECK ((address ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'::text)),
  constraint port_address_key UNIQUE (address),
  constraint port_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint port_pkey PRIMARY KEY (uuid)
);
CREATE INDEX port_node ON public.port USING btree (node_uuid);

create table setting (
  name text not null,
  sealed text not null,
  constraint setting_pkey PRIMARY KEY (name)
);

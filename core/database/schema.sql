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

create table aggregate (
  id bigint not null generated always as identity,
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint aggregate_name UNIQUE (name),
  constraint aggregate_pkey PRIMARY KEY (id)
);

create table aggregate_host (
  aggregate_id bigint not null,
  host text not null,
  constraint aggregate_host_aggregate_id_fkey FOREIGN KEY (aggregate_id) REFERENCES aggregate(id),
  constraint aggregate_host_pkey PRIMARY KEY (aggregate_id, host)
);
CREATE INDEX aggregate_host_of ON public.aggregate_host USING btree (host);

create table allocation (
  uuid uuid not null default gen_random_uuid(),
  name text,
  node_uuid uuid,
  resource_class text,
  traits jsonb not null default '[]'::jsonb,
  candidate_nodes jsonb not null default '[]'::jsonb,
  state text not null default 'allocating'::text,
  last_error text,
  owner text,
  extra jsonb not null default '{}'::jsonb,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  pool_uuid uuid,
  zone_uuid uuid,
  constraint allocation_name_key UNIQUE (name),
  constraint allocation_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid),
  constraint allocation_node_uuid_key UNIQUE (node_uuid),
  constraint allocation_pkey PRIMARY KEY (uuid),
  constraint allocation_pool_uuid_fkey FOREIGN KEY (pool_uuid) REFERENCES pool(uuid),
  constraint allocation_state_known CHECK ((state = ANY (ARRAY['allocating'::text, 'active'::text, 'error'::text]))),
  constraint allocation_zone_uuid_fkey FOREIGN KEY (zone_uuid) REFERENCES zone(uuid)
);

create table bios_setting (
  node_uuid uuid not null,
  name text not null,
  value text,
  attribute_type text,
  allowable_values jsonb not null default '[]'::jsonb,
  lower_bound integer,
  upper_bound integer,
  min_length integer,
  max_length integer,
  read_only boolean,
  reset_required boolean,
  is_unique boolean,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint bios_setting_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint bios_setting_pkey PRIMARY KEY (node_uuid, name)
);

create table boot_network (
  cidr text not null,
  epoch bigint not null,
  slots jsonb not null,
  constraint boot_network_pkey PRIMARY KEY (cidr)
);

create table boot_server (
  cidr text not null,
  address text not null,
  held_epoch bigint not null,
  is_bounded boolean not null,
  lease_seconds integer not null,
  status jsonb not null,
  seen_at timestamp with time zone not null default now(),
  started_at timestamp with time zone not null,
  constraint boot_server_cidr_fkey FOREIGN KEY (cidr) REFERENCES boot_network(cidr) ON DELETE CASCADE,
  constraint boot_server_pkey PRIMARY KEY (cidr, address)
);

create table chassis (
  uuid uuid not null default gen_random_uuid(),
  description text,
  extra jsonb not null default '{}'::jsonb,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint chassis_pkey PRIMARY KEY (uuid)
);

create table compute_host (
  name text not null,
  disabled boolean not null default false,
  disabled_reason text,
  forced_down boolean not null default false,
  updated_at timestamp with time zone not null default now(),
  constraint compute_host_pkey PRIMARY KEY (name)
);

create table compute_quota (
  project_id text not null,
  user_id text not null default ''::text,
  resource text not null,
  most integer not null,
  constraint compute_quota_pkey PRIMARY KEY (project_id, user_id, resource)
);

create table compute_quota_class (
  name text not null,
  resource text not null,
  most integer not null,
  constraint compute_quota_class_pkey PRIMARY KEY (name, resource)
);

create table conductor (
  hostname text not null,
  conductor_group text not null default ''::text,
  drivers jsonb not null,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint conductor_pkey PRIMARY KEY (hostname)
);

create table deploy_template (
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  steps jsonb not null,
  extra jsonb not null default '{}'::jsonb,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint deploy_template_name_key UNIQUE (name),
  constraint deploy_template_pkey PRIMARY KEY (uuid)
);

create table firmware_component (
  node_uuid uuid not null,
  component text not null,
  initial_version text,
  current_version text,
  last_version_flashed text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint firmware_component_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint firmware_component_pkey PRIMARY KEY (node_uuid, component)
);

create table flavor (
  seq bigint not null generated always as identity,
  id text not null,
  name text not null,
  description text,
  ram integer not null,
  vcpus integer not null,
  disk integer not null,
  ephemeral integer not null default 0,
  swap integer not null default 0,
  rxtx_factor double precision not null default 1,
  is_public boolean not null default true,
  extra_specs jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint flavor_id UNIQUE (id),
  constraint flavor_name UNIQUE (name),
  constraint flavor_pkey PRIMARY KEY (seq)
);

create table flavor_access (
  flavor_id text not null,
  project_id text not null,
  constraint flavor_access_flavor_id_fkey FOREIGN KEY (flavor_id) REFERENCES flavor(id) ON DELETE CASCADE,
  constraint flavor_access_pkey PRIMARY KEY (flavor_id, project_id)
);

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

create table identity_access_rule (
  id text not null,
  user_id text not null,
  service text not null,
  path text not null,
  method text not null,
  constraint identity_access_rule_pkey PRIMARY KEY (id),
  constraint identity_access_rule_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity_user(id) ON DELETE CASCADE,
  constraint identity_access_rule_user_id_service_path_method_key UNIQUE (user_id, service, path, method)
);

create table identity_access_token (
  id text not null,
  secret text not null,
  consumer_id text not null,
  project_id text not null,
  authorizing_user_id text,
  role_ids text[] not null default '{}'::text[],
  expires_at timestamp with time zone,
  constraint identity_access_token_authorizing_user_id_fkey FOREIGN KEY (authorizing_user_id) REFERENCES identity_user(id) ON DELETE CASCADE,
  constraint identity_access_token_consumer_id_fkey FOREIGN KEY (consumer_id) REFERENCES identity_consumer(id) ON DELETE CASCADE,
  constraint identity_access_token_pkey PRIMARY KEY (id),
  constraint identity_access_token_project_id_fkey FOREIGN KEY (project_id) REFERENCES identity_project(id) ON DELETE CASCADE
);

create table identity_application_credential (
  id text not null,
  user_id text not null,
  project_id text not null,
  name text not null,
  secret_hash text not null,
  description text,
  expires_at timestamp with time zone,
  unrestricted boolean not null default false,
  role_ids text[] not null,
  constraint identity_application_credential_pkey PRIMARY KEY (id),
  constraint identity_application_credential_project_id_fkey FOREIGN KEY (project_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_application_credential_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity_user(id) ON DELETE CASCADE,
  constraint identity_application_credential_user_id_name_key UNIQUE (user_id, name)
);

create table identity_application_credential_rule (
  application_credential_id text not null,
  access_rule_id text not null,
  constraint identity_application_credential__application_credential_id_fkey FOREIGN KEY (application_credential_id) REFERENCES identity_application_credential(id) ON DELETE CASCADE,
  constraint identity_application_credential_rule_access_rule_id_fkey FOREIGN KEY (access_rule_id) REFERENCES identity_access_rule(id),
  constraint identity_application_credential_rule_pkey PRIMARY KEY (application_credential_id, access_rule_id)
);

create table identity_assignment (
  actor_kind text not null,
  actor_id text not null,
  target_kind text not null,
  target_id text not null,
  role_id text not null,
  inherited boolean not null default false,
  constraint identity_assignment_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['user'::text, 'group'::text]))),
  constraint identity_assignment_pkey PRIMARY KEY (actor_kind, actor_id, target_kind, target_id, role_id, inherited),
  constraint identity_assignment_role_id_fkey FOREIGN KEY (role_id) REFERENCES identity_role(id) ON DELETE CASCADE,
  constraint identity_assignment_target_kind_check CHECK ((target_kind = ANY (ARRAY['project'::text, 'domain'::text, 'system'::text])))
);
CREATE INDEX identity_assignment_target ON public.identity_assignment USING btree (target_kind, target_id);

create table identity_consumer (
  id text not null,
  secret text not null,
  description text,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_consumer_pkey PRIMARY KEY (id)
);

create table identity_credential (
  id text not null,
  user_id text not null,
  project_id text,
  type text not null,
  sealed_blob text not null,
  access_hash text,
  application_credential_id text,
  trust_id text,
  access_token_id text,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_credential_access_hash_key UNIQUE (access_hash),
  constraint identity_credential_pkey PRIMARY KEY (id)
);
CREATE INDEX identity_credential_user ON public.identity_credential USING btree (user_id);

create table identity_domain_config (
  domain_id text not null,
  group_name text not null,
  option_name text not null,
  sealed text not null,
  constraint identity_domain_config_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_domain_config_pkey PRIMARY KEY (domain_id, group_name, option_name)
);

create table identity_endpoint (
  id text not null,
  service_id text not null,
  region_id text,
  interface text not null,
  url text not null,
  enabled boolean not null default true,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_endpoint_interface_check CHECK ((interface = ANY (ARRAY['public'::text, 'internal'::text, 'admin'::text]))),
  constraint identity_endpoint_pkey PRIMARY KEY (id),
  constraint identity_endpoint_region_id_fkey FOREIGN KEY (region_id) REFERENCES identity_region(id),
  constraint identity_endpoint_service_id_fkey FOREIGN KEY (service_id) REFERENCES identity_service(id) ON DELETE CASCADE
);

create table identity_endpoint_group (
  id text not null,
  name text not null,
  description text,
  filters jsonb not null default '{}'::jsonb,
  constraint identity_endpoint_group_pkey PRIMARY KEY (id)
);

create table identity_federated_user (
  provider_id text not null,
  protocol_id text not null,
  unique_id text not null,
  user_id text not null,
  display_name text,
  constraint identity_federated_user_pkey PRIMARY KEY (provider_id, protocol_id, unique_id),
  constraint identity_federated_user_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_provider(id) ON DELETE CASCADE,
  constraint identity_federated_user_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity_user(id) ON DELETE CASCADE
);

create table identity_federation_protocol (
  provider_id text not null,
  id text not null,
  mapping_id text not null,
  remote_id_attribute text,
  constraint identity_federation_protocol_pkey PRIMARY KEY (provider_id, id),
  constraint identity_federation_protocol_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_provider(id) ON DELETE CASCADE
);

create table identity_group (
  id text not null,
  domain_id text not null,
  name text not null,
  description text not null default ''::text,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_group_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_group_domain_id_name_key UNIQUE (domain_id, name),
  constraint identity_group_pkey PRIMARY KEY (id)
);

create table identity_group_member (
  group_id text not null,
  user_id text not null,
  expires_at timestamp with time zone,
  constraint identity_group_member_group_id_fkey FOREIGN KEY (group_id) REFERENCES identity_group(id) ON DELETE CASCADE,
  constraint identity_group_member_pkey PRIMARY KEY (group_id, user_id),
  constraint identity_group_member_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity_user(id) ON DELETE CASCADE
);
CREATE INDEX identity_group_member_user ON public.identity_group_member USING btree (user_id);

create table identity_limit (
  id text not null,
  registered_limit_id text not null,
  project_id text,
  domain_id text,
  resource_limit integer not null,
  description text,
  constraint identity_limit_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_limit_pkey PRIMARY KEY (id),
  constraint identity_limit_project_id_fkey FOREIGN KEY (project_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_limit_registered_limit_id_fkey FOREIGN KEY (registered_limit_id) REFERENCES identity_registered_limit(id),
  constraint identity_limit_registered_limit_id_project_id_domain_id_key UNIQUE NULLS NOT DISTINCT (registered_limit_id, project_id, domain_id)
);

create table identity_mapping (
  id text not null,
  rules jsonb not null,
  schema_version text not null default '1.0'::text,
  constraint identity_mapping_pkey PRIMARY KEY (id)
);

create table identity_password (
  id bigint not null generated always as identity,
  user_id text not null,
  hash text not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  self_service boolean not null default false,
  constraint identity_password_pkey PRIMARY KEY (id),
  constraint identity_password_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity_user(id) ON DELETE CASCADE
);
CREATE INDEX identity_password_user ON public.identity_password USING btree (user_id, id);

create table identity_policy (
  id text not null,
  type text not null,
  blob text not null,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_policy_pkey PRIMARY KEY (id)
);

create table identity_policy_association (
  id text not null,
  policy_id text not null,
  endpoint_id text,
  service_id text,
  region_id text,
  constraint identity_policy_association_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES identity_endpoint(id) ON DELETE CASCADE,
  constraint identity_policy_association_endpoint_id_service_id_region_i_key UNIQUE NULLS NOT DISTINCT (endpoint_id, service_id, region_id),
  constraint identity_policy_association_pkey PRIMARY KEY (id),
  constraint identity_policy_association_policy_id_fkey FOREIGN KEY (policy_id) REFERENCES identity_policy(id) ON DELETE CASCADE,
  constraint identity_policy_association_region_id_fkey FOREIGN KEY (region_id) REFERENCES identity_region(id) ON DELETE CASCADE,
  constraint identity_policy_association_service_id_fkey FOREIGN KEY (service_id) REFERENCES identity_service(id) ON DELETE CASCADE
);

create table identity_project (
  id text not null,
  name text not null,
  is_domain boolean not null default false,
  domain_id text,
  parent_id text,
  enabled boolean not null default true,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  options jsonb not null default '{}'::jsonb,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_project_check CHECK ((is_domain = (domain_id IS NULL))),
  constraint identity_project_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_project_domain_id_name_key UNIQUE NULLS NOT DISTINCT (domain_id, name),
  constraint identity_project_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES identity_project(id),
  constraint identity_project_pkey PRIMARY KEY (id)
);
CREATE INDEX identity_project_parent ON public.identity_project USING btree (parent_id);

create table identity_project_endpoint (
  project_id text not null,
  endpoint_id text not null,
  constraint identity_project_endpoint_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES identity_endpoint(id) ON DELETE CASCADE,
  constraint identity_project_endpoint_pkey PRIMARY KEY (project_id, endpoint_id),
  constraint identity_project_endpoint_project_id_fkey FOREIGN KEY (project_id) REFERENCES identity_project(id) ON DELETE CASCADE
);

create table identity_project_endpoint_group (
  project_id text not null,
  endpoint_group_id text not null,
  constraint identity_project_endpoint_group_endpoint_group_id_fkey FOREIGN KEY (endpoint_group_id) REFERENCES identity_endpoint_group(id) ON DELETE CASCADE,
  constraint identity_project_endpoint_group_pkey PRIMARY KEY (project_id, endpoint_group_id),
  constraint identity_project_endpoint_group_project_id_fkey FOREIGN KEY (project_id) REFERENCES identity_project(id) ON DELETE CASCADE
);

create table identity_provider (
  id text not null,
  domain_id text not null,
  enabled boolean not null default false,
  description text,
  authorization_ttl_minutes integer,
  constraint identity_provider_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_provider_pkey PRIMARY KEY (id)
);

create table identity_provider_remote (
  remote_id text not null,
  provider_id text not null,
  constraint identity_provider_remote_pkey PRIMARY KEY (remote_id),
  constraint identity_provider_remote_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES identity_provider(id) ON DELETE CASCADE
);

create table identity_region (
  id text not null,
  description text not null default ''::text,
  parent_region_id text,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_region_parent_region_id_fkey FOREIGN KEY (parent_region_id) REFERENCES identity_region(id),
  constraint identity_region_pkey PRIMARY KEY (id)
);

create table identity_registered_limit (
  id text not null,
  service_id text not null,
  region_id text,
  resource_name text not null,
  default_limit integer not null,
  description text,
  constraint identity_registered_limit_pkey PRIMARY KEY (id),
  constraint identity_registered_limit_region_id_fkey FOREIGN KEY (region_id) REFERENCES identity_region(id),
  constraint identity_registered_limit_service_id_fkey FOREIGN KEY (service_id) REFERENCES identity_service(id),
  constraint identity_registered_limit_service_id_region_id_resource_nam_key UNIQUE NULLS NOT DISTINCT (service_id, region_id, resource_name)
);

create table identity_request_token (
  id text not null,
  secret text not null,
  consumer_id text not null,
  project_id text not null,
  authorizing_user_id text,
  role_ids text[] not null default '{}'::text[],
  expires_at timestamp with time zone,
  verifier text,
  constraint identity_request_token_authorizing_user_id_fkey FOREIGN KEY (authorizing_user_id) REFERENCES identity_user(id) ON DELETE CASCADE,
  constraint identity_request_token_consumer_id_fkey FOREIGN KEY (consumer_id) REFERENCES identity_consumer(id) ON DELETE CASCADE,
  constraint identity_request_token_pkey PRIMARY KEY (id),
  constraint identity_request_token_project_id_fkey FOREIGN KEY (project_id) REFERENCES identity_project(id) ON DELETE CASCADE
);

create table identity_revocation (
  id bigint not null generated always as identity,
  audit_id text,
  audit_chain_id text,
  user_id text,
  project_id text,
  domain_id text,
  role_id text,
  trust_id text,
  consumer_id text,
  access_token_id text,
  issued_before timestamp with time zone not null,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone not null default now(),
  constraint identity_revocation_pkey PRIMARY KEY (id)
);
CREATE INDEX identity_revocation_time ON public.identity_revocation USING btree (revoked_at);

create table identity_role (
  id text not null,
  name text not null,
  domain_id text,
  description text,
  options jsonb not null default '{}'::jsonb,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_role_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_role_domain_id_name_key UNIQUE NULLS NOT DISTINCT (domain_id, name),
  constraint identity_role_pkey PRIMARY KEY (id)
);

create table identity_role_implication (
  prior_role_id text not null,
  implied_role_id text not null,
  constraint identity_role_implication_implied_role_id_fkey FOREIGN KEY (implied_role_id) REFERENCES identity_role(id) ON DELETE CASCADE,
  constraint identity_role_implication_pkey PRIMARY KEY (prior_role_id, implied_role_id),
  constraint identity_role_implication_prior_role_id_fkey FOREIGN KEY (prior_role_id) REFERENCES identity_role(id) ON DELETE CASCADE
);

create table identity_service (
  id text not null,
  type text not null,
  name text,
  description text,
  enabled boolean not null default true,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_service_pkey PRIMARY KEY (id)
);

create table identity_service_provider (
  id text not null,
  enabled boolean not null default false,
  description text,
  auth_url text not null,
  sp_url text not null,
  relay_state_prefix text not null,
  constraint identity_service_provider_pkey PRIMARY KEY (id)
);

create table identity_token_key (
  number integer not null generated always as identity,
  sealed text not null,
  created_at timestamp with time zone not null default now(),
  constraint identity_token_key_pkey PRIMARY KEY (number)
);

create table identity_trust (
  id text not null,
  trustor_user_id text not null,
  trustee_user_id text not null,
  project_id text,
  impersonation boolean not null,
  expires_at timestamp with time zone,
  remaining_uses integer,
  redelegated_trust_id text,
  redelegation_count integer not null default 0,
  allow_redelegation boolean not null default false,
  role_ids text[] not null,
  deleted_at timestamp with time zone,
  extra jsonb not null default '{}'::jsonb,
  constraint identity_trust_pkey PRIMARY KEY (id),
  constraint identity_trust_project_id_fkey FOREIGN KEY (project_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_trust_trustee_user_id_fkey FOREIGN KEY (trustee_user_id) REFERENCES identity_user(id) ON DELETE CASCADE,
  constraint identity_trust_trustor_user_id_fkey FOREIGN KEY (trustor_user_id) REFERENCES identity_user(id) ON DELETE CASCADE
);

create table identity_user (
  id text not null,
  domain_id text not null,
  name text not null,
  enabled boolean not null default true,
  default_project_id text,
  description text,
  options jsonb not null default '{}'::jsonb,
  extra jsonb not null default '{}'::jsonb,
  external_id text,
  failed_logins integer not null default 0,
  failed_login_at timestamp with time zone,
  last_active_on text,
  created_at timestamp with time zone not null default now(),
  constraint identity_user_domain_id_fkey FOREIGN KEY (domain_id) REFERENCES identity_project(id) ON DELETE CASCADE,
  constraint identity_user_domain_id_name_key UNIQUE (domain_id, name),
  constraint identity_user_pkey PRIMARY KEY (id)
);

create table image (
  id uuid not null,
  seq bigint not null generated always as identity,
  name text,
  status text not null default 'queued'::text,
  visibility text not null default 'shared'::text,
  owner text,
  disk_format text,
  container_format text,
  min_disk integer not null default 0,
  min_ram integer not null default 0,
  size bigint,
  virtual_size bigint,
  checksum text,
  os_hash_algo text,
  os_hash_value text,
  protected boolean not null default false,
  os_hidden boolean not null default false,
  tags text[] not null default '{}'::text[],
  properties jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint image_pkey PRIMARY KEY (id),
  constraint image_visibility_check CHECK ((visibility = ANY (ARRAY['public'::text, 'private'::text, 'shared'::text, 'community'::text])))
);
CREATE INDEX image_owner ON public.image USING btree (owner);
CREATE UNIQUE INDEX image_seq ON public.image USING btree (seq);

create table image_blob (
  store text not null,
  sha512 text not null,
  size bigint not null,
  created_at timestamp with time zone not null default now(),
  constraint image_blob_pkey PRIMARY KEY (store, sha512)
);

create table image_cache (
  image_id uuid not null,
  state text not null,
  hits integer not null default 0,
  last_accessed timestamp with time zone not null default now(),
  last_modified timestamp with time zone not null default now(),
  constraint image_cache_image_id_fkey FOREIGN KEY (image_id) REFERENCES image(id) ON DELETE CASCADE,
  constraint image_cache_pkey PRIMARY KEY (image_id),
  constraint image_cache_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'cached'::text])))
);

create table image_location (
  id bigint not null generated always as identity,
  image_id uuid not null,
  position integer not null,
  store text,
  sha512 text,
  url text,
  metadata jsonb not null default '{}'::jsonb,
  constraint image_location_blob FOREIGN KEY (store, sha512) REFERENCES image_blob(store, sha512),
  constraint image_location_check CHECK (((url IS NULL) <> (sha512 IS NULL))),
  constraint image_location_image_id_fkey FOREIGN KEY (image_id) REFERENCES image(id) ON DELETE CASCADE,
  constraint image_location_pkey PRIMARY KEY (id)
);
CREATE INDEX image_location_blob ON public.image_location USING btree (store, sha512);
CREATE INDEX image_location_image ON public.image_location USING btree (image_id);

create table image_member (
  image_id uuid not null,
  member text not null,
  status text not null default 'pending'::text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint image_member_image_id_fkey FOREIGN KEY (image_id) REFERENCES image(id) ON DELETE CASCADE,
  constraint image_member_pkey PRIMARY KEY (image_id, member),
  constraint image_member_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'accepted'::text, 'rejected'::text])))
);
CREATE INDEX image_member_of ON public.image_member USING btree (member);

create table image_rendition (
  source text not null,
  sha512 text not null,
  size bigint not null,
  disk_size bigint not null,
  hits integer not null default 0,
  created_at timestamp with time zone not null default now(),
  last_used timestamp with time zone not null default now(),
  constraint image_rendition_pkey PRIMARY KEY (source)
);
CREATE INDEX image_rendition_bytes ON public.image_rendition USING btree (sha512);

create table image_task (
  id uuid not null default gen_random_uuid(),
  image_id uuid,
  type text not null,
  status text not null default 'pending'::text,
  owner text,
  user_id text,
  request_id text,
  input jsonb not null default '{}'::jsonb,
  result jsonb,
  message text not null default ''::text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone,
  constraint image_task_image_id_fkey FOREIGN KEY (image_id) REFERENCES image(id) ON DELETE CASCADE,
  constraint image_task_pkey PRIMARY KEY (id),
  constraint image_task_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'processing'::text, 'success'::text, 'failure'::text])))
);
CREATE INDEX image_task_image ON public.image_task USING btree (image_id);
CREATE INDEX image_task_owner ON public.image_task USING btree (owner);

create table inspection (
  node_uuid uuid not null,
  version integer not null,
  taken_at timestamp with time zone not null default now(),
  document jsonb not null,
  changes jsonb not null default '[]'::jsonb,
  constraint inspection_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint inspection_pkey PRIMARY KEY (node_uuid, version)
);

create table inspection_rule (
  uuid uuid not null default gen_random_uuid(),
  description text,
  phase text not null default 'main'::text,
  priority integer not null default 0,
  sensitive boolean not null default false,
  conditions jsonb not null default '[]'::jsonb,
  actions jsonb not null,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  inspector_form jsonb,
  constraint inspection_rule_pkey PRIMARY KEY (uuid)
);

create table keypair (
  seq bigint not null generated always as identity,
  user_id text not null,
  name text not null,
  type text not null,
  public_key text not null,
  fingerprint text not null,
  created_at timestamp with time zone not null default now(),
  constraint keypair_pkey PRIMARY KEY (user_id, name)
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
  stored_at timestamp with time zone not null default now(),
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

create table machine_script (
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  type text not null,
  title text not null default ''::text,
  hardware text not null,
  parallel text not null,
  may_reboot boolean not null,
  by_default boolean not null,
  timeout_seconds integer not null,
  content text not null,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint machine_script_name_key UNIQUE (name),
  constraint machine_script_parallel_check CHECK ((parallel = ANY (ARRAY['disabled'::text, 'instance'::text, 'any'::text]))),
  constraint machine_script_pkey PRIMARY KEY (uuid),
  constraint machine_script_type_check CHECK ((type = ANY (ARRAY['commissioning'::text, 'testing'::text])))
);

create table machine_tag (
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  comment text not null default ''::text,
  conditions jsonb not null default '[]'::jsonb,
  kernel_options text not null default ''::text,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint machine_tag_name_key UNIQUE (name),
  constraint machine_tag_pkey PRIMARY KEY (uuid)
);

create table metadef_association (
  namespace text not null,
  resource_type text not null,
  prefix text,
  properties_target text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint metadef_association_namespace_fkey FOREIGN KEY (namespace) REFERENCES metadef_namespace(namespace) ON UPDATE CASCADE ON DELETE CASCADE,
  constraint metadef_association_pkey PRIMARY KEY (namespace, resource_type),
  constraint metadef_association_resource_type_fkey FOREIGN KEY (resource_type) REFERENCES metadef_resource_type(name)
);

create table metadef_namespace (
  namespace text not null,
  seq bigint not null generated always as identity,
  display_name text,
  description text,
  visibility text not null default 'private'::text,
  protected boolean not null default false,
  owner text not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint metadef_namespace_pkey PRIMARY KEY (namespace),
  constraint metadef_namespace_visibility_check CHECK ((visibility = ANY (ARRAY['public'::text, 'private'::text])))
);

create table metadef_object (
  namespace text not null,
  name text not null,
  seq bigint not null generated always as identity,
  description text,
  required jsonb not null default '[]'::jsonb,
  properties jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint metadef_object_namespace_fkey FOREIGN KEY (namespace) REFERENCES metadef_namespace(namespace) ON UPDATE CASCADE ON DELETE CASCADE,
  constraint metadef_object_pkey PRIMARY KEY (namespace, name)
);

create table metadef_property (
  namespace text not null,
  name text not null,
  seq bigint not null generated always as identity,
  schema jsonb not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint metadef_property_namespace_fkey FOREIGN KEY (namespace) REFERENCES metadef_namespace(namespace) ON UPDATE CASCADE ON DELETE CASCADE,
  constraint metadef_property_pkey PRIMARY KEY (namespace, name)
);

create table metadef_resource_type (
  name text not null,
  protected boolean not null default true,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint metadef_resource_type_pkey PRIMARY KEY (name)
);

create table metadef_tag (
  namespace text not null,
  name text not null,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint metadef_tag_namespace_fkey FOREIGN KEY (namespace) REFERENCES metadef_namespace(namespace) ON UPDATE CASCADE ON DELETE CASCADE,
  constraint metadef_tag_pkey PRIMARY KEY (namespace, name)
);

create table network (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  admin_state_up boolean not null default true,
  status text not null default 'ACTIVE'::text,
  mtu integer not null,
  vlan_transparent boolean,
  port_security_enabled boolean not null default true,
  is_default boolean not null default false,
  dns_domain text not null default ''::text,
  availability_zone_hints text[] not null default '{}'::text[],
  qos_policy_id uuid,
  constraint network_pkey PRIMARY KEY (id),
  constraint network_qos_policy_id_fkey FOREIGN KEY (qos_policy_id) REFERENCES network_qos_policy(id)
);
CREATE UNIQUE INDEX network_default ON public.network USING btree (is_default) WHERE is_default;
CREATE INDEX network_project ON public.network USING btree (project_id);
CREATE INDEX network_qos_policy_id ON public.network USING btree (qos_policy_id);

create table network_address (
  subnet_id uuid not null,
  ip_address inet not null,
  network_id uuid not null,
  port_id uuid not null,
  position integer not null default 0,
  constraint network_address_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id),
  constraint network_address_network_id_ip_address_key UNIQUE (network_id, ip_address),
  constraint network_address_pkey PRIMARY KEY (subnet_id, ip_address),
  constraint network_address_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id) ON DELETE CASCADE,
  constraint network_address_subnet_id_fkey FOREIGN KEY (subnet_id) REFERENCES network_subnet(id)
);
CREATE INDEX network_address_port_id ON public.network_address USING btree (port_id);
CREATE TRIGGER network_address_of_machine_changed AFTER INSERT OR DELETE ON public.network_address FOR EACH ROW EXECUTE FUNCTION boot_address_changed();

create table network_address_group (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  constraint network_address_group_pkey PRIMARY KEY (id)
);
CREATE INDEX network_address_group_project ON public.network_address_group USING btree (project_id);

create table network_address_group_member (
  address_group_id uuid not null,
  address cidr not null,
  constraint network_address_group_member_address_group_id_fkey FOREIGN KEY (address_group_id) REFERENCES network_address_group(id) ON DELETE CASCADE,
  constraint network_address_group_member_pkey PRIMARY KEY (address_group_id, address)
);

create table network_address_scope (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  ip_version integer not null,
  constraint network_address_scope_ip_version_check CHECK ((ip_version = ANY (ARRAY[4, 6]))),
  constraint network_address_scope_pkey PRIMARY KEY (id)
);
CREATE INDEX network_address_scope_project ON public.network_address_scope USING btree (project_id);

create table network_agent (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  agent_type text not null,
  binary text not null,
  host text not null,
  topic text not null,
  availability_zone text,
  admin_state_up boolean not null default true,
  configurations jsonb not null default '{}'::jsonb,
  started_at timestamp with time zone not null default now(),
  heartbeat_timestamp timestamp with time zone not null default now(),
  constraint network_agent_agent_type_host_binary_key UNIQUE (agent_type, host, "binary"),
  constraint network_agent_pkey PRIMARY KEY (id)
);
CREATE INDEX network_agent_project ON public.network_agent USING btree (project_id);
CREATE TRIGGER network_agent_gone AFTER DELETE ON public.network_agent FOR EACH ROW EXECUTE FUNCTION boot_model_changed();
CREATE TRIGGER network_agent_switched AFTER UPDATE OF admin_state_up ON public.network_agent FOR EACH ROW WHEN ((old.admin_state_up IS DISTINCT FROM new.admin_state_up)) EXECUTE FUNCTION boot_model_changed();

create table network_agent_router (
  agent_id uuid not null,
  router_id uuid not null,
  is_given boolean not null,
  constraint network_agent_router_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES network_agent(id) ON DELETE CASCADE,
  constraint network_agent_router_pkey PRIMARY KEY (agent_id, router_id),
  constraint network_agent_router_router_id_fkey FOREIGN KEY (router_id) REFERENCES network_router(id) ON DELETE CASCADE
);
CREATE INDEX network_agent_router_router_id ON public.network_agent_router USING btree (router_id);

create table network_agent_withdrawal (
  agent_id uuid not null,
  network_id uuid not null,
  constraint network_agent_withdrawal_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES network_agent(id) ON DELETE CASCADE,
  constraint network_agent_withdrawal_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) ON DELETE CASCADE,
  constraint network_agent_withdrawal_pkey PRIMARY KEY (agent_id, network_id)
);
CREATE INDEX network_agent_withdrawal_network_id ON public.network_agent_withdrawal USING btree (network_id);
CREATE TRIGGER network_agent_withdrawal_changed AFTER INSERT OR DELETE ON public.network_agent_withdrawal FOR EACH ROW EXECUTE FUNCTION boot_model_changed();

create table network_allocation_pool (
  subnet_id uuid not null,
  first inet not null,
  last inet not null,
  constraint network_allocation_pool_check CHECK (((first <= last) AND (family(first) = family(last)))),
  constraint network_allocation_pool_pkey PRIMARY KEY (subnet_id, first),
  constraint network_allocation_pool_subnet_id_fkey FOREIGN KEY (subnet_id) REFERENCES network_subnet(id) ON DELETE CASCADE
);

create table network_auto_topology (
  project_id text not null,
  network_id uuid not null,
  router_id uuid not null,
  constraint network_auto_topology_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) ON DELETE CASCADE,
  constraint network_auto_topology_pkey PRIMARY KEY (project_id),
  constraint network_auto_topology_router_id_fkey FOREIGN KEY (router_id) REFERENCES network_router(id)
);

create table network_conntrack_helper (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  router_id uuid not null,
  protocol text not null,
  port integer not null,
  helper text not null,
  constraint network_conntrack_helper_pkey PRIMARY KEY (id),
  constraint network_conntrack_helper_router_id_fkey FOREIGN KEY (router_id) REFERENCES network_router(id) ON DELETE CASCADE,
  constraint network_conntrack_helper_router_id_protocol_port_helper_key UNIQUE (router_id, protocol, port, helper)
);
CREATE INDEX network_conntrack_helper_project ON public.network_conntrack_helper USING btree (project_id);

create table network_default_security_group_rule (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  direction text not null,
  ethertype text not null,
  protocol text,
  port_range_min integer,
  port_range_max integer,
  remote_ip_prefix text,
  normalized_cidr cidr,
  remote_group_id text,
  remote_address_group_id uuid,
  used_in_default_sg boolean not null default false,
  used_in_non_default_sg boolean not null default true,
  constraint network_default_security_group_rule_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX network_default_security_group_rule_once ON public.network_default_security_group_rule USING btree (direction, ethertype, protocol, port_range_min, port_range_max, normalized_cidr, remote_group_id, remote_address_group_id, used_in_default_sg, used_in_non_default_sg) NULLS NOT DISTINCT;
CREATE INDEX network_default_security_group_rule_project ON public.network_default_security_group_rule USING btree (project_id);

create table network_flavor (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  service_type text not null,
  enabled boolean not null default true,
  constraint network_flavor_pkey PRIMARY KEY (id)
);
CREATE INDEX network_flavor_project ON public.network_flavor USING btree (project_id);

create table network_flavor_profile (
  flavor_id uuid not null,
  service_profile_id uuid not null,
  constraint network_flavor_profile_flavor_id_fkey FOREIGN KEY (flavor_id) REFERENCES network_flavor(id) ON DELETE CASCADE,
  constraint network_flavor_profile_pkey PRIMARY KEY (flavor_id, service_profile_id),
  constraint network_flavor_profile_service_profile_id_fkey FOREIGN KEY (service_profile_id) REFERENCES network_service_profile(id)
);

create table network_floatingip (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  floating_network_id uuid not null,
  floating_ip_address inet not null,
  floating_port_id uuid not null,
  port_id uuid,
  fixed_ip_address inet,
  router_id uuid,
  status text not null default 'DOWN'::text,
  dns_name text not null default ''::text,
  dns_domain text not null default ''::text,
  qos_policy_id uuid,
  constraint network_floatingip_floating_network_id_fkey FOREIGN KEY (floating_network_id) REFERENCES network(id),
  constraint network_floatingip_floating_network_id_floating_ip_address_key UNIQUE (floating_network_id, floating_ip_address),
  constraint network_floatingip_floating_port_id_fkey FOREIGN KEY (floating_port_id) REFERENCES network_port(id),
  constraint network_floatingip_floating_port_id_key UNIQUE (floating_port_id),
  constraint network_floatingip_pkey PRIMARY KEY (id),
  constraint network_floatingip_port_id_fixed_ip_address_floating_networ_key UNIQUE (port_id, fixed_ip_address, floating_network_id),
  constraint network_floatingip_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id),
  constraint network_floatingip_qos_policy_id_fkey FOREIGN KEY (qos_policy_id) REFERENCES network_qos_policy(id),
  constraint network_floatingip_router_id_fkey FOREIGN KEY (router_id) REFERENCES network_router(id)
);
CREATE INDEX network_floatingip_project ON public.network_floatingip USING btree (project_id);
CREATE INDEX network_floatingip_router_id ON public.network_floatingip USING btree (router_id);

create table network_ha_network (
  project_id text not null,
  network_id uuid not null,
  constraint network_ha_network_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) ON DELETE CASCADE,
  constraint network_ha_network_network_id_key UNIQUE (network_id),
  constraint network_ha_network_pkey PRIMARY KEY (project_id)
);

create table network_local_ip (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  local_port_id uuid not null,
  network_id uuid not null,
  local_ip_address inet not null,
  ip_mode text not null default 'translate'::text,
  own_port boolean not null,
  constraint network_local_ip_local_port_id_fkey FOREIGN KEY (local_port_id) REFERENCES network_port(id),
  constraint network_local_ip_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id),
  constraint network_local_ip_pkey PRIMARY KEY (id)
);
CREATE INDEX network_local_ip_local_port_id ON public.network_local_ip USING btree (local_port_id);
CREATE INDEX network_local_ip_project ON public.network_local_ip USING btree (project_id);

create table network_local_ip_association (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  local_ip_id uuid not null,
  fixed_port_id uuid not null,
  fixed_ip inet not null,
  constraint network_local_ip_association_fixed_port_id_fkey FOREIGN KEY (fixed_port_id) REFERENCES network_port(id) ON DELETE CASCADE,
  constraint network_local_ip_association_local_ip_id_fixed_port_id_key UNIQUE (local_ip_id, fixed_port_id),
  constraint network_local_ip_association_local_ip_id_fkey FOREIGN KEY (local_ip_id) REFERENCES network_local_ip(id),
  constraint network_local_ip_association_pkey PRIMARY KEY (id)
);
CREATE INDEX network_local_ip_association_fixed_port_id ON public.network_local_ip_association USING btree (fixed_port_id);
CREATE INDEX network_local_ip_association_project ON public.network_local_ip_association USING btree (project_id);

create table network_log (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  resource_type text not null,
  resource_id uuid,
  target_id uuid,
  event text not null default 'ALL'::text,
  enabled boolean not null default true,
  constraint network_log_pkey PRIMARY KEY (id)
);
CREATE INDEX network_log_project ON public.network_log USING btree (project_id);

create table network_metadata_port (
  network_id uuid not null,
  port_id uuid not null,
  constraint network_metadata_port_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) ON DELETE CASCADE,
  constraint network_metadata_port_pkey PRIMARY KEY (network_id),
  constraint network_metadata_port_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id) ON DELETE CASCADE,
  constraint network_metadata_port_port_id_key UNIQUE (port_id)
);

create table network_metering_label (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  shared boolean not null default false,
  constraint network_metering_label_pkey PRIMARY KEY (id)
);
CREATE INDEX network_metering_label_project ON public.network_metering_label USING btree (project_id);

create table network_metering_label_rule (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  metering_label_id uuid not null,
  direction text not null,
  excluded boolean not null default false,
  remote_ip_prefix cidr,
  source_ip_prefix cidr,
  destination_ip_prefix cidr,
  constraint network_metering_label_rule_metering_label_id_fkey FOREIGN KEY (metering_label_id) REFERENCES network_metering_label(id) ON DELETE CASCADE,
  constraint network_metering_label_rule_pkey PRIMARY KEY (id)
);
CREATE INDEX network_metering_label_rule_metering_label_id ON public.network_metering_label_rule USING btree (metering_label_id);
CREATE INDEX network_metering_label_rule_project ON public.network_metering_label_rule USING btree (project_id);

create table network_ndp_proxy (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  router_id uuid not null,
  port_id uuid not null,
  ip_address inet not null,
  constraint network_ndp_proxy_pkey PRIMARY KEY (id),
  constraint network_ndp_proxy_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id) ON DELETE CASCADE,
  constraint network_ndp_proxy_router_id_fkey FOREIGN KEY (router_id) REFERENCES network_router(id),
  constraint network_ndp_proxy_router_id_ip_address_key UNIQUE (router_id, ip_address)
);
CREATE INDEX network_ndp_proxy_port_id ON public.network_ndp_proxy USING btree (port_id);
CREATE INDEX network_ndp_proxy_project ON public.network_ndp_proxy USING btree (project_id);

create table network_port (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  network_id uuid not null,
  mac_address macaddr not null,
  admin_state_up boolean not null default true,
  status text not null default 'DOWN'::text,
  device_id text not null default ''::text,
  device_owner text not null default ''::text,
  port_security_enabled boolean not null default true,
  allowed_address_pairs jsonb not null default '[]'::jsonb,
  extra_dhcp_opts jsonb not null default '[]'::jsonb,
  dns_name text not null default ''::text,
  dns_domain text not null default ''::text,
  ip_allocation text not null default 'none'::text,
  qos_policy_id uuid,
  vnic_type text not null default 'normal'::text,
  host text not null default ''::text,
  profile jsonb not null default '{}'::jsonb,
  vif_type text not null default 'unbound'::text,
  vif_details jsonb not null default '{}'::jsonb,
  data_plane_status text,
  device_profile text,
  numa_affinity_policy text,
  hints jsonb,
  propagate_uplink_status boolean not null default true,
  constraint network_port_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id),
  constraint network_port_network_id_mac_address_key UNIQUE (network_id, mac_address),
  constraint network_port_pkey PRIMARY KEY (id),
  constraint network_port_qos_policy_id_fkey FOREIGN KEY (qos_policy_id) REFERENCES network_qos_policy(id)
);
CREATE INDEX network_port_device_id ON public.network_port USING btree (device_id);
CREATE INDEX network_port_project ON public.network_port USING btree (project_id);
CREATE INDEX network_port_qos_policy_id ON public.network_port USING btree (qos_policy_id);
CREATE TRIGGER network_port_of_machine_changed AFTER UPDATE OF mac_address, host, vnic_type ON public.network_port FOR EACH ROW WHEN ((('baremetal'::text = old.vnic_type) OR ('baremetal'::text = new.vnic_type))) EXECUTE FUNCTION boot_model_changed();
CREATE TRIGGER network_port_of_machine_gone AFTER DELETE ON public.network_port FOR EACH ROW WHEN ((old.vnic_type = 'baremetal'::text)) EXECUTE FUNCTION boot_model_changed();

create table network_port_binding (
  port_id uuid not null,
  host text not null,
  vnic_type text not null default 'normal'::text,
  profile jsonb not null default '{}'::jsonb,
  vif_type text not null default 'unbound'::text,
  vif_details jsonb not null default '{}'::jsonb,
  constraint network_port_binding_pkey PRIMARY KEY (port_id, host),
  constraint network_port_binding_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id) ON DELETE CASCADE
);

create table network_port_forwarding (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  floatingip_id uuid not null,
  protocol text not null,
  external_first integer not null,
  external_last integer not null,
  internal_first integer not null,
  internal_last integer not null,
  internal_ip_address inet not null,
  internal_port_id uuid not null,
  constraint network_port_forwarding_check CHECK (((external_first <= external_last) AND (internal_first <= internal_last))),
  constraint network_port_forwarding_floatingip_id_fkey FOREIGN KEY (floatingip_id) REFERENCES network_floatingip(id) ON DELETE CASCADE,
  constraint network_port_forwarding_floatingip_id_protocol_external_fir_key UNIQUE (floatingip_id, protocol, external_first, external_last),
  constraint network_port_forwarding_internal_port_id_fkey FOREIGN KEY (internal_port_id) REFERENCES network_port(id) ON DELETE CASCADE,
  constraint network_port_forwarding_internal_port_id_internal_ip_addres_key UNIQUE (internal_port_id, internal_ip_address, protocol, internal_first, internal_last),
  constraint network_port_forwarding_pkey PRIMARY KEY (id)
);
CREATE INDEX network_port_forwarding_project ON public.network_port_forwarding USING btree (project_id);

create table network_port_security_group (
  port_id uuid not null,
  security_group_id uuid not null,
  constraint network_port_security_group_pkey PRIMARY KEY (port_id, security_group_id),
  constraint network_port_security_group_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id) ON DELETE CASCADE,
  constraint network_port_security_group_security_group_id_fkey FOREIGN KEY (security_group_id) REFERENCES network_security_group(id)
);
CREATE INDEX network_port_security_group_security_group_id ON public.network_port_security_group USING btree (security_group_id);

create table network_qos_policy (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  is_default boolean not null default false,
  constraint network_qos_policy_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX network_qos_policy_default ON public.network_qos_policy USING btree (project_id) WHERE is_default;
CREATE INDEX network_qos_policy_project ON public.network_qos_policy USING btree (project_id);

create table network_qos_rule (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  qos_policy_id uuid not null,
  kind text not null,
  direction text,
  max_kbps integer,
  max_burst_kbps integer,
  dscp_mark integer,
  min_kbps integer,
  min_kpps integer,
  max_kpps integer,
  max_burst_kpps integer,
  constraint network_qos_rule_pkey PRIMARY KEY (id),
  constraint network_qos_rule_qos_policy_id_fkey FOREIGN KEY (qos_policy_id) REFERENCES network_qos_policy(id) ON DELETE CASCADE,
  constraint network_qos_rule_qos_policy_id_kind_direction_key UNIQUE NULLS NOT DISTINCT (qos_policy_id, kind, direction)
);
CREATE INDEX network_qos_rule_project ON public.network_qos_rule USING btree (project_id);

create table network_quota (
  project_id text not null,
  resource text not null,
  most integer not null,
  constraint network_quota_pkey PRIMARY KEY (project_id, resource)
);

create table network_rbac (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  object_type text not null,
  object_id uuid not null,
  action text not null,
  target_project text not null,
  constraint network_rbac_object_id_action_target_project_key UNIQUE (object_id, action, target_project),
  constraint network_rbac_pkey PRIMARY KEY (id)
);
CREATE INDEX network_rbac_project ON public.network_rbac USING btree (project_id);

create table network_router (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  admin_state_up boolean not null default true,
  status text not null default 'ACTIVE'::text,
  distributed boolean not null default false,
  ha boolean,
  enable_ndp_proxy boolean not null default false,
  enable_snat boolean not null default true,
  routes jsonb not null default '[]'::jsonb,
  availability_zone_hints text[] not null default '{}'::text[],
  flavor_id uuid,
  service_type_id uuid,
  gateway_port_id uuid,
  qos_policy_id uuid,
  constraint network_router_flavor_id_fkey FOREIGN KEY (flavor_id) REFERENCES network_flavor(id),
  constraint network_router_gateway_port_id_fkey FOREIGN KEY (gateway_port_id) REFERENCES network_port(id),
  constraint network_router_gateway_port_id_key UNIQUE (gateway_port_id),
  constraint network_router_pkey PRIMARY KEY (id),
  constraint network_router_qos_policy_id_fkey FOREIGN KEY (qos_policy_id) REFERENCES network_qos_policy(id)
);
CREATE INDEX network_router_project ON public.network_router USING btree (project_id);

create table network_router_interface (
  port_id uuid not null,
  router_id uuid not null,
  constraint network_router_interface_pkey PRIMARY KEY (port_id),
  constraint network_router_interface_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id) ON DELETE CASCADE,
  constraint network_router_interface_router_id_fkey FOREIGN KEY (router_id) REFERENCES network_router(id)
);
CREATE INDEX network_router_interface_router_id ON public.network_router_interface USING btree (router_id);

create table network_security_group (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  stateful boolean not null default true,
  is_default boolean not null default false,
  constraint network_security_group_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX network_security_group_default ON public.network_security_group USING btree (project_id) WHERE is_default;
CREATE INDEX network_security_group_project ON public.network_security_group USING btree (project_id);

create table network_security_group_rule (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  security_group_id uuid not null,
  direction text not null,
  ethertype text not null,
  protocol text,
  port_range_min integer,
  port_range_max integer,
  remote_ip_prefix text,
  normalized_cidr cidr,
  remote_group_id uuid,
  remote_address_group_id uuid,
  constraint network_security_group_rule_check CHECK ((num_nonnulls(normalized_cidr, remote_group_id, remote_address_group_id) <= 1)),
  constraint network_security_group_rule_pkey PRIMARY KEY (id),
  constraint network_security_group_rule_remote_address_group_id_fkey FOREIGN KEY (remote_address_group_id) REFERENCES network_address_group(id),
  constraint network_security_group_rule_remote_group_id_fkey FOREIGN KEY (remote_group_id) REFERENCES network_security_group(id) ON DELETE CASCADE,
  constraint network_security_group_rule_security_group_id_fkey FOREIGN KEY (security_group_id) REFERENCES network_security_group(id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX network_security_group_rule_once ON public.network_security_group_rule USING btree (security_group_id, direction, ethertype, protocol, port_range_min, port_range_max, normalized_cidr, remote_group_id, remote_address_group_id) NULLS NOT DISTINCT;
CREATE INDEX network_security_group_rule_project ON public.network_security_group_rule USING btree (project_id);
CREATE INDEX network_security_group_rule_remote_address_group_id ON public.network_security_group_rule USING btree (remote_address_group_id);
CREATE INDEX network_security_group_rule_remote_group_id ON public.network_security_group_rule USING btree (remote_group_id);

create table network_segment (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text,
  network_id uuid not null,
  network_type text not null,
  physical_network text,
  segmentation_id bigint,
  position integer not null default 0,
  constraint network_segment_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) ON DELETE CASCADE,
  constraint network_segment_pkey PRIMARY KEY (id)
);
CREATE INDEX network_segment_network_id ON public.network_segment USING btree (network_id);
CREATE INDEX network_segment_project ON public.network_segment USING btree (project_id);
CREATE UNIQUE INDEX network_segment_taken ON public.network_segment USING btree (network_type, physical_network, segmentation_id) NULLS NOT DISTINCT WHERE ((segmentation_id IS NOT NULL) OR (network_type = 'flat'::text));

create table network_segment_range (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  default boolean not null default false,
  shared boolean not null default true,
  network_type text not null,
  physical_network text,
  minimum bigint not null,
  maximum bigint not null,
  constraint network_segment_range_check CHECK ((minimum <= maximum)),
  constraint network_segment_range_pkey PRIMARY KEY (id)
);
CREATE INDEX network_segment_range_project ON public.network_segment_range USING btree (project_id);

create table network_service_profile (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  driver text not null default ''::text,
  metainfo text not null default ''::text,
  enabled boolean not null default true,
  constraint network_service_profile_pkey PRIMARY KEY (id)
);
CREATE INDEX network_service_profile_project ON public.network_service_profile USING btree (project_id);

create table network_subnet (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  network_id uuid not null,
  ip_version integer not null,
  cidr cidr not null,
  gateway_ip inet,
  enable_dhcp boolean not null default true,
  ipv6_ra_mode text,
  ipv6_address_mode text,
  subnetpool_id uuid,
  segment_id uuid,
  dns_nameservers text[] not null default '{}'::text[],
  host_routes jsonb not null default '[]'::jsonb,
  service_types text[] not null default '{}'::text[],
  dns_publish_fixed_ip boolean not null default false,
  constraint network_subnet_check CHECK ((family((cidr)::inet) = ip_version)),
  constraint network_subnet_ip_version_check CHECK ((ip_version = ANY (ARRAY[4, 6]))),
  constraint network_subnet_network_id_fkey FOREIGN KEY (network_id) REFERENCES network(id) ON DELETE CASCADE,
  constraint network_subnet_pkey PRIMARY KEY (id),
  constraint network_subnet_segment_id_fkey FOREIGN KEY (segment_id) REFERENCES network_segment(id),
  constraint network_subnet_subnetpool_id_fkey FOREIGN KEY (subnetpool_id) REFERENCES network_subnetpool(id)
);
CREATE INDEX network_subnet_network_id ON public.network_subnet USING btree (network_id);
CREATE INDEX network_subnet_project ON public.network_subnet USING btree (project_id);
CREATE INDEX network_subnet_segment_id ON public.network_subnet USING btree (segment_id);
CREATE INDEX network_subnet_subnetpool_id ON public.network_subnet USING btree (subnetpool_id);

create table network_subnetpool (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  ip_version integer not null,
  prefixes cidr[] not null,
  default_quota integer,
  default_prefixlen integer not null,
  min_prefixlen integer not null,
  max_prefixlen integer not null,
  is_default boolean not null default false,
  address_scope_id uuid,
  constraint network_subnetpool_address_scope_id_fkey FOREIGN KEY (address_scope_id) REFERENCES network_address_scope(id),
  constraint network_subnetpool_ip_version_check CHECK ((ip_version = ANY (ARRAY[4, 6]))),
  constraint network_subnetpool_pkey PRIMARY KEY (id)
);
CREATE INDEX network_subnetpool_address_scope_id ON public.network_subnetpool USING btree (address_scope_id);
CREATE UNIQUE INDEX network_subnetpool_default ON public.network_subnetpool USING btree (ip_version) WHERE is_default;
CREATE INDEX network_subnetpool_project ON public.network_subnetpool USING btree (project_id);

create table network_subport (
  port_id uuid not null,
  trunk_id uuid not null,
  segmentation_type text not null,
  segmentation_id integer not null,
  constraint network_subport_pkey PRIMARY KEY (port_id),
  constraint network_subport_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id),
  constraint network_subport_trunk_id_fkey FOREIGN KEY (trunk_id) REFERENCES network_trunk(id) ON DELETE CASCADE,
  constraint network_subport_trunk_id_segmentation_type_segmentation_id_key UNIQUE (trunk_id, segmentation_type, segmentation_id)
);

create table network_trunk (
  id uuid not null default gen_random_uuid(),
  project_id text not null,
  description text not null default ''::text,
  tags text[] not null default '{}'::text[],
  revision_number integer not null default 0,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  name text not null default ''::text,
  port_id uuid not null,
  admin_state_up boolean not null default true,
  status text not null default 'DOWN'::text,
  constraint network_trunk_pkey PRIMARY KEY (id),
  constraint network_trunk_port_id_fkey FOREIGN KEY (port_id) REFERENCES network_port(id),
  constraint network_trunk_port_id_key UNIQUE (port_id)
);
CREATE INDEX network_trunk_project ON public.network_trunk USING btree (project_id);

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
  seq bigint not null generated always as identity,
  chassis_uuid uuid,
  conductor_group text not null default ''::text,
  interfaces jsonb not null default '{}'::jsonb,
  automated_clean boolean,
  protected boolean not null default false,
  protected_reason text,
  retired boolean not null default false,
  retired_reason text,
  lessee text,
  network_data jsonb not null default '{}'::jsonb,
  boot_mode text,
  secure_boot boolean,
  shard text,
  parent_node uuid,
  raid_config jsonb not null default '{}'::jsonb,
  target_raid_config jsonb not null default '{}'::jsonb,
  clean_step jsonb not null default '{}'::jsonb,
  deploy_step jsonb not null default '{}'::jsonb,
  service_step jsonb not null default '{}'::jsonb,
  console_enabled boolean not null default false,
  inspection_started_at timestamp with time zone,
  inspection_finished_at timestamp with time zone,
  driver_internal_info jsonb not null default '{}'::jsonb,
  boot_detail jsonb not null default '{}'::jsonb,
  pool_uuid uuid not null default '00000000-0000-4000-8000-000000000001'::uuid,
  zone_uuid uuid not null default '00000000-0000-4000-8000-000000000001'::uuid,
  constraint node_boot_kind_check CHECK ((boot_kind = ANY (ARRAY['agent'::text, 'disk'::text, 'hold'::text, 'image'::text, 'volume'::text]))),
  constraint node_chassis_uuid_fkey FOREIGN KEY (chassis_uuid) REFERENCES chassis(uuid),
  constraint node_instance_uuid_key UNIQUE (instance_uuid),
  constraint node_name_key UNIQUE (name),
  constraint node_parent_node_fkey FOREIGN KEY (parent_node) REFERENCES node(uuid),
  constraint node_pkey PRIMARY KEY (uuid),
  constraint node_pool_uuid_fkey FOREIGN KEY (pool_uuid) REFERENCES pool(uuid),
  constraint node_zone_uuid_fkey FOREIGN KEY (zone_uuid) REFERENCES zone(uuid)
);
CREATE INDEX node_chassis ON public.node USING btree (chassis_uuid) WHERE (chassis_uuid IS NOT NULL);
CREATE INDEX node_pool ON public.node USING btree (pool_uuid);
CREATE INDEX node_resource_class ON public.node USING btree (resource_class);
CREATE UNIQUE INDEX node_seq ON public.node USING btree (seq);
CREATE UNIQUE INDEX node_system_uuid ON public.node USING btree (system_uuid) WHERE (system_uuid IS NOT NULL);
CREATE INDEX node_zone ON public.node USING btree (zone_uuid);
CREATE TRIGGER placement_node_changed AFTER UPDATE OF provision_state, maintenance, retired, instance_uuid, resource_class ON public.node FOR EACH ROW WHEN (((old.resource_class IS DISTINCT FROM new.resource_class) OR ((new.resource_class IS NOT NULL) AND (((old.provision_state = 'available'::text) AND (NOT old.maintenance) AND (NOT old.retired) AND (old.instance_uuid IS NULL)) <> ((new.provision_state = 'available'::text) AND (NOT new.maintenance) AND (NOT new.retired) AND (new.instance_uuid IS NULL)))))) EXECUTE FUNCTION placement_follow_node();
CREATE TRIGGER placement_node_gone BEFORE DELETE ON public.node FOR EACH ROW EXECUTE FUNCTION placement_follow_node();
CREATE TRIGGER placement_node_made AFTER INSERT ON public.node FOR EACH ROW WHEN ((new.resource_class IS NOT NULL)) EXECUTE FUNCTION placement_follow_node();

create table node_tag (
  node_uuid uuid not null,
  tag_uuid uuid not null,
  constraint node_tag_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint node_tag_pkey PRIMARY KEY (node_uuid, tag_uuid),
  constraint node_tag_tag_uuid_fkey FOREIGN KEY (tag_uuid) REFERENCES machine_tag(uuid) ON DELETE CASCADE
);
CREATE INDEX node_tag_tag ON public.node_tag USING btree (tag_uuid);

create table node_trait (
  node_uuid uuid not null,
  trait text not null,
  constraint node_trait_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint node_trait_pkey PRIMARY KEY (node_uuid, trait)
);
CREATE TRIGGER placement_node_trait AFTER INSERT OR DELETE ON public.node_trait FOR EACH ROW EXECUTE FUNCTION placement_follow_trait();

create table object_account (
  name text not null,
  created_us bigint not null,
  headers jsonb not null default '{}'::jsonb,
  constraint object_account_pkey PRIMARY KEY (name)
);

create table object_blob (
  id uuid not null,
  size bigint not null,
  created_at timestamp with time zone not null default now(),
  constraint object_blob_pkey PRIMARY KEY (id)
);

create table object_container (
  id bigint not null generated always as identity,
  account text not null,
  name text not null,
  created_us bigint not null,
  changed_us bigint not null,
  headers jsonb not null default '{}'::jsonb,
  constraint object_container_account_fkey FOREIGN KEY (account) REFERENCES object_account(name),
  constraint object_container_account_name_key UNIQUE (account, name),
  constraint object_container_pkey PRIMARY KEY (id)
);

create table object_garbage (
  blob_id uuid not null,
  constraint object_garbage_pkey PRIMARY KEY (blob_id)
);

create table object_item (
  container_id bigint not null,
  name text not null,
  blob_id uuid,
  size bigint not null,
  etag text not null,
  content_type text not null,
  modified_us bigint not null,
  headers jsonb not null default '{}'::jsonb,
  delete_at bigint,
  manifest jsonb,
  whole_size bigint,
  whole_etag text,
  constraint object_item_blob_id_fkey FOREIGN KEY (blob_id) REFERENCES object_blob(id),
  constraint object_item_check CHECK (((manifest IS NOT NULL) OR ((size = 0) = (blob_id IS NULL)))),
  constraint object_item_container_id_fkey FOREIGN KEY (container_id) REFERENCES object_container(id),
  constraint object_item_pkey PRIMARY KEY (container_id, name)
);
CREATE INDEX object_item_blob ON public.object_item USING btree (blob_id) WHERE (blob_id IS NOT NULL);
CREATE INDEX object_item_delete_at ON public.object_item USING btree (delete_at) WHERE (delete_at IS NOT NULL);
CREATE TRIGGER object_item_deleted AFTER DELETE ON public.object_item REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION object_item_changed();
CREATE TRIGGER object_item_inserted AFTER INSERT ON public.object_item REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION object_item_changed();
CREATE TRIGGER object_item_updated AFTER UPDATE ON public.object_item REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION object_item_changed();

create table object_usage (
  container_id bigint not null,
  part smallint not null,
  objects bigint not null,
  bytes bigint not null,
  constraint object_usage_container_id_fkey FOREIGN KEY (container_id) REFERENCES object_container(id) ON DELETE CASCADE,
  constraint object_usage_pkey PRIMARY KEY (container_id, part)
);

create table placement_allocation (
  consumer_uuid uuid not null,
  provider_uuid uuid not null,
  resource_class text not null,
  used integer not null,
  updated_at timestamp with time zone not null default now(),
  constraint placement_allocation_consumer_uuid_fkey FOREIGN KEY (consumer_uuid) REFERENCES placement_consumer(uuid) ON DELETE CASCADE,
  constraint placement_allocation_inventory FOREIGN KEY (provider_uuid, resource_class) REFERENCES placement_inventory(provider_uuid, resource_class) ON UPDATE CASCADE,
  constraint placement_allocation_pkey PRIMARY KEY (consumer_uuid, provider_uuid, resource_class),
  constraint placement_allocation_positive CHECK ((used > 0)),
  constraint placement_allocation_provider FOREIGN KEY (provider_uuid) REFERENCES placement_provider(uuid)
);
CREATE INDEX placement_allocation_of_provider ON public.placement_allocation USING btree (provider_uuid);

create table placement_consumer (
  uuid uuid not null,
  generation integer not null default 0,
  project_id text not null,
  user_id text not null,
  consumer_type text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint placement_consumer_pkey PRIMARY KEY (uuid)
);
CREATE INDEX placement_consumer_project ON public.placement_consumer USING btree (project_id);

create table placement_inventory (
  provider_uuid uuid not null,
  resource_class text not null,
  total integer not null,
  reserved integer not null default 0,
  min_unit integer not null default 1,
  max_unit integer not null default 2147483647,
  step_size integer not null default 1,
  allocation_ratio double precision not null default 1,
  updated_at timestamp with time zone not null default now(),
  constraint placement_inventory_class FOREIGN KEY (resource_class) REFERENCES placement_resource_class(name) ON UPDATE CASCADE,
  constraint placement_inventory_pkey PRIMARY KEY (provider_uuid, resource_class),
  constraint placement_inventory_provider_uuid_fkey FOREIGN KEY (provider_uuid) REFERENCES placement_provider(uuid) ON DELETE CASCADE
);
CREATE INDEX placement_inventory_class_used ON public.placement_inventory USING btree (resource_class);

create table placement_provider (
  uuid uuid not null,
  name text not null,
  generation integer not null default 0,
  parent_uuid uuid,
  root_uuid uuid not null,
  node_uuid uuid,
  changed xid8 not null default pg_current_xact_id(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint placement_provider_name UNIQUE (name),
  constraint placement_provider_parent FOREIGN KEY (parent_uuid) REFERENCES placement_provider(uuid),
  constraint placement_provider_pkey PRIMARY KEY (uuid),
  constraint placement_provider_root FOREIGN KEY (root_uuid) REFERENCES placement_provider(uuid) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX placement_provider_changed ON public.placement_provider USING btree (changed);
CREATE INDEX placement_provider_children ON public.placement_provider USING btree (parent_uuid) WHERE (parent_uuid IS NOT NULL);
CREATE INDEX placement_provider_tree ON public.placement_provider USING btree (root_uuid);

create table placement_provider_aggregate (
  provider_uuid uuid not null,
  aggregate_uuid uuid not null,
  constraint placement_provider_aggregate_pkey PRIMARY KEY (provider_uuid, aggregate_uuid),
  constraint placement_provider_aggregate_provider_uuid_fkey FOREIGN KEY (provider_uuid) REFERENCES placement_provider(uuid) ON DELETE CASCADE
);

create table placement_provider_gone (
  uuid uuid not null,
  changed xid8 not null default pg_current_xact_id(),
  gone_at timestamp with time zone not null default now()
);
CREATE INDEX placement_provider_gone_changed ON public.placement_provider_gone USING btree (changed);

create table placement_provider_trait (
  provider_uuid uuid not null,
  trait text not null,
  constraint placement_provider_trait_name FOREIGN KEY (trait) REFERENCES placement_trait(name),
  constraint placement_provider_trait_pkey PRIMARY KEY (provider_uuid, trait),
  constraint placement_provider_trait_provider_uuid_fkey FOREIGN KEY (provider_uuid) REFERENCES placement_provider(uuid) ON DELETE CASCADE
);
CREATE INDEX placement_provider_trait_used ON public.placement_provider_trait USING btree (trait);

create table placement_resource_class (
  name text not null,
  seq bigint not null generated always as identity,
  is_standard boolean not null default false,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint placement_resource_class_pkey PRIMARY KEY (name)
);

create table placement_trait (
  name text not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint placement_trait_pkey PRIMARY KEY (name)
);

create table pool (
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  description text not null default ''::text,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint pool_name_key UNIQUE (name),
  constraint pool_pkey PRIMARY KEY (uuid)
);

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
  seq bigint not null generated always as identity,
  portgroup_uuid uuid,
  is_smartnic boolean not null default false,
  name text,
  internal_info jsonb not null default '{}'::jsonb,
  inspected_link jsonb,
  constraint port_address_check CHECK ((address ~ '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$'::text)),
  constraint port_address_key UNIQUE (address),
  constraint port_name_key UNIQUE (name),
  constraint port_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint port_pkey PRIMARY KEY (uuid),
  constraint port_portgroup_uuid_fkey FOREIGN KEY (portgroup_uuid) REFERENCES portgroup(uuid)
);
CREATE INDEX port_node ON public.port USING btree (node_uuid);
CREATE INDEX port_portgroup ON public.port USING btree (portgroup_uuid) WHERE (portgroup_uuid IS NOT NULL);
CREATE TRIGGER switch_vif_changed AFTER UPDATE OF internal_info ON public.port FOR EACH ROW WHEN ((old.internal_info IS DISTINCT FROM new.internal_info)) EXECUTE FUNCTION switch_wish_changed();

create table portgroup (
  uuid uuid not null default gen_random_uuid(),
  node_uuid uuid not null,
  name text,
  address text,
  mode text not null default 'active-backup'::text,
  properties jsonb not null default '{}'::jsonb,
  standalone_ports_supported boolean not null default true,
  internal_info jsonb not null default '{}'::jsonb,
  extra jsonb not null default '{}'::jsonb,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint portgroup_address_key UNIQUE (address),
  constraint portgroup_name_key UNIQUE (name),
  constraint portgroup_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint portgroup_pkey PRIMARY KEY (uuid)
);
CREATE INDEX portgroup_node ON public.portgroup USING btree (node_uuid);
CREATE TRIGGER switch_group_changed AFTER UPDATE OF internal_info, mode ON public.portgroup FOR EACH ROW WHEN (((old.internal_info IS DISTINCT FROM new.internal_info) OR (old.mode IS DISTINCT FROM new.mode))) EXECUTE FUNCTION switch_wish_changed();

create table power_source (
  node_uuid uuid not null,
  told_by text not null,
  since timestamp with time zone not null default now(),
  constraint power_source_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint power_source_pkey PRIMARY KEY (node_uuid),
  constraint power_source_told_by_check CHECK ((told_by = ANY (ARRAY['stream'::text, 'push'::text])))
);

create table runbook (
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  steps jsonb not null,
  disable_ramdisk boolean not null default false,
  public boolean not null default false,
  owner text,
  extra jsonb not null default '{}'::jsonb,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint runbook_name_key UNIQUE (name),
  constraint runbook_pkey PRIMARY KEY (uuid)
);

create table script_result (
  uuid uuid not null default gen_random_uuid(),
  node_uuid uuid not null,
  run text not null,
  script text not null,
  type text not null,
  instance text not null default ''::text,
  status text not null,
  exit_status integer,
  output text not null,
  error_output text not null,
  result jsonb,
  started_at timestamp with time zone not null,
  ended_at timestamp with time zone not null,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint script_result_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint script_result_once UNIQUE (node_uuid, run, script, instance),
  constraint script_result_pkey PRIMARY KEY (uuid),
  constraint script_result_status_check CHECK ((status = ANY (ARRAY['passed'::text, 'failed'::text, 'timed out'::text, 'not run'::text])))
);

create table server (
  uuid uuid not null default gen_random_uuid(),
  seq bigint not null generated always as identity,
  project_id text not null,
  user_id text not null,
  name text not null,
  hostname text not null,
  description text,
  flavor jsonb not null,
  image_id uuid,
  image_properties jsonb not null default '{}'::jsonb,
  key_name text,
  public_key text,
  user_data text,
  admin_password text,
  config_drive boolean not null default false,
  files jsonb not null default '[]'::jsonb,
  metadata jsonb not null default '{}'::jsonb,
  tags jsonb not null default '[]'::jsonb,
  zone_asked text,
  zone text,
  host text,
  node_uuid uuid,
  launch_index integer not null default 0,
  reservation_id text not null,
  access_ip_v4 text not null default ''::text,
  access_ip_v6 text not null default ''::text,
  disk_config text not null default 'MANUAL'::text,
  networks jsonb not null default '[]'::jsonb,
  hints jsonb not null default '{}'::jsonb,
  group_uuid uuid,
  state text not null,
  task text,
  fault jsonb,
  locked_by text,
  locked_reason text,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  launched_at timestamp with time zone,
  terminated_at timestamp with time zone,
  deleted_at timestamp with time zone,
  constraint server_group_uuid_fkey FOREIGN KEY (group_uuid) REFERENCES server_group(uuid) ON DELETE SET NULL,
  constraint server_pkey PRIMARY KEY (uuid)
);
CREATE INDEX server_created ON public.server USING btree (created_at, seq);
CREATE UNIQUE INDEX server_node ON public.server USING btree (node_uuid) WHERE (deleted_at IS NULL);
CREATE INDEX server_of_group ON public.server USING btree (group_uuid) WHERE (deleted_at IS NULL);
CREATE INDEX server_project ON public.server USING btree (project_id, created_at, seq) WHERE (deleted_at IS NULL);
CREATE INDEX server_updated ON public.server USING btree (updated_at);

create table server_action (
  id bigint not null generated always as identity,
  server_uuid uuid not null,
  request_id text not null,
  action text not null,
  project_id text,
  user_id text,
  message text,
  started_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint server_action_pkey PRIMARY KEY (id),
  constraint server_action_server_uuid_fkey FOREIGN KEY (server_uuid) REFERENCES server(uuid) ON DELETE CASCADE
);
CREATE INDEX server_action_of ON public.server_action USING btree (server_uuid, request_id);

create table server_event (
  id bigint not null generated always as identity,
  action_id bigint not null,
  event text not null,
  started_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  result text,
  details text,
  host text,
  constraint server_event_action_id_fkey FOREIGN KEY (action_id) REFERENCES server_action(id) ON DELETE CASCADE,
  constraint server_event_pkey PRIMARY KEY (id)
);
CREATE INDEX server_event_of ON public.server_event USING btree (action_id);

create table server_group (
  uuid uuid not null default gen_random_uuid(),
  seq bigint not null generated always as identity,
  project_id text not null,
  user_id text not null,
  name text not null,
  policy text not null,
  rules jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint server_group_pkey PRIMARY KEY (uuid)
);
CREATE INDEX server_group_project ON public.server_group USING btree (project_id);

create table setting (
  name text not null,
  sealed text not null,
  constraint setting_pkey PRIMARY KEY (name)
);

create table switch (
  chassis_mac text not null,
  name text not null,
  driver text not null,
  physical_network text not null,
  touches text[],
  model text,
  software text,
  seen_at timestamp with time zone,
  failing_since timestamp with time zone,
  last_error text,
  next_try_at timestamp with time zone,
  constraint switch_name_key UNIQUE (name),
  constraint switch_pkey PRIMARY KEY (chassis_mac)
);

create table switch_port (
  switch_id text not null,
  port_id text not null,
  node_uuid uuid not null,
  port_uuid uuid not null,
  purpose text not null,
  network_id uuid,
  applied jsonb,
  applied_at timestamp with time zone,
  differs_since timestamp with time zone default now(),
  last_error text,
  constraint switch_port_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint switch_port_pkey PRIMARY KEY (switch_id, port_id),
  constraint switch_port_port_uuid_fkey FOREIGN KEY (port_uuid) REFERENCES port(uuid) ON DELETE CASCADE,
  constraint switch_port_port_uuid_key UNIQUE (port_uuid),
  constraint switch_port_purpose_check CHECK ((purpose = ANY (ARRAY['provisioning'::text, 'cleaning'::text, 'rescuing'::text, 'inspection'::text, 'servicing'::text, 'tenant'::text, 'none'::text])))
);
CREATE INDEX switch_port_node ON public.switch_port USING btree (node_uuid);
CREATE TRIGGER switch_port_changed AFTER INSERT OR DELETE OR UPDATE OF node_uuid, port_uuid, purpose, network_id ON public.switch_port FOR EACH STATEMENT EXECUTE FUNCTION switch_wish_changed();

create table trap_enrolment (
  node_uuid uuid not null,
  receiver text not null,
  owner text not null,
  driver text not null,
  driver_info jsonb not null,
  driver_secrets text,
  enrolled_at timestamp with time zone not null default now(),
  constraint trap_enrolment_pkey PRIMARY KEY (node_uuid, receiver)
);

create table volume_connector (
  uuid uuid not null default gen_random_uuid(),
  node_uuid uuid not null,
  type text not null,
  connector_id text not null,
  extra jsonb not null default '{}'::jsonb,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint volume_connector_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint volume_connector_pkey PRIMARY KEY (uuid),
  constraint volume_connector_type_and_id UNIQUE (type, connector_id)
);
CREATE INDEX volume_connector_node ON public.volume_connector USING btree (node_uuid);

create table volume_target (
  uuid uuid not null default gen_random_uuid(),
  node_uuid uuid not null,
  volume_type text not null,
  volume_id text not null,
  boot_index integer not null,
  properties jsonb not null default '{}'::jsonb,
  extra jsonb not null default '{}'::jsonb,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint volume_target_boot_index UNIQUE (node_uuid, boot_index),
  constraint volume_target_node_uuid_fkey FOREIGN KEY (node_uuid) REFERENCES node(uuid) ON DELETE CASCADE,
  constraint volume_target_pkey PRIMARY KEY (uuid)
);

create table zone (
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  description text not null default ''::text,
  seq bigint not null generated always as identity,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone,
  constraint zone_name_key UNIQUE (name),
  constraint zone_pkey PRIMARY KEY (uuid)
);

create view compute_machine as
 SELECT n.uuid,
    n.seq,
    (n.uuid)::text AS host,
    n.name,
    n.resource_class,
    n.instance_uuid,
    n.power_state,
    n.provision_state,
    n.properties,
    COALESCE((n.driver_info ->> 'redfish_address'::text), (n.driver_info ->> 'ipmi_address'::text)) AS bmc_address,
    COALESCE(h.disabled, false) AS disabled,
    h.disabled_reason,
    COALESCE(h.forced_down, false) AS forced_down,
    ((NOT n.maintenance) AND (NOT n.retired) AND (NOT COALESCE(h.forced_down, false))) AS up,
    COALESCE(( SELECT (a.metadata ->> 'availability_zone'::text)
           FROM (aggregate a
             JOIN aggregate_host m ON ((m.aggregate_id = a.id)))
          WHERE ((m.host = (n.uuid)::text) AND (a.metadata ? 'availability_zone'::text))
          ORDER BY a.id
         LIMIT 1), 'nova'::text) AS zone,
    GREATEST(n.created_at, n.updated_at, n.provision_updated_at, h.updated_at) AS updated_at
   FROM (node n
     LEFT JOIN compute_host h ON ((h.name = (n.uuid)::text)))
  WHERE ((n.resource_class IS NOT NULL) AND ((n.instance_uuid IS NOT NULL) OR (n.provision_state = ANY (ARRAY['available'::text, 'cleaning'::text, 'clean wait'::text, 'clean hold'::text, 'clean failed'::text, 'deleting'::text]))));

create view network_router_agent as
 SELECT router_id,
    agent_id,
    place
   FROM ( SELECT r.id AS router_id,
            a.id AS agent_id,
            r.ha,
            row_number() OVER (PARTITION BY r.id ORDER BY (md5(((r.id)::text || a.host)))) AS place
           FROM ((network_router r
             CROSS JOIN network_agent a)
             LEFT JOIN network_agent_router g ON (((g.agent_id = a.id) AND (g.router_id = r.id))))
          WHERE ((a.agent_type = 'L3 agent'::text) AND a.admin_state_up AND COALESCE(g.is_given, (NOT (EXISTS ( SELECT
                   FROM network_agent_router b
                  WHERE ((b.router_id = r.id) AND b.is_given))))))) drawn
  WHERE (place <=
        CASE
            WHEN (NOT ha) THEN 1
            ELSE 5
        END);

create view server_address as
 SELECT p.device_id,
    p.id AS port_id,
    n.id AS network_id,
    n.name AS network,
    host(a.ip_address) AS address,
    family(a.ip_address) AS version,
    (p.mac_address)::text AS mac,
    p.created_at AS port_created_at,
    a."position",
    ARRAY( SELECT host(f.floating_ip_address) AS host
           FROM network_floatingip f
          WHERE ((f.port_id = p.id) AND (f.fixed_ip_address = a.ip_address))) AS floating
   FROM ((network_port p
     JOIN network n ON ((n.id = p.network_id)))
     JOIN network_address a ON ((a.port_id = p.id)))
  WHERE (p.device_id <> ''::text);

create view server_seen as
 SELECT s.uuid,
    s.seq,
    s.project_id,
    s.user_id,
    s.name,
    s.hostname,
    s.description,
    s.flavor,
    s.image_id,
    s.image_properties,
    s.key_name,
    s.public_key,
    s.user_data,
    s.admin_password,
    s.config_drive,
    s.files,
    s.metadata,
    s.tags,
    s.zone_asked,
    s.zone,
    s.host,
    s.node_uuid,
    s.launch_index,
    s.reservation_id,
    s.access_ip_v4,
    s.access_ip_v6,
    s.disk_config,
    s.networks,
    s.hints,
    s.group_uuid,
    s.state,
    s.task,
    s.fault,
    s.locked_by,
    s.locked_reason,
    s.created_at,
    s.updated_at,
    s.launched_at,
    s.terminated_at,
    s.deleted_at,
    n.name AS node_name,
    n.provision_state AS node_state,
        CASE
            WHEN ((n.uuid IS NULL) OR (n.instance_uuid IS DISTINCT FROM s.uuid)) THEN 0
            WHEN (n.power_state = 'power on'::text) THEN 1
            WHEN (n.power_state = 'power off'::text) THEN 4
            ELSE 0
        END AS power,
        CASE
            WHEN ((s.task IS NULL) AND (n.instance_uuid = s.uuid) AND (s.state = 'active'::text) AND (n.power_state = 'power off'::text)) THEN 'stopped'::text
            WHEN ((s.task IS NULL) AND (n.instance_uuid = s.uuid) AND (s.state = 'stopped'::text) AND (n.power_state = 'power on'::text)) THEN 'active'::text
            ELSE s.state
        END AS vm_state
   FROM (server s
     LEFT JOIN node n ON ((n.uuid = s.node_uuid)));

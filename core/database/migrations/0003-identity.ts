import { type Kysely, sql } from 'kysely';

/** Identity: who there is, who may do what where, and what proves it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await people(db);
  await catalog(db);
  await proofs(db);
  await federation(db);
}

async function people(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table identity_project (
      id text primary key,
      name text not null,
      is_domain boolean not null default false,
      domain_id text references identity_project (id) on delete cascade,
      parent_id text references identity_project (id),
      enabled boolean not null default true,
      description text not null default '',
      tags text[] not null default '{}',
      options jsonb not null default '{}',
      extra jsonb not null default '{}',
      check (is_domain = (domain_id is null)),
      unique nulls not distinct (domain_id, name)
    )`.execute(db);
  await sql`create index identity_project_parent on identity_project (parent_id)`.execute(db);
  await sql`
    create table identity_user (
      id text primary key,
      domain_id text not null references identity_project (id) on delete cascade,
      name text not null,
      enabled boolean not null default true,
      default_project_id text,
      description text,
      options jsonb not null default '{}',
      extra jsonb not null default '{}',
      external_id text,
      failed_logins integer not null default 0,
      failed_login_at timestamptz,
      last_active_on text,
      created_at timestamptz not null default now(),
      unique (domain_id, name)
    )`.execute(db);
  await sql`
    create table identity_password (
      id bigint generated always as identity primary key,
      user_id text not null references identity_user (id) on delete cascade,
      hash text not null,
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      self_service boolean not null default false
    )`.execute(db);
  await sql`create index identity_password_user on identity_password (user_id, id)`.execute(db);
  await sql`
    create table identity_group (
      id text primary key,
      domain_id text not null references identity_project (id) on delete cascade,
      name text not null,
      description text not null default '',
      extra jsonb not null default '{}',
      unique (domain_id, name)
    )`.execute(db);
  await sql`
    create table identity_group_member (
      group_id text not null references identity_group (id) on delete cascade,
      user_id text not null references identity_user (id) on delete cascade,
      expires_at timestamptz,
      primary key (group_id, user_id)
    )`.execute(db);
  await sql`create index identity_group_member_user on identity_group_member (user_id)`.execute(db);
  await sql`
    create table identity_role (
      id text primary key,
      name text not null,
      domain_id text references identity_project (id) on delete cascade,
      description text,
      options jsonb not null default '{}',
      extra jsonb not null default '{}',
      unique nulls not distinct (domain_id, name)
    )`.execute(db);
  await sql`
    create table identity_role_implication (
      prior_role_id text not null references identity_role (id) on delete cascade,
      implied_role_id text not null references identity_role (id) on delete cascade,
      primary key (prior_role_id, implied_role_id)
    )`.execute(db);
  // Actors and targets have no foreign keys: they are of two kinds each; the services remove what points at nothing.
  await sql`
    create table identity_assignment (
      actor_kind text not null check (actor_kind in ('user', 'group')),
      actor_id text not null,
      target_kind text not null check (target_kind in ('project', 'domain', 'system')),
      target_id text not null,
      role_id text not null references identity_role (id) on delete cascade,
      inherited boolean not null default false,
      primary key (actor_kind, actor_id, target_kind, target_id, role_id, inherited)
    )`.execute(db);
  await sql`create index identity_assignment_target on identity_assignment (target_kind, target_id)`.execute(db);
}

async function catalog(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table identity_region (
      id text primary key,
      description text not null default '',
      parent_region_id text references identity_region (id),
      extra jsonb not null default '{}'
    )`.execute(db);
  await sql`
    create table identity_service (
      id text primary key,
      type text not null,
      name text,
      description text,
      enabled boolean not null default true,
      extra jsonb not null default '{}'
    )`.execute(db);
  await sql`
    create table identity_endpoint (
      id text primary key,
      service_id text not null references identity_service (id) on delete cascade,
      region_id text references identity_region (id),
      interface text not null check (interface in ('public', 'internal', 'admin')),
      url text not null,
      enabled boolean not null default true,
      extra jsonb not null default '{}'
    )`.execute(db);
  await sql`
    create table identity_endpoint_group (
      id text primary key,
      name text not null,
      description text,
      filters jsonb not null default '{}'
    )`.execute(db);
  await sql`
    create table identity_project_endpoint (
      project_id text not null references identity_project (id) on delete cascade,
      endpoint_id text not null references identity_endpoint (id) on delete cascade,
      primary key (project_id, endpoint_id)
    )`.execute(db);
  await sql`
    create table identity_project_endpoint_group (
      project_id text not null references identity_project (id) on delete cascade,
      endpoint_group_id text not null references identity_endpoint_group (id) on delete cascade,
      primary key (project_id, endpoint_group_id)
    )`.execute(db);
  await sql`
    create table identity_policy (
      id text primary key,
      type text not null,
      blob text not null,
      extra jsonb not null default '{}'
    )`.execute(db);
  await sql`
    create table identity_policy_association (
      id text primary key,
      policy_id text not null references identity_policy (id) on delete cascade,
      endpoint_id text references identity_endpoint (id) on delete cascade,
      service_id text references identity_service (id) on delete cascade,
      region_id text references identity_region (id) on delete cascade,
      unique nulls not distinct (endpoint_id, service_id, region_id)
    )`.execute(db);
  await sql`
    create table identity_registered_limit (
      id text primary key,
      service_id text not null references identity_service (id),
      region_id text references identity_region (id),
      resource_name text not null,
      default_limit integer not null,
      description text,
      unique nulls not distinct (service_id, region_id, resource_name)
    )`.execute(db);
  await sql`
    create table identity_limit (
      id text primary key,
      registered_limit_id text not null references identity_registered_limit (id),
      project_id text references identity_project (id) on delete cascade,
      domain_id text references identity_project (id) on delete cascade,
      resource_limit integer not null,
      description text,
      unique nulls not distinct (registered_limit_id, project_id, domain_id)
    )`.execute(db);
  await sql`
    create table identity_domain_config (
      domain_id text not null references identity_project (id) on delete cascade,
      group_name text not null,
      option_name text not null,
      sealed text not null,
      primary key (domain_id, group_name, option_name)
    )`.execute(db);
}

async function proofs(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table identity_credential (
      id text primary key,
      user_id text not null,
      project_id text,
      type text not null,
      sealed_blob text not null,
      access_hash text unique,
      application_credential_id text,
      trust_id text,
      access_token_id text,
      extra jsonb not null default '{}'
    )`.execute(db);
  await sql`create index identity_credential_user on identity_credential (user_id)`.execute(db);
  await sql`
    create table identity_application_credential (
      id text primary key,
      user_id text not null references identity_user (id) on delete cascade,
      project_id text not null references identity_project (id) on delete cascade,
      name text not null,
      secret_hash text not null,
      description text,
      expires_at timestamptz,
      unrestricted boolean not null default false,
      role_ids text[] not null,
      unique (user_id, name)
    )`.execute(db);
  await sql`
    create table identity_access_rule (
      id text primary key,
      user_id text not null references identity_user (id) on delete cascade,
      service text not null,
      path text not null,
      method text not null,
      unique (user_id, service, path, method)
    )`.execute(db);
  await sql`
    create table identity_application_credential_rule (
      application_credential_id text not null references identity_application_credential (id) on delete cascade,
      access_rule_id text not null references identity_access_rule (id),
      primary key (application_credential_id, access_rule_id)
    )`.execute(db);
  await sql`
    create table identity_trust (
      id text primary key,
      trustor_user_id text not null references identity_user (id) on delete cascade,
      trustee_user_id text not null references identity_user (id) on delete cascade,
      project_id text references identity_project (id) on delete cascade,
      impersonation boolean not null,
      expires_at timestamptz,
      remaining_uses integer,
      redelegated_trust_id text,
      redelegation_count integer not null default 0,
      allow_redelegation boolean not null default false,
      role_ids text[] not null,
      deleted_at timestamptz,
      extra jsonb not null default '{}'
    )`.execute(db);
  await sql`
    create table identity_consumer (
      id text primary key,
      secret text not null,
      description text,
      extra jsonb not null default '{}'
    )`.execute(db);
  for (const [table, more] of [
    ['identity_request_token', ', verifier text'],
    ['identity_access_token', ''],
  ] as const) {
    await sql`
      create table ${sql.table(table)} (
        id text primary key,
        secret text not null,
        consumer_id text not null references identity_consumer (id) on delete cascade,
        project_id text not null references identity_project (id) on delete cascade,
        authorizing_user_id text references identity_user (id) on delete cascade,
        role_ids text[] not null default '{}',
        expires_at timestamptz${sql.raw(more)}
      )`.execute(db);
  }
  await sql`
    create table identity_revocation (
      id bigint generated always as identity primary key,
      audit_id text,
      audit_chain_id text,
      user_id text,
      project_id text,
      domain_id text,
      role_id text,
      trust_id text,
      consumer_id text,
      access_token_id text,
      issued_before timestamptz not null,
      expires_at timestamptz,
      revoked_at timestamptz not null default now()
    )`.execute(db);
  await sql`create index identity_revocation_time on identity_revocation (revoked_at)`.execute(db);
  await sql`
    create table identity_token_key (
      number integer generated always as identity primary key,
      sealed text not null,
      created_at timestamptz not null default now()
    )`.execute(db);
}

async function federation(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table identity_provider (
      id text primary key,
      domain_id text not null references identity_project (id) on delete cascade,
      enabled boolean not null default false,
      description text,
      authorization_ttl_minutes integer
    )`.execute(db);
  await sql`
    create table identity_provider_remote (
      remote_id text primary key,
      provider_id text not null references identity_provider (id) on delete cascade
    )`.execute(db);
  await sql`
    create table identity_mapping (
      id text primary key,
      rules jsonb not null,
      schema_version text not null default '1.0'
    )`.execute(db);
  await sql`
    create table identity_federation_protocol (
      provider_id text not null references identity_provider (id) on delete cascade,
      id text not null,
      mapping_id text not null,
      remote_id_attribute text,
      primary key (provider_id, id)
    )`.execute(db);
  await sql`
    create table identity_service_provider (
      id text primary key,
      enabled boolean not null default false,
      description text,
      auth_url text not null,
      sp_url text not null,
      relay_state_prefix text not null
    )`.execute(db);
  await sql`
    create table identity_federated_user (
      provider_id text not null references identity_provider (id) on delete cascade,
      protocol_id text not null,
      unique_id text not null,
      user_id text not null references identity_user (id) on delete cascade,
      display_name text,
      primary key (provider_id, protocol_id, unique_id)
    )`.execute(db);
}

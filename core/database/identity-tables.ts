import type { ColumnType, Generated, JSONColumnType } from 'kysely';
import type { JsonObject } from '../base/json.ts';

/** Timestamps are read as Date and written as Date or ISO text; ids are 32 hex digits, as OpenStack's clients expect. */
type Instant = ColumnType<Date, Date | string, Date | string>;
type NullableInstant = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
type Created = ColumnType<Date, Date | string | undefined, never>;
type JsonColumn<T> = JSONColumnType<T & object, string | undefined, string>;
type Extra = JsonColumn<JsonObject>;

/** Tables of the identity room. `extra` holds the attributes that callers add on their own. */
export interface IdentityTables {
  identity_project: IdentityProjectTable;
  identity_user: IdentityUserTable;
  identity_password: IdentityPasswordTable;
  identity_group: { id: string; domain_id: string; name: string; description: string; extra: Extra };
  identity_group_member: { group_id: string; user_id: string; expires_at: NullableInstant };
  identity_role: IdentityRoleTable;
  identity_role_implication: { prior_role_id: string; implied_role_id: string };
  identity_assignment: IdentityAssignmentTable;
  identity_region: { id: string; description: string; parent_region_id: string | null; extra: Extra };
  identity_service: { id: string; type: string; name: string | null; description: string | null; enabled: boolean; extra: Extra };
  identity_endpoint: IdentityEndpointTable;
  identity_endpoint_group: { id: string; name: string; description: string | null; filters: JsonColumn<JsonObject> };
  identity_project_endpoint: { project_id: string; endpoint_id: string };
  identity_project_endpoint_group: { project_id: string; endpoint_group_id: string };
  identity_policy: { id: string; type: string; blob: string; extra: Extra };
  identity_policy_association: {
    id: string;
    policy_id: string;
    endpoint_id: string | null;
    service_id: string | null;
    region_id: string | null;
  };
  identity_credential: IdentityCredentialTable;
  identity_application_credential: IdentityApplicationCredentialTable;
  identity_access_rule: { id: string; user_id: string; service: string; path: string; method: string };
  identity_application_credential_rule: { application_credential_id: string; access_rule_id: string };
  identity_trust: IdentityTrustTable;
  identity_registered_limit: {
    id: string;
    service_id: string;
    region_id: string | null;
    resource_name: string;
    default_limit: number;
    description: string | null;
  };
  identity_limit: IdentityLimitTable;
  identity_domain_config: { domain_id: string; group_name: string; option_name: string; sealed: string };
  identity_consumer: { id: string; secret: string; description: string | null; extra: Extra };
  identity_request_token: IdentityOauthTokenTable & { verifier: string | null };
  identity_access_token: IdentityOauthTokenTable;
  identity_provider: IdentityProviderTable;
  identity_provider_remote: { remote_id: string; provider_id: string };
  identity_mapping: { id: string; rules: JsonColumn<unknown[]>; schema_version: string };
  identity_federation_protocol: { provider_id: string; id: string; mapping_id: string; remote_id_attribute: string | null };
  identity_service_provider: IdentityServiceProviderTable;
  identity_federated_user: {
    provider_id: string;
    protocol_id: string;
    unique_id: string;
    user_id: string;
    display_name: string | null;
  };
  identity_revocation: IdentityRevocationTable;
  identity_token_key: { number: Generated<number>; sealed: string; created_at: Created };
}

/** Domains are projects that act as one: one namespace of ids, one tree, so that roles, tags and limits know one target. */
export interface IdentityProjectTable {
  id: string;
  name: string;
  is_domain: boolean;
  /** Null for a domain. */
  domain_id: string | null;
  parent_id: string | null;
  enabled: boolean;
  description: string;
  tags: ColumnType<string[], string[] | undefined, string[]>;
  options: Extra;
  extra: Extra;
}

export interface IdentityUserTable {
  id: string;
  domain_id: string;
  name: string;
  enabled: boolean;
  default_project_id: string | null;
  description: string | null;
  options: Extra;
  extra: Extra;
  /** Set for users of a directory: the name by which it knows them. */
  external_id: string | null;
  failed_logins: Generated<number>;
  failed_login_at: NullableInstant;
  last_active_on: ColumnType<string | null, string | null | undefined, string | null>;
  created_at: Created;
}

export interface IdentityPasswordTable {
  id: Generated<number>;
  user_id: string;
  hash: string;
  created_at: Instant;
  expires_at: NullableInstant;
  self_service: boolean;
}

export interface IdentityRoleTable {
  id: string;
  name: string;
  /** Null: a role of the whole cloud. */
  domain_id: string | null;
  description: string | null;
  options: Extra;
  extra: Extra;
}

export interface IdentityAssignmentTable {
  actor_kind: 'user' | 'group';
  actor_id: string;
  target_kind: 'project' | 'domain' | 'system';
  target_id: string;
  role_id: string;
  inherited: boolean;
}

export interface IdentityEndpointTable {
  id: string;
  service_id: string;
  region_id: string | null;
  interface: 'public' | 'internal' | 'admin';
  url: string;
  enabled: boolean;
  extra: Extra;
}

export interface IdentityCredentialTable {
  id: string;
  user_id: string;
  project_id: string | null;
  type: string;
  sealed_blob: string;
  /** For `ec2`: SHA-256 of the access key, to find it by. */
  access_hash: string | null;
  application_credential_id: string | null;
  trust_id: string | null;
  access_token_id: string | null;
  extra: Extra;
}

export interface IdentityApplicationCredentialTable {
  id: string;
  user_id: string;
  project_id: string;
  name: string;
  secret_hash: string;
  description: string | null;
  expires_at: NullableInstant;
  unrestricted: boolean;
  role_ids: ColumnType<string[], string[], string[]>;
}

export interface IdentityTrustTable {
  id: string;
  trustor_user_id: string;
  trustee_user_id: string;
  project_id: string | null;
  impersonation: boolean;
  expires_at: NullableInstant;
  remaining_uses: number | null;
  redelegated_trust_id: string | null;
  redelegation_count: number;
  allow_redelegation: boolean;
  role_ids: ColumnType<string[], string[], string[]>;
  deleted_at: NullableInstant;
  extra: Extra;
}

export interface IdentityLimitTable {
  id: string;
  registered_limit_id: string;
  project_id: string | null;
  domain_id: string | null;
  resource_limit: number;
  description: string | null;
}

export interface IdentityOauthTokenTable {
  id: string;
  secret: string;
  consumer_id: string;
  project_id: string;
  authorizing_user_id: string | null;
  role_ids: ColumnType<string[], string[], string[]>;
  expires_at: NullableInstant;
}

export interface IdentityProviderTable {
  id: string;
  domain_id: string;
  enabled: boolean;
  description: string | null;
  authorization_ttl_minutes: number | null;
}

export interface IdentityServiceProviderTable {
  id: string;
  enabled: boolean;
  description: string | null;
  auth_url: string;
  sp_url: string;
  relay_state_prefix: string;
}

/** What invalidates tokens made before `issued_before`; each null column matches all. */
export interface IdentityRevocationTable {
  id: Generated<number>;
  audit_id: string | null;
  audit_chain_id: string | null;
  user_id: string | null;
  project_id: string | null;
  domain_id: string | null;
  role_id: string | null;
  trust_id: string | null;
  consumer_id: string | null;
  access_token_id: string | null;
  issued_before: Instant;
  expires_at: NullableInstant;
  revoked_at: Instant;
}

import type { PolicyRule, PolicyScope } from './policy-engine.ts';

/*
 * The rules of Identity v3, as data. Admins of any scope administer; a system reader reads; a domain's reader reads and a
 * domain's manager manages what is in the domain; everyone sees what is their own.
 */
const EVERY: readonly PolicyScope[] = ['system', 'domain', 'project'];
const CLOUD: readonly PolicyScope[] = ['system', 'project'];
const ADMIN = 'rule:admin_required';
const SYSTEM_READER = '(role:reader and system_scope:all)';

const inDomain = (role: string, ...names: readonly string[]) =>
  `(role:${role} and ${names.map((name) => `domain_id:%(target.${name})s`).join(' and ')})`;
const anyOf = (...checks: readonly string[]) => checks.join(' or ');

function rules(scopes: readonly PolicyScope[], check: string, names: string, deprecated?: string): PolicyRule[] {
  return names.split(' ').map((name) => ({ name: `identity:${name}`, check, scopes, ...(deprecated === undefined ? {} : { deprecated }) }));
}

const shared: PolicyRule[] = [
  { name: 'admin_required', check: 'role:admin or is_admin:True' },
  { name: 'service_role', check: 'role:service' },
  { name: 'service_or_admin', check: 'rule:admin_required or rule:service_role' },
  { name: 'owner', check: 'user_id:%(user_id)s' },
  { name: 'admin_or_owner', check: 'rule:admin_required or rule:owner' },
  { name: 'token_subject', check: 'user_id:%(target.token.user_id)s' },
  // A domain's manager hands out no role that is more than its own.
  { name: 'managed_role', check: "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s" },
];

/** Nouns that only admins change and system readers see: [singular, plural]. */
const CLOUD_NOUNS = [
  ['consumer', 'consumers'],
  ['endpoint', 'endpoints'],
  ['endpoint_group', 'endpoint_groups'],
  ['identity_provider', 'identity_providers'],
  ['mapping', 'mappings'],
  ['policy', 'policies'],
  ['protocol', 'protocols'],
  ['role', 'roles'],
  ['domain_role', 'domain_roles'],
  ['service', 'services'],
  ['service_provider', 'service_providers'],
] as const;

const READ_BY_SYSTEM =
  'list_domains get_domain_config get_domain_config_default list_projects_associated_with_endpoint_group ' +
  'list_endpoints_associated_with_endpoint_group get_endpoint_group_in_project list_endpoint_groups_for_project ' +
  'list_system_grants_for_user check_system_grant_for_user list_system_grants_for_group check_system_grant_for_group ' +
  'get_implied_role list_implied_roles list_role_inference_rules check_implied_role check_policy_association_for_endpoint ' +
  'check_policy_association_for_service check_policy_association_for_region_and_service get_policy_for_endpoint ' +
  'list_endpoints_for_policy list_projects_for_endpoint check_endpoint_in_project list_endpoints_for_project list_trusts';

const CHANGED_BY_ADMIN =
  'create_domain update_domain delete_domain create_domain_config update_domain_config delete_domain_config ' +
  'add_endpoint_group_to_project remove_endpoint_group_from_project create_system_grant_for_user revoke_system_grant_for_user ' +
  'create_system_grant_for_group revoke_system_grant_for_group create_implied_role delete_implied_role ' +
  'create_policy_association_for_endpoint delete_policy_association_for_endpoint create_policy_association_for_service ' +
  'delete_policy_association_for_service create_policy_association_for_region_and_service ' +
  'delete_policy_association_for_region_and_service add_endpoint_to_project remove_endpoint_from_project create_region ' +
  'update_region delete_region create_registered_limits update_registered_limit delete_registered_limit create_limits ' +
  'update_limit delete_limit';

const cloud: PolicyRule[] = [
  ...CLOUD_NOUNS.flatMap(([one, many]) => [
    ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER), `get_${one} list_${many}`),
    ...rules(CLOUD, ADMIN, `create_${one} update_${one} delete_${one}`),
  ]),
  ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER), READ_BY_SYSTEM),
  ...rules(CLOUD, ADMIN, CHANGED_BY_ADMIN),
  ...rules(EVERY, '', 'get_region list_regions get_registered_limit list_registered_limits get_limit_model list_limits'),
  ...rules(EVERY, '', 'get_security_compliance_domain_config'),
  ...rules(['project'], ADMIN, 'authorize_request_token get_access_token get_access_token_role list_access_tokens'),
  ...rules(['project'], ADMIN, 'list_access_token_roles delete_access_token'),
  ...rules(CLOUD, 'rule:service_or_admin', 'list_revoke_events revocation_list'),
  ...rules(EVERY, 'rule:service_or_admin', 'ec2tokens_validate s3tokens_validate'),
  ...rules([], '', 'get_auth_catalog get_auth_projects get_auth_domains get_auth_system list_projects_for_user list_domains_for_user'),
  ...rules(
    EVERY,
    anyOf(
      ADMIN,
      SYSTEM_READER,
      'domain_id:%(target.limit.domain.id)s',
      'domain_id:%(target.limit.project.domain_id)s',
      '(project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)',
    ),
    'get_limit',
  ),
];

const OWN_TOKEN = 'rule:token_subject';
const tokens: PolicyRule[] = [
  ...rules(EVERY, anyOf(ADMIN, SYSTEM_READER, OWN_TOKEN), 'check_token'),
  ...rules(EVERY, anyOf(ADMIN, SYSTEM_READER, 'rule:service_role', OWN_TOKEN), 'validate_token'),
  ...rules(EVERY, anyOf(ADMIN, OWN_TOKEN), 'revoke_token'),
];

const OWN_PROJECT = 'project_id:%(target.project.id)s';
const MANAGED_PROJECT = inDomain('manager', 'project.domain_id');
const READ_PROJECT = anyOf(SYSTEM_READER, inDomain('reader', 'project.domain_id'), OWN_PROJECT);
const OWN_USER = 'user_id:%(target.user.id)s';
const READ_IN_DOMAIN = anyOf(ADMIN, SYSTEM_READER, inDomain('reader', 'domain_id'));
const READ_USER = anyOf(ADMIN, SYSTEM_READER, inDomain('reader', 'user.domain_id'), OWN_USER);
const READ_GROUP = anyOf(ADMIN, SYSTEM_READER, inDomain('reader', 'group.domain_id'));
const GROUP_AND_USER = (role: string) => inDomain(role, 'group.domain_id', 'user.domain_id');

const people: PolicyRule[] = [
  ...rules(
    EVERY,
    anyOf(ADMIN, SYSTEM_READER, 'token.domain.id:%(target.domain.id)s', 'token.project.domain.id:%(target.domain.id)s'),
    'get_domain',
  ),
  ...rules(EVERY, READ_PROJECT, 'get_project', anyOf(ADMIN, OWN_PROJECT)),
  ...rules(EVERY, anyOf(ADMIN, READ_PROJECT), 'list_project_tags get_project_tag'),
  ...rules(EVERY, READ_IN_DOMAIN, 'list_projects list_users list_role_assignments list_role_assignments_for_tree'),
  ...rules(EVERY, anyOf(ADMIN, MANAGED_PROJECT), 'create_project update_project delete_project'),
  ...rules(EVERY, anyOf(ADMIN, MANAGED_PROJECT), 'update_project_tags create_project_tag delete_project_tags delete_project_tag'),
  ...rules(EVERY, READ_USER, 'get_user', 'rule:admin_or_owner'),
  ...rules(EVERY, READ_USER, 'list_user_projects list_groups_for_user', 'rule:admin_or_owner'),
  ...rules(EVERY, anyOf(ADMIN, inDomain('manager', 'user.domain_id')), 'create_user update_user delete_user'),
  ...rules(EVERY, READ_GROUP, 'get_group list_users_in_group list_groups'),
  ...rules(EVERY, anyOf(ADMIN, inDomain('manager', 'group.domain_id')), 'create_group update_group delete_group'),
  ...rules(EVERY, anyOf(ADMIN, GROUP_AND_USER('manager')), 'add_user_to_group remove_user_from_group'),
  ...rules(EVERY, anyOf(ADMIN, SYSTEM_READER, GROUP_AND_USER('reader')), 'check_user_in_group'),
];

/** Actor and target of a grant must both be in the domain. */
const grantInDomain = (role: string) =>
  anyOf(
    ...['user', 'group'].flatMap((actor) => [
      inDomain(role, `${actor}.domain_id`, 'project.domain_id'),
      inDomain(role, `${actor}.domain_id`, 'domain.id'),
    ]),
  );
const ROLE_OF_DOMAIN = '(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)';

const grants: PolicyRule[] = [
  ...rules(EVERY, anyOf(ADMIN, SYSTEM_READER, `((${grantInDomain('reader')}) and ${ROLE_OF_DOMAIN})`), 'check_grant'),
  ...rules(EVERY, anyOf(ADMIN, SYSTEM_READER, grantInDomain('reader')), 'list_grants'),
  ...rules(EVERY, anyOf(ADMIN, `((${grantInDomain('manager')}) and rule:managed_role)`), 'create_grant revoke_grant'),
];

const OWN_CREDENTIAL = 'user_id:%(target.credential.user_id)s';
const OWN_EC2 = `(rule:owner and ${OWN_CREDENTIAL})`;
const TRUSTOR = 'user_id:%(target.trust.trustor_user_id)s';
const TRUSTEE = 'user_id:%(target.trust.trustee_user_id)s';

const proofs: PolicyRule[] = [
  ...rules(CLOUD, anyOf(SYSTEM_READER, OWN_USER), 'get_access_rule list_access_rules'),
  ...rules(CLOUD, anyOf('(role:admin and system_scope:all)', OWN_USER), 'delete_access_rule'),
  ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER, 'rule:owner'), 'get_application_credential list_application_credentials'),
  ...rules(['project'], 'rule:owner', 'create_application_credential'),
  ...rules(CLOUD, 'rule:admin_or_owner', 'delete_application_credential'),
  ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER, OWN_CREDENTIAL), 'get_credential list_credentials'),
  ...rules(CLOUD, anyOf(ADMIN, OWN_CREDENTIAL), 'create_credential update_credential delete_credential'),
  ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER, OWN_CREDENTIAL), 'ec2_get_credential', anyOf(ADMIN, OWN_EC2)),
  ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER, 'rule:owner'), 'ec2_list_credentials'),
  ...rules(CLOUD, 'rule:admin_or_owner', 'ec2_create_credential'),
  ...rules(CLOUD, anyOf(ADMIN, OWN_CREDENTIAL), 'ec2_delete_credential', anyOf(ADMIN, OWN_EC2)),
  ...rules(['project'], TRUSTOR, 'create_trust'),
  ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER, TRUSTOR), 'list_trusts_for_trustor'),
  ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER, TRUSTEE), 'list_trusts_for_trustee'),
  ...rules(CLOUD, anyOf(ADMIN, SYSTEM_READER, TRUSTOR, TRUSTEE), 'get_trust list_roles_for_trust get_role_for_trust'),
  ...rules(CLOUD, anyOf(ADMIN, TRUSTOR), 'delete_trust'),
];

export const identityRules: readonly PolicyRule[] = [...shared, ...cloud, ...tokens, ...people, ...grants, ...proofs];

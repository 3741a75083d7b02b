import type { IdentityRoute } from './identity-route.ts';

/**
 * JSON-Home (draft-nottingham-json-home-03): every resource by its relation, derived from the routes, so that it can not
 * forget one. Relations are OpenStack's documentation addresses.
 */
const DOCS = 'https://docs.openstack.org/api/openstack-identity/3';

interface HomeResource {
  readonly href?: string;
  readonly 'href-template'?: string;
  readonly 'href-vars'?: Readonly<Record<string, string>>;
}

/** Where Keystone's name is not the one that the path suggests. */
const NAMES: Readonly<Record<string, string>> = {
  '/domains/:domain_id/config/:group': 'domain_config_group',
  '/domains/:domain_id/config/:group/:option': 'domain_config_option',
  '/domains/config/default': 'domain_config_default',
  '/domains/config/:group/default': 'domain_config_default_group',
  '/domains/config/:group/:option/default': 'domain_config_default_option',
  '/roles/:prior_role_id/implies': 'implied_roles',
  '/roles/:prior_role_id/implies/:implied_role_id': 'implied_role',
  '/users/:user_id/password': 'user_change_password',
  '/users/:user_id/application_credentials': 'application_credentials',
  '/users/:user_id/application_credentials/:application_credential_id': 'application_credential',
  '/users/:user_id/access_rules': 'access_rules',
  '/users/:user_id/access_rules/:access_rule_id': 'access_rule',
  '/limits/model': 'limit_model',
  '/OS-OAUTH1/request_token': 'request_tokens',
  '/OS-OAUTH1/access_token': 'access_tokens',
  '/OS-OAUTH1/authorize/:request_token_id': 'authorize_request_token',
  '/OS-EP-FILTER/endpoint_groups/:endpoint_group_id/endpoints': 'endpoints_in_endpoint_group',
  '/OS-EP-FILTER/endpoint_groups/:endpoint_group_id/projects': 'projects_associated_with_endpoint_group',
  '/OS-EP-FILTER/endpoint_groups/:endpoint_group_id/projects/:project_id': 'endpoint_group_to_project_association',
  '/policies/:policy_id/OS-ENDPOINT-POLICY/endpoints/:endpoint_id': 'endpoint_policy_association',
  '/policies/:policy_id/OS-ENDPOINT-POLICY/services/:service_id': 'service_policy_association',
  '/policies/:policy_id/OS-ENDPOINT-POLICY/services/:service_id/regions/:region_id': 'region_and_service_policy_association',
  '/auth/OS-FEDERATION/websso/:protocol_id': 'websso',
  '/auth/OS-FEDERATION/identity_providers/:idp_id/protocols/:protocol_id/websso': 'identity_providers_websso',
};

/** `/OS-TRUST/trusts/:trust_id` is the extension OS-TRUST's `trust`. */
export function relationOf(path: string): string {
  const parts = path.split('/').filter(Boolean);
  const extension = parts.find((part) => /^OS-[A-Z0-9-]+$/.test(part));
  const words = parts.filter((part) => part !== extension);
  const names = words.flatMap((part, at) => {
    if (part.startsWith(':')) return [];
    return [words[at + 1]?.startsWith(':') ? singular(part) : part];
  });
  const name = NAMES[path] ?? names.join('_').replaceAll('-', '_').toLowerCase();
  return extension === undefined ? `${DOCS}/rel/${name}` : `${DOCS}/ext/${extension}/1.0/rel/${name}`;
}

const singular = (word: string) => (word.endsWith('ies') ? `${word.slice(0, -3)}y` : word.endsWith('s') ? word.slice(0, -1) : word);

export function jsonHome(routes: readonly IdentityRoute[]): { resources: Record<string, HomeResource> } {
  const resources: Record<string, HomeResource> = {};
  for (const path of new Set(routes.map((route) => route.path))) {
    const variables = [...path.matchAll(/:([a-z_0-9]+)/g)].map((match) => match[1]!);
    const template = `/v3${path.replace(/:([a-z_0-9]+)/g, '{$1}')}`;
    resources[relationOf(path)] =
      variables.length === 0
        ? { href: template }
        : { 'href-template': template, 'href-vars': Object.fromEntries(variables.map((name) => [name, `${DOCS}/param/${name}`])) };
  }
  return { resources };
}

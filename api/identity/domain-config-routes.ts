import {
  createDomainConfig,
  defaultDomainConfig,
  deleteDomainConfig,
  securityCompliance,
  showDomainConfig,
  updateDomainConfig,
} from '../../identity/domain-config-service.ts';
import { mustFindDomain } from '../../identity/project-record.ts';
import { noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';

/** `/v3/domains/{id}/config`: whole, a group, an option; and what holds by default. */
const PATHS = ['', '/:group', '/:group/:option'] as const;

async function show(call: Call): Promise<Answer> {
  const { domain_id: domainId, group, option } = call.params;
  const compliance = group === 'security_compliance';
  call.require(compliance ? 'identity:get_security_compliance_domain_config' : 'identity:get_domain_config');
  await mustFindDomain(call.identity.db, domainId!);
  return ok({
    config: compliance ? securityCompliance(call.identity, option) : await showDomainConfig(call.identity, domainId!, group, option),
  });
}

const configOf = (call: Call): unknown => (call.body as { config?: unknown } | null)?.config;

async function update(call: Call): Promise<Answer> {
  const { domain_id: domainId, group, option } = call.params;
  call.require('identity:update_domain_config');
  await mustFindDomain(call.identity.db, domainId!);
  return ok({ config: await updateDomainConfig(call.identity, domainId!, configOf(call), group, option) });
}

async function create(call: Call): Promise<Answer> {
  call.require('identity:create_domain_config');
  await mustFindDomain(call.identity.db, call.params['domain_id']!);
  const { config, isNew } = await createDomainConfig(call.identity, call.params['domain_id']!, configOf(call));
  return { status: isNew ? 201 : 200, body: { config } };
}

async function remove(call: Call): Promise<Answer> {
  const { domain_id: domainId, group, option } = call.params;
  call.require('identity:delete_domain_config');
  await mustFindDomain(call.identity.db, domainId!);
  await deleteDomainConfig(call.identity, domainId!, group, option);
  return noContent;
}

export const domainConfigRoutes: readonly IdentityRoute[] = [
  { method: 'PUT', path: '/domains/:domain_id/config', handle: create },
  ...PATHS.flatMap((path): IdentityRoute[] => [
    { method: 'GET', path: `/domains/:domain_id/config${path}`, handle: show },
    { method: 'PATCH', path: `/domains/:domain_id/config${path}`, handle: update },
    { method: 'DELETE', path: `/domains/:domain_id/config${path}`, handle: remove },
    {
      method: 'GET',
      path: `/domains/config${path}/default`,
      handle: async (call) => {
        call.require('identity:get_domain_config_default');
        return ok({ config: defaultDomainConfig(call.params['group'], call.params['option']) });
      },
    },
  ]),
];

import { z } from 'zod';
import { badRequest } from '../../identity/identity-error.ts';
import { readSelection } from '../../identity/list-query-policy.ts';
import { findDomain, mustFindDomain, projects, type ProjectRecord } from '../../identity/project-record.ts';
import { createProject, deleteDomain, updateProject } from '../../identity/project-service.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { created, noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { tagList } from './project-routes.ts';
import { domainView } from './project-view.ts';
import { change, immutableOptions, nullableDescription, text } from './shapes.ts';

const shape = z.looseObject({
  name: text(64),
  enabled: z.boolean().optional(),
  description: nullableDescription.optional(),
  tags: tagList.optional(),
  options: immutableOptions.optional(),
  explicit_domain_id: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'does not conform to required UUID format')
    .optional(),
});

async function target(call: Call) {
  const domain = await findDomain(call.identity.db, call.params['domain_id']!);
  return domain === undefined ? {} : { domain };
}

const view = (call: Call, domain: ProjectRecord) => ({ domain: withLink(call, 'domains', domainView(domain)) });

async function list(call: Call): Promise<Answer> {
  call.require('identity:list_domains');
  const selection = readSelection(call.query, { name: 'text', enabled: 'boolean' });
  const where = { is_domain: true, ...(call.actor.domainId === null ? {} : { id: call.actor.domainId }) };
  const domains = await projects.list<ProjectRecord>(call.identity.db, where, selection);
  return listAnswer(
    call,
    'domains',
    domains.map((domain) => withLink(call, 'domains', domainView(domain))),
    selection,
  );
}

async function create(call: Call): Promise<Answer> {
  call.require('identity:create_domain');
  const request = call.read('domain', shape);
  return created(view(call, await createProject(call.identity, { ...request, is_domain: true }, request.explicit_domain_id)));
}

async function update(call: Call): Promise<Answer> {
  const domain = await mustFindDomain(call.identity.db, call.params['domain_id']!);
  call.require('identity:update_domain', { domain });
  const request = call.read('domain', change(shape.partial()));
  if (request['id'] !== undefined && request['id'] !== domain.id) throw badRequest('Cannot change domain ID');
  return ok(view(call, await updateProject(call.identity, domain.id, request)));
}

export const domainRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: '/domains', handle: list },
  { method: 'POST', path: '/domains', handle: create },
  {
    method: 'GET',
    path: '/domains/:domain_id',
    handle: async (call) => {
      call.require('identity:get_domain', await target(call));
      return ok(view(call, await mustFindDomain(call.identity.db, call.params['domain_id']!)));
    },
  },
  { method: 'PATCH', path: '/domains/:domain_id', handle: update },
  {
    method: 'DELETE',
    path: '/domains/:domain_id',
    handle: async (call) => {
      const domain = await mustFindDomain(call.identity.db, call.params['domain_id']!);
      call.require('identity:delete_domain', { domain });
      await deleteDomain(call.identity, call.params['domain_id']!);
      return noContent;
    },
  },
];

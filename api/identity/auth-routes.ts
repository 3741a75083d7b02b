import { groupIdsOf, listAssignments, reachableTargets, SYSTEM_TARGET } from '../../identity/assignment-service.ts';
import { readCatalog } from '../../identity/catalog-service.ts';
import { forbidden, IdentityError } from '../../identity/identity-error.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { domainView, projectView } from './project-view.ts';

/** What the bearer of a token may do with it: to which scopes it can be turned. */
async function reachable(call: Call) {
  const groups = [...(await groupIdsOf(call.identity.db, call.actor.userId)), ...(call.token?.payload.federated?.groupIds ?? [])];
  const found = await reachableTargets(call.identity.db, call.actor.userId, groups);
  return { groups, projects: found.projects.filter((one) => one.enabled), domains: found.domains.filter((one) => one.enabled) };
}

async function projects(call: Call): Promise<Answer> {
  call.require('identity:get_auth_projects');
  const found = await reachable(call);
  return listAnswer(
    call,
    'projects',
    found.projects.map((project) => withLink(call, 'projects', projectView(project))),
  );
}

async function domains(call: Call): Promise<Answer> {
  call.require('identity:get_auth_domains');
  const found = await reachable(call);
  return listAnswer(
    call,
    'domains',
    found.domains.map((domain) => withLink(call, 'domains', domainView(domain))),
  );
}

async function system(call: Call): Promise<Answer> {
  call.require('identity:get_auth_system');
  const { groups } = await reachable(call);
  const rows = await listAssignments(call.identity.db, { ...SYSTEM_TARGET, actor_id: [call.actor.userId, ...groups] });
  return ok({ system: rows.length === 0 ? [] : [{ all: true }], links: { self: `${call.base}/auth/system` } });
}

async function catalog(call: Call): Promise<Answer> {
  call.require('identity:get_auth_catalog');
  if (call.actor.projectId === null) throw forbidden('A project-scoped token is required to produce a service catalog.');
  const entries = await readCatalog(call.identity, call.actor.userId, call.actor.projectId);
  return ok({ catalog: entries, links: { self: `${call.base}/auth/catalog` } });
}

export const authRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: '/auth/projects', handle: projects },
  { method: 'GET', path: '/auth/domains', handle: domains },
  { method: 'GET', path: '/auth/system', handle: system },
  { method: 'GET', path: '/auth/catalog', handle: catalog },
  { method: 'GET', path: '/OS-FEDERATION/projects', handle: projects },
  { method: 'GET', path: '/OS-FEDERATION/domains', handle: domains },
  ...['/auth/tokens/OS-PKI/revoked', '/OS-SIMPLE-CERT/ca', '/OS-SIMPLE-CERT/certificates'].map((path): IdentityRoute => ({
    method: 'GET',
    path,
    handle: async () => {
      throw new IdentityError(
        410,
        'The service you have requested is no longer available on this server: tokens are not signed by certificates.',
      );
    },
  })),
];

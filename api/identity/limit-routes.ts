import { z } from 'zod';
import {
  createLimits,
  createRegisteredLimits,
  deleteLimit,
  deleteRegisteredLimit,
  LIMIT_MODELS,
  listLimits,
  listRegisteredLimits,
  mustFindLimit,
  mustFindRegisteredLimit,
  updateLimit,
  updateRegisteredLimit,
  type LimitRecord,
} from '../../identity/limit-service.ts';
import { IdentityError } from '../../identity/identity-error.ts';
import { readSelection } from '../../identity/list-query-policy.ts';
import { findProject, projects, type ProjectRecord } from '../../identity/project-record.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { projectTarget } from './project-routes.ts';
import { id, nullableDescription } from './shapes.ts';

/** A signed 32-bit number; -1 is without limit. */
const amount = z.number().int().min(-1).max(0x7fffffff);
const resourceName = z.string().min(1).max(255);
const registeredShape = z.strictObject({
  service_id: id,
  region_id: z.string().nullable().optional(),
  resource_name: resourceName,
  default_limit: amount,
  description: nullableDescription.optional(),
});
const limitShape = z
  .strictObject({
    project_id: id.optional(),
    domain_id: id.optional(),
    service_id: id,
    region_id: z.string().nullable().optional(),
    resource_name: resourceName,
    resource_limit: amount,
    description: nullableDescription.optional(),
  })
  .refine((limit) => (limit.project_id === undefined) !== (limit.domain_id === undefined), 'needs either project_id or domain_id');
const limitChange = z.strictObject({ resource_limit: amount.optional(), description: nullableDescription.optional() });

const limitView = ({ registered_limit_id: _hidden, ...limit }: LimitRecord) => limit;

async function listAllRegistered(call: Call): Promise<Answer> {
  call.require('identity:list_registered_limits');
  const selection = readSelection(call.query, { service_id: 'text', region_id: 'text', resource_name: 'text' });
  const found = await listRegisteredLimits(call.identity.db, selection);
  return listAnswer(
    call,
    'registered_limits',
    found.map((limit) => withLink(call, 'registered_limits', limit)),
    selection,
  );
}

async function createRegistered(call: Call): Promise<Answer> {
  call.require('identity:create_registered_limits');
  const made = await createRegisteredLimits(call.identity, call.read('registered_limits', z.array(registeredShape).min(1)));
  return { status: 201, body: { registered_limits: made.map((limit) => withLink(call, 'registered_limits', limit)) } };
}

async function list(call: Call): Promise<Answer> {
  call.require('identity:list_limits');
  const { service_id: service, region_id: region, resource_name: resource, project_id: project, domain_id: domain } = call.query;
  const all = await listLimits(call.identity.db, await visibleTo(call));
  const wanted = { service_id: service, region_id: region, resource_name: resource, project_id: project, domain_id: domain };
  const found = all.filter((limit) =>
    Object.entries(wanted).every(([name, value]) => value === undefined || (limit as unknown as Record<string, unknown>)[name] === value),
  );
  const own = call.actor.domainId;
  const inDomain =
    own === null ? undefined : new Set((await projects.list<ProjectRecord>(call.identity.db, { domain_id: own })).map((one) => one.id));
  const visible = inDomain === undefined ? found : found.filter((limit) => limit.domain_id === own || inDomain.has(limit.project_id ?? ''));
  return listAnswer(
    call,
    'limits',
    visible.map((limit) => withLink(call, 'limits', limitView(limit))),
  );
}

/** A project sees its own; a token without scope none. */
async function visibleTo(call: Call): Promise<Record<string, unknown>> {
  const { actor } = call;
  if (actor.systemScope || actor.domainId !== null) return {};
  return { project_id: actor.projectId ?? '' };
}

async function create(call: Call): Promise<Answer> {
  call.require('identity:create_limits');
  const made = await createLimits(call.identity, call.read('limits', z.array(limitShape).min(1)));
  return { status: 201, body: { limits: made.map((limit) => withLink(call, 'limits', limitView(limit))) } };
}

async function show(call: Call): Promise<Answer> {
  const limit = await mustFindLimit(call.identity.db, call.params['limit_id']!).catch((error: IdentityError) => error);
  if (limit instanceof IdentityError) {
    call.require('identity:get_limit');
    throw limit;
  }
  const project = limit.project_id === null ? undefined : await findProject(call.identity.db, limit.project_id);
  const place = project === undefined ? { domain: { id: limit.domain_id } } : projectTarget(project);
  call.require('identity:get_limit', { limit: { ...limit, ...place } });
  return ok({ limit: withLink(call, 'limits', limitView(limit)) });
}

const model = async (call: Call): Promise<Answer> => {
  call.require('identity:get_limit_model');
  const name = call.identity.settings.limit_model;
  return ok({ model: { name, description: LIMIT_MODELS[name] } });
};

export const limitRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: '/registered_limits', handle: listAllRegistered },
  { method: 'POST', path: '/registered_limits', handle: createRegistered },
  {
    method: 'GET',
    path: '/registered_limits/:registered_limit_id',
    handle: async (call) => {
      call.require('identity:get_registered_limit');
      const limit = await mustFindRegisteredLimit(call.identity.db, call.params['registered_limit_id']!);
      return ok({ registered_limit: withLink(call, 'registered_limits', limit) });
    },
  },
  {
    method: 'PATCH',
    path: '/registered_limits/:registered_limit_id',
    handle: async (call) => {
      call.require('identity:update_registered_limit');
      const request = call.read('registered_limit', registeredShape.partial());
      const limit = await updateRegisteredLimit(call.identity, call.params['registered_limit_id']!, request as never);
      return ok({ registered_limit: withLink(call, 'registered_limits', limit) });
    },
  },
  {
    method: 'DELETE',
    path: '/registered_limits/:registered_limit_id',
    handle: async (call) => {
      call.require('identity:delete_registered_limit');
      await deleteRegisteredLimit(call.identity, call.params['registered_limit_id']!);
      return noContent;
    },
  },
  { method: 'GET', path: '/limits/model', handle: model },
  { method: 'GET', path: '/limits', handle: list },
  { method: 'POST', path: '/limits', handle: create },
  { method: 'GET', path: '/limits/:limit_id', handle: show },
  {
    method: 'PATCH',
    path: '/limits/:limit_id',
    handle: async (call) => {
      await mustFindLimit(call.identity.db, call.params['limit_id']!);
      call.require('identity:update_limit');
      const limit = await updateLimit(call.identity, call.params['limit_id']!, call.read('limit', limitChange));
      return ok({ limit: withLink(call, 'limits', limitView(limit)) });
    },
  },
  {
    method: 'DELETE',
    path: '/limits/:limit_id',
    handle: async (call) => {
      await mustFindLimit(call.identity.db, call.params['limit_id']!);
      call.require('identity:delete_limit');
      await deleteLimit(call.identity, call.params['limit_id']!);
      return noContent;
    },
  },
];

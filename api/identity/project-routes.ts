import { z } from 'zod';
import { limitsOfProject } from '../../identity/limit-service.ts';
import { groupIdsOf, reachableTargets } from '../../identity/assignment-service.ts';
import { badRequest } from '../../identity/identity-error.ts';
import { DEFAULT_DOMAIN_ID } from '../../identity/identity-id.ts';
import { isSet, readSelection, type Query } from '../../identity/list-query-policy.ts';
import { ancestorsOf, descendantsOf, findProject, mustFindProject, projects, type ProjectRecord } from '../../identity/project-record.ts';
import { createProject, deleteProject, mustHaveTag, setTags, updateProject } from '../../identity/project-service.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { created, noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { projectView } from './project-view.ts';
import { change, id, immutableOptions, nullableDescription, text } from './shapes.ts';
import { domainOfCall } from './user-routes.ts';

/** API working group's rule for tags: no slash, no comma. */
const tag = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^,/]*$/, 'must not hold a comma or a slash');
const TAGS_MAX = 80;
export const tagList = z
  .array(tag)
  .max(TAGS_MAX)
  .refine((tags) => new Set(tags).size === tags.length, 'names a tag twice');

const shape = z.looseObject({
  name: text(64),
  domain_id: id.nullable().optional(),
  parent_id: id.nullable().optional(),
  is_domain: z.boolean().optional(),
  enabled: z.boolean().optional(),
  description: nullableDescription.optional(),
  tags: tagList.optional(),
  options: immutableOptions.optional(),
});
const FILTERS = { domain_id: 'text', enabled: 'boolean', name: 'text', parent_id: 'text', is_domain: 'boolean' } as const;

/** A project's place counts as `domain_id` in rules; a domain's is itself. */
export const projectTarget = (project: ProjectRecord) => ({ project: { ...project, domain_id: project.domain_id ?? project.id } });

async function target(call: Call) {
  const project = await findProject(call.identity.db, call.params['project_id']!);
  return project === undefined ? {} : projectTarget(project);
}

const view = (call: Call, project: ProjectRecord) => withLink(call, 'projects', projectView(project));

/** `tags`, `tags-any`, `not-tags`, `not-tags-any`: comma-separated. */
function tagFilter(query: Query): (project: ProjectRecord) => boolean {
  const wanted = (name: string) => (query[name] === undefined ? undefined : String(query[name]).split(','));
  const [all, any, notAll, notAny] = [wanted('tags'), wanted('tags-any'), wanted('not-tags'), wanted('not-tags-any')];
  return ({ tags }) =>
    (all?.every((name) => tags.includes(name)) ?? true) &&
    (any?.some((name) => tags.includes(name)) ?? true) &&
    !(notAll?.every((name) => tags.includes(name)) ?? false) &&
    !(notAny?.some((name) => tags.includes(name)) ?? false);
}

async function list(call: Call): Promise<Answer> {
  call.require('identity:list_projects', { domain_id: domainOfCall(call) });
  const selection = readSelection(call.query, FILTERS);
  const where = {
    ...(call.query['is_domain'] === undefined ? { is_domain: false } : {}),
    ...(call.actor.domainId === null ? {} : { domain_id: call.actor.domainId }),
  };
  const found = await projects.list<ProjectRecord>(call.identity.db, where, selection);
  return listAnswer(
    call,
    'projects',
    found.filter(tagFilter(call.query)).map((project) => view(call, project)),
    selection,
  );
}

async function create(call: Call): Promise<Answer> {
  const given = call.peek('project');
  const domainId = given['is_domain'] === true ? null : ((given['domain_id'] as string | undefined) ?? call.actor.domainId ?? undefined);
  const parent = typeof given['parent_id'] === 'string' ? await findProject(call.identity.db, given['parent_id']) : undefined;
  const place = parent === undefined ? (domainId ?? DEFAULT_DOMAIN_ID) : (parent.domain_id ?? parent.id);
  call.require('identity:create_project', { project: { ...given, domain_id: place } });
  const request = call.read('project', shape);
  if (request.is_domain && request.parent_id != null) throw badRequest('A project that acts as a domain has no parent.');
  const project = await createProject(call.identity, { ...request, domain_id: parent === undefined ? domainId : request.domain_id });
  return created({ project: view(call, project) });
}

async function show(call: Call): Promise<Answer> {
  call.require('identity:get_project', await target(call));
  const project = await mustFindProject(call.identity.db, call.params['project_id']!);
  return ok({ project: { ...view(call, project), ...(await relatives(call, project)) } });
}

/** `parents_as_list`, `subtree_as_ids` and the like. Lists hold only what the caller has a role in. */
async function relatives(call: Call, project: ProjectRecord): Promise<object> {
  const [asked, limits] = [(name: string) => isSet(call.query, name), isSet(call.query, 'include_limits')];
  for (const kind of ['parents', 'subtree']) {
    if (asked(`${kind}_as_list`) && asked(`${kind}_as_ids`))
      throw badRequest(`Cannot use ${kind}_as_list and ${kind}_as_ids query params at the same time.`);
  }
  const { db } = call.identity;
  const mine = async (all: readonly ProjectRecord[]) => {
    const reachable = await reachableTargets(db, call.actor.userId, await groupIdsOf(db, call.actor.userId));
    const ids = new Set([...reachable.projects, ...reachable.domains].map((one) => one.id));
    const seen = all.filter((one) => ids.has(one.id));
    return Promise.all(
      seen.map(async (one) => ({ project: { ...view(call, one), ...(limits ? { limits: await limitsOfProject(db, one.id) } : {}) } })),
    );
  };
  const up = async () => (await ancestorsOf(db, project)).filter((one) => !one.is_domain);
  return {
    ...(asked('parents_as_list') ? { parents: await mine(await up()) } : {}),
    ...(asked('parents_as_ids') ? { parents: (await up()).reduceRight<object | null>((above, one) => ({ [one.id]: above }), null) } : {}),
    ...(asked('subtree_as_list') ? { subtree: await mine(await descendantsOf(db, project.id)) } : {}),
    ...(asked('subtree_as_ids') ? { subtree: asTree(await descendantsOf(db, project.id), project.id) } : {}),
  };
}

function asTree(all: readonly ProjectRecord[], parentId: string): object | null {
  const children = all.filter((one) => one.parent_id === parentId);
  return children.length === 0 ? null : Object.fromEntries(children.map((one) => [one.id, asTree(all, one.id)]));
}

async function update(call: Call): Promise<Answer> {
  call.require('identity:update_project', await target(call));
  const { id: projectId } = await mustFindProject(call.identity.db, call.params['project_id']!);
  const request = call.read('project', change(shape.partial()));
  if (request['id'] !== undefined && request['id'] !== projectId) throw badRequest('Cannot change project ID');
  return ok({ project: view(call, await updateProject(call.identity, projectId, request)) });
}

const tagRoute = (
  method: IdentityRoute['method'],
  path: string,
  rule: string,
  work: (call: Call, projectId: string) => Promise<Answer>,
): IdentityRoute => ({
  method,
  path: `/projects/:project_id/tags${path}`,
  handle: async (call) => {
    call.require(rule, await target(call));
    return work(call, call.params['project_id']!);
  },
});

const tagsAnswer = (call: Call, project: ProjectRecord): Answer => ok({ links: { self: call.url }, tags: project.tags });

async function addTag(call: Call, projectId: string): Promise<Answer> {
  const project = await mustFindProject(call.identity.db, projectId);
  const value = call.params['value']!;
  const tags = tagList.parse([...new Set([...project.tags, value])]);
  await setTags(call.identity, projectId, tags);
  return { status: 201, headers: { location: call.url } };
}

async function hasTag(call: Call, projectId: string): Promise<Answer> {
  await mustHaveTag(call.identity.db, projectId, call.params['value']!);
  return noContent;
}

async function dropTag(call: Call, projectId: string): Promise<Answer> {
  const value = call.params['value']!;
  await mustHaveTag(call.identity.db, projectId, value);
  const project = await mustFindProject(call.identity.db, projectId);
  await setTags(
    call.identity,
    projectId,
    project.tags.filter((name) => name !== value),
  );
  return noContent;
}

export const projectRoutes: readonly IdentityRoute[] = [
  { method: 'GET', path: '/projects', handle: list },
  { method: 'POST', path: '/projects', handle: create },
  { method: 'GET', path: '/projects/:project_id', handle: show },
  { method: 'PATCH', path: '/projects/:project_id', handle: update },
  {
    method: 'DELETE',
    path: '/projects/:project_id',
    handle: async (call) => {
      call.require('identity:delete_project', await target(call));
      await deleteProject(call.identity, call.params['project_id']!);
      return noContent;
    },
  },
  tagRoute('GET', '', 'identity:list_project_tags', async (call, projectId) =>
    tagsAnswer(call, await mustFindProject(call.identity.db, projectId)),
  ),
  tagRoute('PUT', '', 'identity:update_project_tags', async (call, projectId) =>
    tagsAnswer(call, await setTags(call.identity, projectId, call.read('tags', tagList))),
  ),
  tagRoute('DELETE', '', 'identity:delete_project_tags', async (call, projectId) => {
    await setTags(call.identity, projectId, []);
    return noContent;
  }),
  tagRoute('GET', '/:value', 'identity:get_project_tag', hasTag),
  tagRoute('PUT', '/:value', 'identity:create_project_tag', addTag),
  tagRoute('DELETE', '/:value', 'identity:delete_project_tag', dropTag),
];

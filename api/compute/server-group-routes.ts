import {
  createServerGroup,
  deleteServerGroup,
  listServerGroups,
  readServerGroup,
  type GroupPolicy,
  type ServerGroup,
} from '../../compute/server-group-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { noContent, ok, Refusal, type Answer } from '../service-plugin.ts';
import { integer, NAME, readBody, toInteger, wrapped } from './compute-body.ts';
import { dbOf, ownTarget, projectOf, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { PAGE_MAX, readPage, requireKnownQuery } from './compute-page.ts';

/** Groups of servers that want to be together or apart. */
const OWNER_SINCE = 13;
const SOFT_SINCE = 15;
const ONE_POLICY_SINCE = 64;
const PER_HOST = 'max_server_per_host';

const view = (call: ComputeCall, group: ServerGroup) => ({
  id: group.uuid,
  name: group.name,
  members: group.members,
  ...(call.minor >= ONE_POLICY_SINCE ? { policy: group.policy, rules: group.rules } : { policies: [group.policy], metadata: {} }),
  ...(call.minor >= OWNER_SINCE ? { project_id: group.project_id, user_id: group.user_id } : {}),
});

const policyNames = (minor: number) => [
  'anti-affinity',
  'affinity',
  ...(minor >= SOFT_SINCE ? ['soft-anti-affinity', 'soft-affinity'] : []),
];

const schemaOf = (minor: number): JsonSchema =>
  wrapped('server_group', {
    type: 'object',
    properties: {
      name: NAME,
      ...(minor >= ONE_POLICY_SINCE
        ? {
            policy: { type: 'string', enum: policyNames(minor) },
            rules: { type: 'object', properties: { [PER_HOST]: integer(1) }, additionalProperties: false },
          }
        : {
            policies: { type: 'array', items: { type: 'string', enum: policyNames(minor) }, minItems: 1, maxItems: 1, uniqueItems: true },
          }),
    },
    required: ['name', minor >= ONE_POLICY_SINCE ? 'policy' : 'policies'],
    additionalProperties: minor < ONE_POLICY_SINCE,
  });

async function create(call: ComputeCall): Promise<Answer> {
  const projectId = projectOf(call);
  call.require('os_compute_api:os-server-groups:create', ownTarget(call));
  const { server_group: asked } = readBody<{
    server_group: { name: string; policy?: GroupPolicy; policies?: GroupPolicy[]; rules?: Record<string, unknown> };
  }>(call, schemaOf(call.minor));
  const policy = asked.policy ?? asked.policies![0]!;
  const most = asked.rules?.[PER_HOST];
  if (most !== undefined && policy !== 'anti-affinity') throw new Refusal(400, 'Only anti-affinity policy supports rules.');
  const group = await createServerGroup(dbOf(call), {
    projectId,
    userId: call.actor.userId,
    name: asked.name,
    policy,
    rules: most === undefined ? {} : { [PER_HOST]: toInteger(PER_HOST, most, 1) },
  });
  return ok({ server_group: view(call, group) });
}

/** @throws ComputeError 404 for what is not there for the caller */
async function find(call: ComputeCall, verb: 'show' | 'delete'): Promise<ServerGroup> {
  const seesAll = call.allows('os_compute_api:os-server-groups:index:all_projects');
  const group = await readServerGroup(dbOf(call), call.params['group_id']!, seesAll ? undefined : call.actor.projectId);
  call.require(`os_compute_api:os-server-groups:${verb}`, { project_id: group.project_id });
  return group;
}

const QUERY = ['all_projects', 'limit', 'offset'];

async function list(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-server-groups:index', ownTarget(call));
  requireKnownQuery(call, QUERY);
  const all = call.query.has('all_projects') && call.allows('os_compute_api:os-server-groups:index:all_projects');
  const offset = call.query.get('offset') ?? '0';
  if (!/^\d{1,9}$/.test(offset)) throw new Refusal(400, `Invalid input for query parameters offset. Value: ${offset.slice(0, 60)}.`);
  const found = await listServerGroups(dbOf(call), all ? undefined : call.actor.projectId, {
    limit: call.query.has('limit') ? readPage(call).limit : PAGE_MAX,
    offset: Number(offset),
  });
  return ok({ server_groups: found.map((group) => view(call, group)) });
}

const PATH = '/v2.1/os-server-groups';

export const serverGroupRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: PATH, query: QUERY, handle: list },
  { method: 'POST', path: PATH, handle: create },
  { method: 'GET', path: `${PATH}/:group_id`, handle: async (call) => ok({ server_group: view(call, await find(call, 'show')) }) },
  {
    method: 'DELETE',
    path: `${PATH}/:group_id`,
    async handle(call) {
      await deleteServerGroup(dbOf(call), (await find(call, 'delete')).uuid);
      return noContent;
    },
  },
];

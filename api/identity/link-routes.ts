import {
  associatePolicy,
  dissociatePolicy,
  endpointsOfPolicy,
  endpointsOfProject,
  linkedToProject,
  linkToProject,
  mustBeAssociated,
  mustBeLinkedToProject,
  policyIdOfEndpoint,
  projectIdsLinkedTo,
  unlinkFromProject,
  type Linked,
  type PolicyPlace,
} from '../../identity/link-service.ts';
import { endpoints, endpointsOfGroup, type EndpointRecord } from '../../identity/catalog-service.ts';
import { mustFindProject, projects, type ProjectRecord } from '../../identity/project-record.ts';
import { endpointGroupKind, endpointKind, policyKind } from '../../identity/record-kinds.ts';
import { mustFindRecord, type StoredRecord } from '../../identity/record-service.ts';
import { endpointAnswer } from './catalog-routes.ts';
import { listAnswer, withLink } from './collection-view.ts';
import { noContent, ok, type Answer, type Call, type IdentityRoute } from './identity-route.ts';
import { projectView } from './project-view.ts';

/** OS-EP-FILTER and OS-ENDPOINT-POLICY: which project sees which endpoints, which policy is whose. */
const FILTER = '/OS-EP-FILTER';

const projectList = async (call: Call, ids: readonly string[]): Promise<Answer> => {
  const found = await projects.list<ProjectRecord>(call.identity.db, { id: ids });
  return listAnswer(
    call,
    'projects',
    found.map((project) => withLink(call, 'projects', projectView(project))),
  );
};

const endpointList = (call: Call, found: readonly EndpointRecord[]): Answer =>
  listAnswer(
    call,
    'endpoints',
    found.map((endpoint) => endpointAnswer(call, endpoint as unknown as StoredRecord)),
  );

type Work = (call: Call, id: string, projectId: string) => Promise<void>;

function link(kind: Linked, path: string, rules: Readonly<Record<'add' | 'check' | 'remove', string>>): IdentityRoute[] {
  const route = (method: IdentityRoute['method'], rule: string, work: Work): IdentityRoute => ({
    method,
    path: `${FILTER}${path}`,
    handle: async (call) => {
      call.require(rule);
      const [id, projectId] = [call.params[`${kind}_id`]!, call.params['project_id']!];
      await work(call, id, projectId);
      if (method !== 'GET' || kind === 'endpoint') return noContent;
      const self = `${call.base}${FILTER}/endpoint_groups/${id}/projects/${projectId}`;
      return ok({ project_endpoint_group: { endpoint_group_id: id, project_id: projectId, links: { self } } });
    },
  });
  const check: Work = (call, id, projectId) => mustBeLinkedToProject(call.identity.db, kind, id, projectId);
  return [
    route('PUT', rules.add, (call, id, projectId) => linkToProject(call.identity, kind, id, projectId)),
    route('GET', rules.check, check),
    route('HEAD', rules.check, check),
    route('DELETE', rules.remove, (call, id, projectId) => unlinkFromProject(call.identity, kind, id, projectId)),
  ];
}

const get = (path: string, rule: string, handle: (call: Call) => Promise<Answer>): IdentityRoute => ({
  method: 'GET',
  path,
  handle: async (call) => {
    call.require(rule);
    return handle(call);
  },
});

const filterRoutes: readonly IdentityRoute[] = [
  ...link('endpoint', '/projects/:project_id/endpoints/:endpoint_id', {
    add: 'identity:add_endpoint_to_project',
    check: 'identity:check_endpoint_in_project',
    remove: 'identity:remove_endpoint_from_project',
  }),
  ...link('endpoint_group', '/endpoint_groups/:endpoint_group_id/projects/:project_id', {
    add: 'identity:add_endpoint_group_to_project',
    check: 'identity:get_endpoint_group_in_project',
    remove: 'identity:remove_endpoint_group_from_project',
  }),
  get(`${FILTER}/endpoints/:endpoint_id/projects`, 'identity:list_projects_for_endpoint', async (call) => {
    await mustFindRecord(call.identity.db, endpointKind, call.params['endpoint_id']!);
    return projectList(call, await projectIdsLinkedTo(call.identity.db, 'endpoint', call.params['endpoint_id']!));
  }),
  get(`${FILTER}/projects/:project_id/endpoints`, 'identity:list_endpoints_for_project', async (call) => {
    await mustFindProject(call.identity.db, call.params['project_id']!);
    return endpointList(call, await endpointsOfProject(call.identity.db, call.params['project_id']!));
  }),
  get(`${FILTER}/projects/:project_id/endpoint_groups`, 'identity:list_endpoint_groups_for_project', async (call) => {
    await mustFindProject(call.identity.db, call.params['project_id']!);
    const ids = await linkedToProject(call.identity.db, 'endpoint_group', call.params['project_id']!);
    const groups = await Promise.all(ids.map((id) => mustFindRecord(call.identity.db, endpointGroupKind, id)));
    return listAnswer(
      call,
      'endpoint_groups',
      groups.map((group) => withLink(call, 'OS-EP-FILTER/endpoint_groups', group)),
    );
  }),
  get(`${FILTER}/endpoint_groups/:endpoint_group_id/projects`, 'identity:list_projects_associated_with_endpoint_group', async (call) => {
    const group = await mustFindRecord(call.identity.db, endpointGroupKind, call.params['endpoint_group_id']!);
    return projectList(call, await projectIdsLinkedTo(call.identity.db, 'endpoint_group', group.id));
  }),
  get(`${FILTER}/endpoint_groups/:endpoint_group_id/endpoints`, 'identity:list_endpoints_associated_with_endpoint_group', async (call) => {
    const group = await mustFindRecord(call.identity.db, endpointGroupKind, call.params['endpoint_group_id']!);
    return endpointList(call, endpointsOfGroup(group as never, await endpoints.list<EndpointRecord>(call.identity.db)));
  }),
];

const placeOf = ({ params }: Call): PolicyPlace => ({
  endpoint_id: params['endpoint_id'] ?? null,
  service_id: params['service_id'] ?? null,
  region_id: params['region_id'] ?? null,
});

function association(path: string, what: string): IdentityRoute[] {
  const route = (
    method: IdentityRoute['method'],
    verb: string,
    work: (call: Call, policyId: string, place: PolicyPlace) => Promise<void>,
  ): IdentityRoute => ({
    method,
    path: `/policies/:policy_id/OS-ENDPOINT-POLICY${path}`,
    handle: async (call) => {
      call.require(`identity:${verb}_policy_association_for_${what}`);
      await work(call, call.params['policy_id']!, placeOf(call));
      return noContent;
    },
  });
  const check = (call: Call, id: string, place: PolicyPlace) => mustBeAssociated(call.identity.db, id, place);
  return [
    route('PUT', 'create', (call, id, place) => associatePolicy(call.identity, id, place)),
    route('GET', 'check', check),
    route('HEAD', 'check', check),
    route('DELETE', 'delete', (call, id, place) => dissociatePolicy(call.identity, id, place)),
  ];
}

export const linkRoutes: readonly IdentityRoute[] = [
  ...filterRoutes,
  ...association('/endpoints/:endpoint_id', 'endpoint'),
  ...association('/services/:service_id', 'service'),
  ...association('/services/:service_id/regions/:region_id', 'region_and_service'),
  get('/policies/:policy_id/OS-ENDPOINT-POLICY/endpoints', 'identity:list_endpoints_for_policy', async (call) =>
    endpointList(call, await endpointsOfPolicy(call.identity.db, call.params['policy_id']!)),
  ),
  get('/endpoints/:endpoint_id/OS-ENDPOINT-POLICY/policy', 'identity:get_policy_for_endpoint', async (call) => {
    const policyId = await policyIdOfEndpoint(call.identity.db, call.params['endpoint_id']!);
    const { extra, ...policy } = await mustFindRecord(call.identity.db, policyKind, policyId);
    return ok({ policy: withLink(call, 'policies', { ...extra, ...policy } as { id: string }) });
  }),
];

import { autoIngredients, autoTopology, dropAutoTopology } from '../../network/auto-topology-service.ts';
import { giveToAgent, hostedBy, hosting, takeFromAgent, type Scheduled } from '../../network/agent-service.ts';
import { bindProfiles, LOGGABLE, SERVICE_TYPES, unbindProfile } from '../../network/flavor-service.ts';
import { NetworkError } from '../../network/network-error.ts';
import { deleteQuota, listQuotas, quotaDetails, quotaOf, readQuota, writeQuota } from '../../network/quota-service.ts';
import { QUOTA_DEFAULTS } from '../../network/quota-defaults.ts';
import { inTransaction, seenRow } from '../../network/resource-service.ts';
import { agents, flavors, networks, routers } from '../../network/resources.ts';
import type { Resource } from '../../network/resource.ts';
import { noContent, ok, Refusal } from '../service-plugin.ts';
import { EXTENSIONS } from './extension-list.ts';
import { actorOf, type NetworkCall } from './network-access.ts';
import { list, VERSION, type NetworkRoute } from './resource-routes.ts';

/** What is not a row of a table: extensions, quotas, automatic topologies, and what agents were given. */
const extensions = EXTENSIONS.map(([alias, name, day]) => ({
  alias,
  name,
  description: name,
  updated: `${day}T00:00:00-00:00`,
  links: [],
}));
const refuse = (message: string) => new Refusal(400, message, { type: 'HTTPBadRequest' });

const projectOf = (call: NetworkCall): string => {
  const named = call.params['project_id'];
  const id = named === undefined || named === 'None' || named === 'null' ? call.actor.projectId : named;
  if (id === null || id === '') throw refuse('Project-id was missing from request.');
  return id;
};
const ofProject = (id: string) => ({ project_id: id, tenant_id: id });

/** Quotas of others are not to be seen by who may not administer them; one's own are. */
function requireQuota(call: NetworkCall, projectId: string): void {
  if (call.actor.projectId !== projectId) call.require('get_quota', ofProject(projectId));
}

const quotaRoutes: readonly NetworkRoute[] = [
  {
    method: 'GET',
    path: `${VERSION}/quotas`,
    async handle(call) {
      call.require('get_quota', ofProject(''));
      return ok({ quotas: await listQuotas(call.context.db) });
    },
  },
  ...['tenant', 'project'].map((word): NetworkRoute => ({
    method: 'GET',
    path: `${VERSION}/quotas/${word}`,
    async handle(call) {
      return ok({ [word]: { [`${word}_id`]: projectOf(call) } });
    },
  })),
  {
    method: 'GET',
    path: `${VERSION}/quotas/:project_id`,
    async handle(call) {
      requireQuota(call, projectOf(call));
      return ok({ quota: await quotaOf(call.context.db, projectOf(call)) });
    },
  },
  {
    method: 'GET',
    path: `${VERSION}/quotas/:project_id/default`,
    async handle(call) {
      requireQuota(call, projectOf(call));
      return ok({ quota: QUOTA_DEFAULTS });
    },
  },
  ...['details', 'details.json'].map((word): NetworkRoute => ({
    method: 'GET',
    path: `${VERSION}/quotas/:project_id/${word}`,
    async handle(call) {
      requireQuota(call, projectOf(call));
      return ok({ quota: await quotaDetails(call.context.db, projectOf(call)) });
    },
  })),
  {
    method: 'PUT',
    path: `${VERSION}/quotas/:project_id`,
    async handle(call) {
      call.require('update_quota', ofProject(projectOf(call)));
      const given = (call.body as { quota?: unknown } | undefined)?.quota;
      if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refuse("Unable to find 'quota' in request body");
      await writeQuota(call.context.db, projectOf(call), readQuota(given as Record<string, unknown>));
      return ok({ quota: await quotaOf(call.context.db, projectOf(call)) });
    },
  },
  {
    method: 'DELETE',
    path: `${VERSION}/quotas/:project_id`,
    async handle(call) {
      call.require('delete_quota', ofProject(projectOf(call)));
      const gone = await deleteQuota(call.context.db, projectOf(call));
      if (gone.length === 0) throw new NetworkError(404, 'TenantQuotaNotFound', `Quota for project ${projectOf(call)} could not be found.`);
      return noContent;
    },
  },
];

const topologyRoutes: readonly NetworkRoute[] = [
  {
    method: 'GET',
    path: `${VERSION}/auto-allocated-topology/:project_id`,
    query: ['fields'],
    async handle(call) {
      const id = projectOf(call);
      requireOwnTopology(call, id, 'get_auto_allocated_topology');
      const isDry = call.query.getAll('fields').includes('dry-run');
      const network = await inTransaction(call.context.db, async (trx) => {
        if (!isDry) return autoTopology({ trx, actor: actorOf(call) }, id);
        await autoIngredients(trx);
        return 'dry-run=pass';
      });
      return ok({ auto_allocated_topology: { id: network, ...ofProject(id) } });
    },
  },
  {
    method: 'DELETE',
    path: `${VERSION}/auto-allocated-topology/:project_id`,
    async handle(call) {
      const id = projectOf(call);
      requireOwnTopology(call, id, 'delete_auto_allocated_topology');
      await inTransaction(call.context.db, (trx) => dropAutoTopology({ trx, actor: actorOf(call) }, id));
      return noContent;
    },
  },
];

function requireOwnTopology(call: NetworkCall, id: string, rule: string): void {
  if (!call.allows(rule, ofProject(id)))
    throw new NetworkError(404, 'AutoTopologyNotFound', `There is no automatic topology of project ${id}.`);
}

interface Given {
  readonly kind: Scheduled;
  readonly word: 'dhcp-networks' | 'l3-routers';
  readonly agents: 'dhcp-agents' | 'l3-agents';
  readonly resource: Resource;
}
const GIVEN: readonly Given[] = [
  { kind: 'network', word: 'dhcp-networks', agents: 'dhcp-agents', resource: networks },
  { kind: 'router', word: 'l3-routers', agents: 'l3-agents', resource: routers },
];

const agentRoutes = ({ kind, word, agents: agentsWord, resource }: Given): NetworkRoute[] => {
  const single = word.slice(0, -1);
  const seen = (call: NetworkCall, noun: Resource, id: string) => seenRow({ trx: call.context.db, actor: actorOf(call) }, noun, id);
  return [
    {
      method: 'GET',
      path: `${VERSION}/agents/:id/${word}`,
      async handle(call) {
        call.require(`get_${word}`);
        const agent = await seen(call, agents, call.params['id']!);
        return list(call, resource, hostedBy(kind, agent.id));
      },
    },
    {
      method: 'POST',
      path: `${VERSION}/agents/:id/${word}`,
      async handle(call) {
        call.require(`create_${single}`);
        const agent = await seen(call, agents, call.params['id']!);
        const objectId = (call.body as Record<string, unknown> | undefined)?.[`${kind}_id`];
        if (typeof objectId !== 'string') throw refuse(`Failed to parse request. Required attribute '${kind}_id' not specified`);
        const object = await seen(call, resource, objectId);
        await inTransaction(call.context.db, (trx) => giveToAgent(trx, kind, agent.id, object.id));
        return { status: 201, body: null };
      },
    },
    {
      method: 'DELETE',
      path: `${VERSION}/agents/:id/${word}/:object_id`,
      async handle(call) {
        call.require(`delete_${single}`);
        const agent = await seen(call, agents, call.params['id']!);
        const object = await seen(call, resource, call.params['object_id']!);
        await inTransaction(call.context.db, (trx) => takeFromAgent(trx, kind, agent.id, object.id));
        return noContent;
      },
    },
    {
      method: 'GET',
      path: `${VERSION}${resource.path}/:id/${agentsWord}`,
      async handle(call) {
        call.require(`get_${agentsWord}`);
        const object = await seen(call, resource, call.params['id']!);
        return list(call, agents, hosting(kind, object.id));
      },
    },
  ];
};

const flavorRoutes: readonly NetworkRoute[] = [
  {
    method: 'POST',
    path: `${VERSION}/flavors/:id/service_profiles`,
    async handle(call) {
      call.require('create_flavor_service_profile');
      const given = (call.body as { service_profile?: { id?: unknown } } | undefined)?.service_profile?.id;
      if (typeof given !== 'string') throw refuse("Unable to find 'service_profile' in request body");
      const flavor = await seenRow({ trx: call.context.db, actor: actorOf(call) }, flavors, call.params['id']!);
      await inTransaction(call.context.db, (trx) => bindProfiles(trx, flavor.id, [given]));
      return { status: 201, body: { service_profile: { id: given } } };
    },
  },
  {
    method: 'DELETE',
    path: `${VERSION}/flavors/:id/service_profiles/:profile_id`,
    async handle(call) {
      call.require('delete_flavor_service_profile');
      const flavor = await seenRow({ trx: call.context.db, actor: actorOf(call) }, flavors, call.params['id']!);
      await inTransaction(call.context.db, (trx) => unbindProfile(trx, flavor.id, call.params['profile_id']!));
      return noContent;
    },
  },
];

/** Where things may be asked to be: one zone of each kind, until there are hosts in more. */
const ZONES = ['network', 'router'].map((resource) => ({ name: 'nova', resource, state: 'available' }));

const plainRoutes: readonly NetworkRoute[] = [
  { method: 'GET', path: `${VERSION}/extensions`, handle: async () => ok({ extensions }) },
  {
    method: 'GET',
    path: `${VERSION}/extensions/:alias`,
    async handle(call) {
      const extension = extensions.find((each) => each.alias === call.params['alias']);
      if (extension === undefined)
        throw new NetworkError(404, 'ExtensionNotFound', `Extension with alias ${call.params['alias']} does not exist`);
      return ok({ extension });
    },
  },
  {
    method: 'GET',
    path: `${VERSION}/availability_zones`,
    query: ['name', 'resource', 'state'],
    async handle(call) {
      const isAllowed = call.allows('get_availability_zone');
      const wanted = (zone: Record<string, string>) =>
        ['name', 'resource', 'state'].every((key) => !call.query.has(key) || call.query.getAll(key).includes(zone[key]!));
      return ok({ availability_zones: isAllowed ? ZONES.filter(wanted) : [] });
    },
  },
  {
    method: 'GET',
    path: `${VERSION}/service-providers`,
    async handle() {
      return ok({
        service_providers: SERVICE_TYPES.slice(0, 1).map((type) => ({ service_type: type, name: 'rackwright', default: true })),
      });
    },
  },
  {
    method: 'GET',
    path: `${VERSION}/log/loggable-resources`,
    async handle(call) {
      const isAllowed = call.allows('get_loggable_resource', { project_id: call.actor.projectId });
      return ok({ loggable_resources: isAllowed ? LOGGABLE.map((type) => ({ type })) : [] });
    },
  },
];

export const settingRoutes: readonly NetworkRoute[] = [
  ...plainRoutes,
  ...quotaRoutes,
  ...topologyRoutes,
  ...GIVEN.flatMap(agentRoutes),
  ...flavorRoutes,
];

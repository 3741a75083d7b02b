import { QUOTA_NAMES, quotaNamesAt, type QuotaName, type Quotas } from '../../compute/compute-quota-policy.ts';
import {
  changeClassQuotas,
  changeQuotas,
  classQuotas,
  DEFAULT_CLASS,
  dropQuotas,
  projectQuotas,
  usedBy,
} from '../../compute/compute-quota-service.ts';
import { countKeypairs } from '../../compute/keypair-service.ts';
import { countGroups } from '../../compute/server-group-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, type Answer } from '../service-plugin.ts';
import { BOOLEAN, integer, readBody, toBoolean, toInteger, wrapped } from './compute-body.ts';
import { dbOf, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { requireKnownQuery } from './compute-page.ts';

/** Quota sets of projects, quota classes, and the limits that a project has. */
const shownQuotas = (quotas: Quotas, minor: number, names = quotaNamesAt(minor)) =>
  Object.fromEntries(names.map((name) => [name, quotas[name]]));
const projectIn = (call: ComputeCall) => call.params['project_id']!;
const CLASS_GROUPS_SINCE = 50;

function readQuotas(call: ComputeCall): { quotas: Partial<Record<QuotaName, number>>; force: boolean } {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      ...Object.fromEntries(quotaNamesAt(call.minor).map((name) => [name, integer(-1)])),
      force: BOOLEAN,
      // Shown by GET, and sent back by clients that change one of the rest.
      ...(call.minor < 36 ? { tenant_id: { type: 'string' }, id: { type: 'string' } } : {}),
    },
    additionalProperties: false,
  };
  const { quota_set } = readBody<{ quota_set: Record<string, unknown> }>(call, wrapped('quota_set', schema));
  const given = Object.entries(quota_set).filter((entry): entry is [QuotaName, unknown] =>
    (QUOTA_NAMES as readonly string[]).includes(entry[0]),
  );
  return {
    quotas: Object.fromEntries(given.map(([name, value]) => [name, toInteger(name, value, -1)])),
    force: toBoolean(quota_set['force'] ?? false),
  };
}

const QUERY = ['user_id'];
const userIn = (call: ComputeCall) => call.query.get('user_id') ?? undefined;

async function update(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-quota-sets:update', { project_id: projectIn(call) });
  requireKnownQuery(call, QUERY);
  const { quotas, force } = readQuotas(call);
  await changeQuotas(dbOf(call), { projectId: projectIn(call), userId: userIn(call), most: quotas, force });
  return ok({ quota_set: shownQuotas(await projectQuotas(dbOf(call), projectIn(call), userIn(call)), call.minor) });
}

async function detail(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-quota-sets:detail', { project_id: projectIn(call) });
  requireKnownQuery(call, QUERY);
  const quotas = await projectQuotas(dbOf(call), projectIn(call), userIn(call));
  const used: Readonly<Partial<Record<QuotaName, number>>> = {
    ...(await usedBy(dbOf(call), projectIn(call), userIn(call))),
    server_groups: await countGroups(dbOf(call), projectIn(call)),
    ...(userIn(call) === undefined ? {} : { key_pairs: await countKeypairs(dbOf(call), userIn(call)!) }),
  };
  const rows = quotaNamesAt(call.minor).map((name) => [name, { limit: quotas[name], in_use: used[name] ?? 0, reserved: 0 }]);
  return ok({ quota_set: { id: projectIn(call), ...Object.fromEntries(rows) } });
}

async function limits(call: ComputeCall): Promise<Answer> {
  const other = call.query.get('tenant_id');
  if (other !== null && other !== call.actor.projectId) call.require('os_compute_api:limits:other_project');
  requireKnownQuery(call, ['tenant_id']);
  const project = other ?? call.actor.projectId ?? '';
  const quotas = await projectQuotas(dbOf(call), project);
  const used = await usedBy(dbOf(call), project);
  const names = new Set(quotaNamesAt(call.minor));
  const absolute = {
    maxTotalInstances: quotas.instances,
    maxTotalCores: quotas.cores,
    maxTotalRAMSize: quotas.ram,
    maxServerMeta: quotas.metadata_items,
    ...(call.minor < 39 ? { maxImageMeta: quotas.metadata_items } : {}),
    maxTotalKeypairs: quotas.key_pairs,
    maxServerGroups: quotas.server_groups,
    maxServerGroupMembers: quotas.server_group_members,
    ...(names.has('injected_files')
      ? { maxPersonality: quotas.injected_files, maxPersonalitySize: quotas.injected_file_content_bytes }
      : {}),
    totalInstancesUsed: used.instances,
    totalCoresUsed: used.cores,
    totalRAMUsed: used.ram,
    totalServerGroupsUsed: await countGroups(dbOf(call), project),
    ...(names.has('fixed_ips')
      ? {
          maxTotalFloatingIps: quotas.floating_ips,
          maxSecurityGroups: quotas.security_groups,
          maxSecurityGroupRules: quotas.security_group_rules,
          totalFloatingIpsUsed: 0,
          totalSecurityGroupsUsed: 0,
        }
      : {}),
  };
  return ok({ limits: { rate: [], absolute } });
}

/** Old quota classes did not know server groups. */
const classNames = (minor: number) => quotaNamesAt(minor).filter((name) => minor >= CLASS_GROUPS_SINCE || !name.startsWith('server_group'));

async function updateClass(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-quota-class-sets:update');
  const names = classNames(call.minor);
  const schema: JsonSchema = {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, integer(-1)])),
    additionalProperties: false,
  };
  const { quota_class_set: given } = readBody<{ quota_class_set: Record<string, unknown> }>(call, wrapped('quota_class_set', schema));
  const name = call.params['class']!;
  await changeClassQuotas(
    dbOf(call),
    name,
    Object.fromEntries(Object.entries(given).map(([key, value]) => [key, toInteger(key, value, -1)])),
  );
  return ok({ quota_class_set: shownQuotas(await classQuotas(dbOf(call), name), call.minor, names) });
}

const PATH = '/v2.1/os-quota-sets/:project_id';

export const quotaRoutes: readonly ComputeRoute[] = [
  {
    method: 'GET',
    path: PATH,
    query: QUERY,
    async handle(call) {
      call.require('os_compute_api:os-quota-sets:show', { project_id: projectIn(call) });
      requireKnownQuery(call, QUERY);
      const quotas = await projectQuotas(dbOf(call), projectIn(call), userIn(call));
      return ok({ quota_set: { id: projectIn(call), ...shownQuotas(quotas, call.minor) } });
    },
  },
  {
    method: 'GET',
    path: `${PATH}/defaults`,
    async handle(call) {
      call.require('os_compute_api:os-quota-sets:defaults', { project_id: projectIn(call) });
      return ok({ quota_set: { id: projectIn(call), ...shownQuotas(await classQuotas(dbOf(call), DEFAULT_CLASS), call.minor) } });
    },
  },
  { method: 'GET', path: `${PATH}/detail`, query: QUERY, handle: detail },
  { method: 'PUT', path: PATH, query: QUERY, handle: update },
  {
    method: 'DELETE',
    path: PATH,
    query: QUERY,
    async handle(call) {
      call.require('os_compute_api:os-quota-sets:delete', { project_id: projectIn(call) });
      await dropQuotas(dbOf(call), projectIn(call), userIn(call));
      return { status: 202 };
    },
  },
  { method: 'GET', path: '/v2.1/limits', query: ['tenant_id'], handle: limits },
  {
    method: 'GET',
    path: '/v2.1/os-quota-class-sets/:class',
    async handle(call) {
      call.require('os_compute_api:os-quota-class-sets:show');
      const name = call.params['class']!;
      return ok({ quota_class_set: { id: name, ...shownQuotas(await classQuotas(dbOf(call), name), call.minor, classNames(call.minor)) } });
    },
  },
  { method: 'PUT', path: '/v2.1/os-quota-class-sets/:class', handle: updateClass },
];

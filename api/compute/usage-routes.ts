import { listHosts } from '../../compute/host-service.ts';
import { readUsage, type ServerUsage } from '../../compute/usage-service.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { dbOf, gone, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { plainTime, requireKnownQuery } from './compute-page.ts';
import { readTime } from './server-query.ts';

/** What projects used over a period (api-ref "Usage reports"), and the audit periods of hosts. */
const DAY_MS = 24 * 60 * 60_000;
const QUERY = ['start', 'end', 'detailed', 'limit', 'marker'];

/** Four weeks until now, unless asked otherwise. @throws Refusal 400 */
function readPeriod({ query }: ComputeCall): { start: Date; end: Date } {
  const end = readTime('end', query.get('end') ?? undefined) ?? new Date();
  const start = readTime('start', query.get('start') ?? undefined) ?? new Date(end.getTime() - 28 * DAY_MS);
  if (start >= end) throw new Refusal(400, 'Invalid start time. The start time cannot occur after the end time.');
  return { start, end };
}

const serverView = (one: ServerUsage) => ({
  instance_id: one.uuid,
  name: one.name,
  tenant_id: one.project_id,
  flavor: one.flavor,
  memory_mb: one.memory_mb,
  local_gb: one.local_gb,
  vcpus: one.vcpus,
  state: one.state,
  started_at: plainTime(one.started_at),
  ended_at: plainTime(one.ended_at),
  hours: one.hours,
  uptime: Number(one.uptime),
});

function projectView(projectId: string, servers: readonly ServerUsage[], period: { start: Date; end: Date }, detailed: boolean) {
  const sum = (amount: (one: ServerUsage) => number) => servers.reduce((so, one) => so + amount(one), 0);
  return {
    tenant_id: projectId,
    start: plainTime(period.start),
    stop: plainTime(period.end),
    total_hours: sum(({ hours }) => hours),
    total_memory_mb_usage: sum((one) => one.hours * one.memory_mb),
    total_local_gb_usage: sum((one) => one.hours * one.local_gb),
    total_vcpus_usage: sum((one) => one.hours * one.vcpus),
    ...(detailed ? { server_usages: servers.map(serverView) } : {}),
  };
}

async function list(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-simple-tenant-usage:list');
  requireKnownQuery(call, QUERY);
  const period = readPeriod(call);
  const detailed = call.query.get('detailed') === '1';
  const byProject = Map.groupBy(await readUsage(dbOf(call), period), ({ project_id }) => project_id);
  return ok({ tenant_usages: [...byProject].map(([id, servers]) => projectView(id, servers, period, detailed)) });
}

async function show(call: ComputeCall): Promise<Answer> {
  const id = call.params['project_id']!;
  if (id === '') throw gone();
  call.require('os_compute_api:os-simple-tenant-usage:show', { project_id: id });
  requireKnownQuery(call, QUERY);
  const period = readPeriod(call);
  const servers = await readUsage(dbOf(call), period, id);
  return ok({ tenant_usage: servers.length === 0 ? {} : projectView(id, servers, period, true) });
}

/** The calendar month before this moment. */
function monthBefore(at: Date): { begin: Date; end: Date } {
  const end = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1));
  return { begin: new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - 1, 1)), end };
}

/** Nothing audits hosts by periods here: usage is what rows say. Every host is one that has not run. */
async function auditLog(call: ComputeCall, before: Date) {
  const hosts = (await listHosts(dbOf(call))).map(({ host }) => host);
  const { begin, end } = monthBefore(before);
  const shown = (at: Date) => at.toISOString().slice(0, 19).replace('T', ' ');
  return {
    hosts_not_run: hosts,
    log: {},
    num_hosts: hosts.length,
    num_hosts_done: 0,
    num_hosts_not_run: hosts.length,
    num_hosts_running: 0,
    overall_status: `0 of ${hosts.length} hosts done. 0 errors.`,
    period_beginning: shown(begin),
    period_ending: shown(end),
    total_errors: 0,
    total_instances: 0,
  };
}

const AUDIT = '/v2.1/os-instance_usage_audit_log';

export const usageRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/os-simple-tenant-usage', query: QUERY, handle: list },
  { method: 'GET', path: '/v2.1/os-simple-tenant-usage/:project_id', query: QUERY, handle: show },
  {
    method: 'GET',
    path: AUDIT,
    async handle(call) {
      call.require('os_compute_api:os-instance-usage-audit-log:list');
      return ok({ instance_usage_audit_logs: await auditLog(call, new Date()) });
    },
  },
  {
    method: 'GET',
    path: `${AUDIT}/:before`,
    async handle(call) {
      call.require('os_compute_api:os-instance-usage-audit-log:show');
      const at = readTime('before', call.params['before']!);
      return ok({ instance_usage_audit_log: await auditLog(call, at!) });
    },
  },
];

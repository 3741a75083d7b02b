import { changeHost, findHost, findHostById, listHosts, type Host, type HostChange } from '../../compute/host-service.ts';
import { listProcesses } from '../../compute/process-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { BOOLEAN, readBody, toBoolean } from './compute-body.ts';
import { dbOf, gone, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { plainTime, requireKnownQuery } from './compute-page.ts';
import { INTERNAL_ZONE } from './host-routes.ts';

/** Which parts of compute run where: one `nova-compute` a machine, and the processes of the control plane. */
const FORCED_DOWN_SINCE = 11;
export const UUIDS_SINCE = 53;

interface ServiceRow {
  readonly id: string;
  readonly seq: number;
  readonly binary: string;
  readonly host: string;
  readonly zone: string;
  readonly disabled: boolean;
  readonly disabled_reason: string | null;
  readonly forced_down: boolean;
  readonly up: boolean;
  readonly updated_at: Date;
}

const ofHost = (host: Host): ServiceRow => ({ ...host, id: host.uuid, binary: 'nova-compute' });

const view = (call: ComputeCall, row: ServiceRow) => ({
  id: call.minor >= UUIDS_SINCE ? row.id : row.seq,
  binary: row.binary,
  host: row.host,
  zone: row.zone,
  status: row.disabled ? 'disabled' : 'enabled',
  state: row.up ? 'up' : 'down',
  updated_at: plainTime(row.updated_at),
  disabled_reason: row.disabled_reason,
  ...(call.minor >= FORCED_DOWN_SINCE ? { forced_down: row.forced_down } : {}),
});

async function allServices(call: ComputeCall): Promise<ServiceRow[]> {
  const open = { zone: INTERNAL_ZONE, disabled: false, disabled_reason: null, forced_down: false };
  const processes = (await listProcesses(dbOf(call))).flatMap((one) =>
    ['nova-scheduler', 'nova-conductor'].map((binary) => ({ ...one, ...open, binary })),
  );
  return [...(await listHosts(dbOf(call))).map(ofHost), ...processes];
}

async function list(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-services:list');
  requireKnownQuery(call, ['host', 'binary']);
  const [host, binary] = [call.query.get('host'), call.query.get('binary')];
  const found = (await allServices(call)).filter(
    (one) => (host === null || one.host === host) && (binary === null || one.binary === binary),
  );
  return ok({ services: found.map((one) => view(call, one)) });
}

const REASON: JsonSchema = { type: 'string', minLength: 1, maxLength: 255, pattern: '^(?!\\s).*\\S$|^\\S$' };
const STATUS: JsonSchema = {
  type: 'object',
  properties: { status: { type: 'string', enum: ['enabled', 'disabled'] }, disabled_reason: REASON, forced_down: BOOLEAN },
  minProperties: 1,
  additionalProperties: false,
};

async function updateById(call: ComputeCall): Promise<Answer> {
  if (call.minor < UUIDS_SINCE) return updateByHost(call);
  call.require('os_compute_api:os-services:update');
  const body = readBody<{ status?: string; disabled_reason?: string; forced_down?: unknown }>(call, STATUS);
  if (body.disabled_reason !== undefined && body.status !== 'disabled')
    throw new Refusal(400, "Specifying 'disabled_reason' requires that status is 'disabled'.");
  const host = await findHostById(dbOf(call), call.params['service_id']!);
  if (host === undefined) throw new Refusal(404, `Service ${call.params['service_id']} could not be found.`);
  const changed = await changeHost(dbOf(call), host.host, {
    ...(body.status === undefined ? {} : { disabled: body.status === 'disabled', disabled_reason: body.disabled_reason ?? null }),
    ...(body.forced_down === undefined ? {} : { forced_down: toBoolean(body.forced_down) }),
  });
  return ok({ service: view(call, ofHost(changed)) });
}

const BY_HOST: JsonSchema = {
  type: 'object',
  properties: {
    host: { type: 'string', minLength: 1, maxLength: 255 },
    binary: { type: 'string', minLength: 1, maxLength: 255 },
    disabled_reason: REASON,
    forced_down: BOOLEAN,
  },
  required: ['host', 'binary'],
  additionalProperties: false,
};

/** `PUT /os-services/disable` and its likes, until 2.52. */
async function updateByHost(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-services:update');
  const verb = call.params['service_id']!;
  const body = readBody<{ host: string; binary: string; disabled_reason?: string; forced_down?: unknown }>(call, BY_HOST);
  const { host: name, binary } = body;
  const change = changeOf(verb, body, call.minor);
  const host = binary === 'nova-compute' ? await findHost(dbOf(call), name) : undefined;
  if (host === undefined) throw new Refusal(404, `Host ${name} with binary ${binary} could not be found.`);
  const changed = await changeHost(dbOf(call), host.host, change);
  const named = { host: host.host, binary };
  if (verb === 'force-down') return ok({ service: { ...named, forced_down: changed.forced_down } });
  const status = changed.disabled ? 'disabled' : 'enabled';
  return ok({ service: { ...named, status, ...(verb === 'disable-log-reason' ? { disabled_reason: changed.disabled_reason } : {}) } });
}

/** @throws Refusal 404 for another verb, 400 without what it needs */
function changeOf(verb: string, body: { readonly disabled_reason?: string; readonly forced_down?: unknown }, minor: number): HostChange {
  if (verb === 'enable') return { disabled: false, disabled_reason: null };
  if (verb === 'disable') return { disabled: true, disabled_reason: null };
  if (verb === 'disable-log-reason') {
    if (body.disabled_reason === undefined) throw new Refusal(400, 'Missing disabled reason field');
    return { disabled: true, disabled_reason: body.disabled_reason };
  }
  if (verb === 'force-down' && minor >= FORCED_DOWN_SINCE) {
    if (body.forced_down === undefined) throw new Refusal(400, 'Missing forced_down field');
    return { forced_down: toBoolean(body.forced_down) };
  }
  throw gone();
}

export const serviceRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/v2.1/os-services', query: ['host', 'binary'], handle: list },
  { method: 'PUT', path: '/v2.1/os-services/:service_id', handle: updateById },
  {
    method: 'DELETE',
    path: '/v2.1/os-services/:service_id',
    async handle(call) {
      call.require('os_compute_api:os-services:delete');
      const host = await findHostById(dbOf(call), call.params['service_id']!);
      if (host === undefined) throw new Refusal(404, `Service ${call.params['service_id']} could not be found.`);
      throw new Refusal(409, `The service of ${host.host} is there as long as the machine is: take the node out by the Bare Metal API.`);
    },
  },
];

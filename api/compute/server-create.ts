import { randomBytes, randomUUID } from 'node:crypto';
import type { JsonObject } from '../../core/base/json.ts';
import { projectQuotas } from '../../compute/compute-quota-service.ts';
import { readFlavor, type Flavor } from '../../compute/flavor-service.ts';
import { findHost, listHosts } from '../../compute/host-service.ts';
import { readKeypair } from '../../compute/keypair-service.ts';
import { readServerGroup } from '../../compute/server-group-service.ts';
import type { ServerFlavor } from '../../compute/server-record.ts';
import { createServers, type ServersWanted } from '../../flows/create-servers.ts';
import type { AskedNetworks, NetworkWish } from '../../flows/server-interfaces.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { readBody, toBoolean, toInteger } from './compute-body.ts';
import { dbOf, doerOf, flowServicesOf, ownTarget, projectOf, type ComputeCall } from './compute-context.ts';
import { selfLinks } from './compute-page.ts';
import { flavorEyes } from './flavor-routes.ts';
import { createSchema, hostnameOf, readAccessAddress, readBase64, readFiles } from './server-body.ts';
import { bootImage } from './server-image.ts';

/** `POST /servers`: everything that is wrong with the request is told before anything is there. */
interface CreateBody {
  readonly server: Readonly<Record<string, unknown>> & { readonly name: string };
  readonly 'os:scheduler_hints'?: JsonObject;
  readonly 'OS-SCH-HNT:scheduler_hints'?: JsonObject;
}

export async function createServer(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:servers:create', ownTarget(call));
  const projectId = projectOf(call);
  const body = readBody<CreateBody>(call, createSchema(call.minor));
  const { server } = body;
  requirePossible(server);
  const adminPass = String(server['adminPass'] ?? newPassword());
  const wanted = await readWanted(call, body, { projectId, adminPass });
  const { uuids, reservationId } = await createServers(flowServicesOf(call), wanted);
  if (toBoolean(server['return_reservation_id'] ?? false)) return { status: 202, body: { reservation_id: reservationId } };
  const id = uuids[0]!;
  const shown = {
    id,
    links: selfLinks(call, `servers/${id}`),
    'OS-DCF:diskConfig': wanted.draft.disk_config,
    adminPass,
    security_groups: groupNames(server).map((name) => ({ name })),
  };
  return { status: 202, body: { server: shown }, headers: { location: `${call.base}/v2.1/servers/${id}` } };
}

/** As Nova's generated ones: no signs that are taken for others. */
const PASSWORD_SIGNS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const PASSWORD_LENGTH = 12;
export const newPassword = (): string =>
  Array.from(randomBytes(PASSWORD_LENGTH), (byte) => PASSWORD_SIGNS[byte % PASSWORD_SIGNS.length]!).join('');

const groupNames = (server: CreateBody['server']): string[] => {
  const named = ((server['security_groups'] ?? []) as { name?: string }[]).flatMap(({ name }) => (name === undefined ? [] : [name]));
  return named.length === 0 ? ['default'] : [...new Set(named)];
};

/** @throws Refusal 400 for what metal can not have */
function requirePossible(server: CreateBody['server']): void {
  if (server['trusted_image_certificates'] != null)
    throw new Refusal(400, 'Image signatures are not verified here: trusted_image_certificates can not be used.');
  const mappings = [server['block_device_mapping'], server['block_device_mapping_v2']].flatMap(
    (each) => (each ?? []) as Record<string, unknown>[],
  );
  const isRoot = (one: Record<string, unknown>) =>
    one['source_type'] === 'image' && one['destination_type'] === 'local' && one['uuid'] === server['imageRef'];
  if (mappings.some((one) => !isRoot(one)))
    throw new Refusal(
      400,
      'Block Device Mapping is Invalid: a machine of metal boots from its own disk, volumes are not attached to it here.',
    );
}

async function readWanted(call: ComputeCall, body: CreateBody, own: { projectId: string; adminPass: string }): Promise<ServersWanted> {
  const { server } = body;
  const flavor = await bootFlavor(call, String(server['flavorRef']));
  const image = await bootImage(call, String(server['imageRef'] ?? ''), flavor);
  const hints = readHints(body);
  const group = hints['group'] === undefined ? null : await bootGroup(call, String(hints['group']), own.projectId);
  const { zone, host } = await readPlace(call, server);
  const key = server['key_name'] === undefined ? null : await bootKey(call, String(server['key_name']));
  const limits = await projectQuotas(dbOf(call), own.projectId, call.actor.userId);
  const [min, max] = readCounts(server);
  const { seal } = call.context.sealer;
  const { name } = server;
  return {
    draft: {
      project_id: own.projectId,
      user_id: call.actor.userId,
      description: call.minor >= 19 ? ((server['description'] as string | null | undefined) ?? null) : name,
      flavor: asStored(flavor),
      image_id: image.id,
      image_properties: image.properties,
      key_name: key?.name ?? null,
      public_key: key?.public_key ?? null,
      user_data: server['user_data'] === undefined ? null : seal(readBase64('user_data', String(server['user_data']))),
      admin_password: seal(own.adminPass),
      config_drive: toBoolean(server['config_drive'] ?? false),
      files: readFiles(call, server['personality'], limits),
      metadata: (server['metadata'] ?? {}) as Record<string, string>,
      tags: [...new Set((server['tags'] ?? []) as string[])],
      zone_asked: zone,
      access_ip_v4: readAccessAddress(server['accessIPv4'], 4),
      access_ip_v6: readAccessAddress(server['accessIPv6'], 6),
      disk_config: String(server['OS-DCF:diskConfig'] ?? 'MANUAL'),
      hints,
      group_uuid: group,
    },
    name,
    hostname: String(server['hostname'] ?? hostnameOf(name, randomUUID())),
    min,
    max,
    networks: readNetworks(call, server['networks']),
    securityGroups: groupNames(server),
    networkActor: { projectId: own.projectId, seesAll: call.actor.roles.includes('admin') },
    host,
    by: doerOf(call),
  };
}

const asStored = ({ id, name, vcpus, ram, disk, ephemeral, swap, extra_specs }: Flavor): ServerFlavor => ({
  id,
  name,
  vcpus,
  ram,
  disk,
  ephemeral,
  swap,
  extra_specs: extra_specs as Record<string, string>,
});

const asBadRequest = (message: string) => (error: { status?: number }) => {
  throw error.status === 404 ? new Refusal(400, message) : error;
};

const bootFlavor = (call: ComputeCall, id: string): Promise<Flavor> =>
  readFlavor(dbOf(call), id, flavorEyes(call)).catch(asBadRequest(`Flavor ${id.slice(0, 255)} could not be found.`));

const bootKey = (call: ComputeCall, name: string) =>
  readKeypair(dbOf(call), call.actor.userId, name).catch(asBadRequest('Invalid key_name provided.'));

const bootGroup = async (call: ComputeCall, id: string, projectId: string): Promise<string> =>
  (await readServerGroup(dbOf(call), id, projectId).catch(asBadRequest(`Instance group ${id} could not be found.`))).uuid;

/** Hints that need what is not here. */
const UNKNOWN_HINTS = ['query', 'target_cell', 'different_cell', 'build_near_host_ip', 'cidr'];

function readHints(body: CreateBody): JsonObject {
  const hints = { ...body['OS-SCH-HNT:scheduler_hints'], ...body['os:scheduler_hints'] };
  const refused = UNKNOWN_HINTS.find((name) => name in hints);
  if (refused !== undefined) throw new Refusal(400, `The scheduler hint ${refused} is not supported.`);
  return hints;
}

function readCounts(server: CreateBody['server']): [min: number, max: number] {
  const min = toInteger('min_count', server['min_count'] ?? 1, 1, COUNT_MAX);
  const max = toInteger('max_count', server['max_count'] ?? min, 1, COUNT_MAX);
  if (min > max) throw new Refusal(400, 'min_count must be <= max_count');
  return [min, max];
}
/** In one call: one transaction holds the locks of all of them. */
const COUNT_MAX = 1000;

/** `zone:host:node` of an administrator, or `host` and `hypervisor_hostname`. @throws Refusal 400, 403 */
async function readPlace(call: ComputeCall, server: CreateBody['server']): Promise<{ zone: string | null; host: string | undefined }> {
  const [zone = '', host = '', node = ''] = String(server['availability_zone'] ?? '').split(':');
  if (host !== '' || node !== '') call.require('os_compute_api:servers:create:forced_host');
  const named = server['hypervisor_hostname'] ?? server['host'];
  if (named !== undefined) call.require('os_compute_api:servers:create:requested_destination');
  const wanted = named === undefined ? node || host : String(named);
  if (wanted !== '' && (await findHost(dbOf(call), wanted)) === undefined)
    throw new Refusal(400, `Compute host ${wanted.slice(0, 255)} could not be found.`);
  if (zone !== '' && zone !== 'nova' && !(await listHosts(dbOf(call))).some((one) => one.zone === zone))
    throw new Refusal(400, 'The requested availability zone is not available');
  return { zone: zone === '' ? null : zone, host: wanted === '' ? undefined : wanted };
}

function readNetworks(call: ComputeCall, given: unknown): AskedNetworks {
  if (given === undefined) return undefined;
  if (given === 'auto' || given === 'none') return given;
  if (typeof given === 'string')
    throw new Refusal(400, `Invalid input for field/attribute networks. Value: ${given.slice(0, 60)}. It is auto, none, or a list.`);
  const wishes = (given as { uuid?: string; port?: string | null; fixed_ip?: string; tag?: string }[]).map((one): NetworkWish => {
    const tag = one.tag === undefined ? {} : { tag: one.tag };
    if (one.port != null) {
      if (one.fixed_ip !== undefined)
        throw new Refusal(
          400,
          `Specified Fixed IP '${one.fixed_ip.slice(0, 60)}' cannot be used with port '${one.port}': the two cannot be specified together.`,
        );
      return { kind: 'port', port: one.port.toLowerCase(), ...tag };
    }
    if (one.uuid === undefined) throw new Refusal(400, "Bad network format: missing 'uuid'");
    const fixedIp = one.fixed_ip === undefined ? {} : { fixedIp: readFixedIp(one.fixed_ip) };
    return { kind: 'network', network: one.uuid.toLowerCase(), ...fixedIp, ...tag };
  });
  // Old clients send an empty list when they have nothing to say.
  return wishes.length === 0 && call.minor < 37 ? undefined : wishes;
}

function readFixedIp(text: string): string {
  if (!/^[0-9a-fA-F.:]+$/.test(text)) throw new Refusal(400, `Invalid fixed IP address (${text.slice(0, 60)})`);
  return text;
}

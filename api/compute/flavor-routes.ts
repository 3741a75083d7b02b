import { randomUUID } from 'node:crypto';
import {
  createFlavor,
  deleteFlavor,
  describeFlavor,
  FLAVOR_SORT_COLUMNS,
  flavorProjects,
  grantFlavor,
  listFlavors,
  readFlavor,
  revokeFlavor,
  type Flavor,
  type FlavorEyes,
} from '../../compute/flavor-service.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { BOOLEAN, DESCRIPTION, integer, NAME, readBody, toBoolean, toInteger, wrapped } from './compute-body.ts';
import { dbOf, ownTarget, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { nextLink, readPage, requireKnownQuery, selfLinks } from './compute-page.ts';

/** Flavors and who may use private ones. */
const DESCRIPTION_SINCE = 55;
const EXTRA_SPECS_SINCE = 61;
const SWAP_IS_NUMBER_SINCE = 75;

export const flavorView = (call: ComputeCall, flavor: Flavor) => ({
  id: flavor.id,
  name: flavor.name,
  ram: flavor.ram,
  disk: flavor.disk,
  vcpus: flavor.vcpus,
  swap: flavor.swap === 0 && call.minor < SWAP_IS_NUMBER_SINCE ? '' : flavor.swap,
  'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeral,
  'OS-FLV-DISABLED:disabled': false,
  'os-flavor-access:is_public': flavor.is_public,
  rxtx_factor: flavor.rxtx_factor,
  links: selfLinks(call, `flavors/${flavor.id}`),
  ...(call.minor >= DESCRIPTION_SINCE ? { description: flavor.description } : {}),
  ...(call.minor >= EXTRA_SPECS_SINCE && call.allows('os_compute_api:os-flavor-extra-specs:index', ownTarget(call))
    ? { extra_specs: flavor.extra_specs }
    : {}),
});

const briefView = (call: ComputeCall, flavor: Flavor) => ({
  id: flavor.id,
  name: flavor.name,
  links: selfLinks(call, `flavors/${flavor.id}`),
  ...(call.minor >= DESCRIPTION_SINCE ? { description: flavor.description } : {}),
});

/** Administrators see private flavors of everybody. */
export const flavorEyes = (call: ComputeCall): FlavorEyes =>
  call.allows('os_compute_api:os-flavor-access') ? undefined : call.actor.projectId;

function readIsPublic(call: ComputeCall): boolean | undefined {
  const text = call.query.get('is_public');
  if (flavorEyes(call) !== undefined || text === null) return true;
  if (text.toLowerCase() === 'none') return undefined;
  if (/^(1|t|true|on|y|yes)$/i.test(text)) return true;
  if (/^(0|f|false|off|n|no)$/i.test(text)) return false;
  throw new Refusal(400, `Invalid is_public filter [${text.slice(0, 60)}]`);
}

function readMinimum(call: ComputeCall, name: string): number {
  const text = call.query.get(name);
  if (text === null) return 0;
  if (!/^-?\d{1,9}$/.test(text)) throw new Refusal(400, `Invalid ${name} filter [${text.slice(0, 60)}]`);
  return Number(text);
}

const SORT_NAMES: Readonly<Record<string, (typeof FLAVOR_SORT_COLUMNS)[keyof typeof FLAVOR_SORT_COLUMNS]>> = FLAVOR_SORT_COLUMNS;

function readSort(call: ComputeCall) {
  const key = call.query.get('sort_key') ?? 'flavorid';
  const direction = call.query.get('sort_dir') ?? 'asc';
  if (!Object.hasOwn(SORT_NAMES, key)) throw new Refusal(400, `Invalid input for query parameters sort_key. Value: ${key.slice(0, 60)}.`);
  if (direction !== 'asc' && direction !== 'desc')
    throw new Refusal(400, `Invalid input for query parameters sort_dir. Value: ${direction.slice(0, 60)}.`);
  return { column: SORT_NAMES[key]!, descending: direction === 'desc' };
}

const LIST_QUERY = ['limit', 'marker', 'is_public', 'minRam', 'minDisk', 'sort_key', 'sort_dir'];

async function list(call: ComputeCall, view: (call: ComputeCall, flavor: Flavor) => { readonly id: string }): Promise<Answer> {
  call.require('os_compute_api:flavors');
  requireKnownQuery(call, LIST_QUERY);
  const page = readPage(call);
  const isPublic = readIsPublic(call);
  const own = flavorEyes(call);
  const found =
    page.limit === 0
      ? []
      : await listFlavors(dbOf(call), {
          ...page,
          // Who is no administrator sees the public ones and those of the own project, whatever was asked.
          project: own,
          isPublic: own === undefined ? isPublic : undefined,
          minRam: readMinimum(call, 'minRam'),
          minDisk: readMinimum(call, 'minDisk'),
          sort: readSort(call),
        }).catch((error: { status?: number; message: string }) => {
          throw error.status === 404 ? new Refusal(400, `marker [${page.marker}] not found`) : error;
        });
  const shown = found.map((flavor) => view(call, flavor));
  return ok({ flavors: shown, ...nextLink(call, 'flavors', page, shown) });
}

const DB_INTEGER_MAX = 2 ** 31 - 1;
const createSchema = (minor: number): JsonSchema =>
  wrapped('flavor', {
    type: 'object',
    properties: {
      name: NAME,
      id: { type: ['string', 'number', 'null'], minLength: 1, maxLength: 255, pattern: '^(?! )[a-zA-Z0-9. _-]+(?<! )$', minimum: 0 },
      ram: integer(1),
      vcpus: integer(1),
      disk: integer(0),
      'OS-FLV-EXT-DATA:ephemeral': integer(0),
      swap: integer(0),
      rxtx_factor: { type: ['number', 'string'], pattern: '^[0-9]+(\\.[0-9]+)?$', minLength: 1, maxLength: 100, minimum: 0 },
      'os-flavor-access:is_public': BOOLEAN,
      ...(minor >= DESCRIPTION_SINCE ? { description: DESCRIPTION } : {}),
    },
    required: ['name', 'ram', 'vcpus', 'disk'],
    additionalProperties: false,
  });

/** The largest that a `real` holds. */
const FACTOR_MAX = 3.40282e38;

async function create(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-flavor-manage:create');
  const { flavor } = readBody<{ flavor: Record<string, unknown> }>(call, createSchema(call.minor));
  const factor = Number(flavor['rxtx_factor'] ?? 1);
  if (!(factor > 0 && factor <= FACTOR_MAX))
    throw new Refusal(400, `Invalid input for field/attribute rxtx_factor. Value: ${factor}. It is a number above 0.`);
  const made = await createFlavor(dbOf(call), {
    id: flavor['id'] == null ? randomUUID() : String(flavor['id']),
    name: String(flavor['name']),
    description: (flavor['description'] as string | null | undefined) ?? null,
    ram: toInteger('ram', flavor['ram'], 1, DB_INTEGER_MAX),
    vcpus: toInteger('vcpus', flavor['vcpus'], 1, DB_INTEGER_MAX),
    disk: toInteger('disk', flavor['disk'], 0, DB_INTEGER_MAX),
    ephemeral: toInteger('OS-FLV-EXT-DATA:ephemeral', flavor['OS-FLV-EXT-DATA:ephemeral'] ?? 0, 0, DB_INTEGER_MAX),
    swap: toInteger('swap', flavor['swap'] ?? 0, 0, DB_INTEGER_MAX),
    rxtx_factor: factor,
    is_public: toBoolean(flavor['os-flavor-access:is_public'] ?? true),
  });
  return ok({ flavor: flavorView(call, made) });
}

const accessView = (id: string, projects: readonly string[]) => ({
  flavor_access: projects.map((project) => ({ flavor_id: id, tenant_id: project })),
});

/** @throws Refusal 404 for a public one: everybody may use it */
async function listAccess(call: ComputeCall): Promise<Answer> {
  call.require('os_compute_api:os-flavor-access');
  const flavor = await readFlavor(dbOf(call), call.params['flavor_id']!, undefined);
  if (flavor.is_public) throw new Refusal(404, 'Access list not available for public flavors.');
  return ok(accessView(flavor.id, await flavorProjects(dbOf(call), flavor.id)));
}

const accessSchema = (verb: string): JsonSchema =>
  wrapped(verb, {
    type: 'object',
    properties: { tenant: { type: 'string', minLength: 1, maxLength: 255 } },
    required: ['tenant'],
    additionalProperties: false,
  });

async function changeAccess(call: ComputeCall): Promise<Answer> {
  const verb = typeof call.body === 'object' && call.body !== null ? Object.keys(call.body)[0] : undefined;
  if (verb !== 'addTenantAccess' && verb !== 'removeTenantAccess')
    throw new Refusal(400, `There is no such action: ${String(verb).slice(0, 60)}`);
  call.require(`os_compute_api:os-flavor-access:${verb === 'addTenantAccess' ? 'add' : 'remove'}_tenant_access`);
  const { tenant } = readBody<Record<string, { tenant: string }>>(call, accessSchema(verb))[verb]!;
  const flavor = await readFlavor(dbOf(call), call.params['flavor_id']!, undefined);
  if (verb === 'addTenantAccess') {
    if (flavor.is_public) throw new Refusal(409, 'Can not add access to a public flavor.');
    await grantFlavor(dbOf(call), flavor.id, tenant);
  } else await revokeFlavor(dbOf(call), flavor.id, tenant);
  return ok(accessView(flavor.id, await flavorProjects(dbOf(call), flavor.id)));
}

const PATH = '/v2.1/flavors';

export const flavorRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: PATH, query: LIST_QUERY, handle: (call) => list(call, briefView) },
  { method: 'GET', path: `${PATH}/detail`, query: LIST_QUERY, handle: (call) => list(call, flavorView) },
  { method: 'POST', path: PATH, handle: create },
  {
    method: 'GET',
    path: `${PATH}/:flavor_id`,
    async handle(call) {
      call.require('os_compute_api:flavors');
      return ok({ flavor: flavorView(call, await readFlavor(dbOf(call), call.params['flavor_id']!, flavorEyes(call))) });
    },
  },
  {
    method: 'PUT',
    path: `${PATH}/:flavor_id`,
    since: DESCRIPTION_SINCE,
    async handle(call) {
      call.require('os_compute_api:os-flavor-manage:update');
      const schema = wrapped('flavor', {
        type: 'object',
        properties: { description: DESCRIPTION },
        required: ['description'],
        additionalProperties: false,
      });
      const { flavor } = readBody<{ flavor: { description: string | null } }>(call, schema);
      return ok({ flavor: flavorView(call, await describeFlavor(dbOf(call), call.params['flavor_id']!, flavor.description)) });
    },
  },
  {
    method: 'DELETE',
    path: `${PATH}/:flavor_id`,
    async handle(call) {
      call.require('os_compute_api:os-flavor-manage:delete');
      await deleteFlavor(dbOf(call), call.params['flavor_id']!);
      return { status: 202 };
    },
  },
  { method: 'GET', path: `${PATH}/:flavor_id/os-flavor-access`, handle: listAccess },
  { method: 'POST', path: `${PATH}/:flavor_id/action`, handle: changeAccess },
];

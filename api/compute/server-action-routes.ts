import { BmcError } from '../../bmc/capability.ts';
import { sentences } from '../../core/base/sentences.ts';
import type { ServerVerb } from '../../compute/server-machine.ts';
import { beginEvent, endAction, recordAction } from '../../compute/server-action-service.ts';
import type { ShownServer } from '../../compute/server-record.ts';
import { beginVerb, changeServer, lockUp, requireMetadataFits, resetState, unlock } from '../../compute/server-service.ts';
import { readFlavor } from '../../compute/flavor-service.ts';
import { projectQuotas } from '../../compute/compute-quota-service.ts';
import { readKeypair } from '../../compute/keypair-service.ts';
import { lockServer, readServer } from '../../compute/server-store.ts';
import { connectTo } from '../../flows/node-flow-services.ts';
import { orderDelete, orderVerb } from '../../flows/server-verbs.ts';
import { findNode } from '../../inventory/node-store.ts';
import type { JsonSchema } from '../json-schema.ts';
import { ok, Refusal, type Answer } from '../service-plugin.ts';
import { BOOLEAN, integer, METADATA, NAME, readBody, UUID, wrapped } from './compute-body.ts';
import { dbOf, doerOf, gone, type ComputeCall, type ComputeRoute } from './compute-context.ts';
import { addFloatingIp, removeFloatingIp } from './floating-ip-routes.ts';
import { changeGroups } from './interface-routes.ts';
import { flavorEyes } from './flavor-routes.ts';
import { findServer, rightsOf } from './server-access.ts';
import { hostnameOf, readAccessAddress, readBase64, readFiles, rebuildSchema } from './server-body.ts';
import { newPassword } from './server-create.ts';
import { bootImage } from './server-image.ts';
import { rebuiltServer } from './server-view.ts';

/*
 * `POST /servers/{id}/action`: one member names the action. Each row has its rule and the shape of its argument; what a machine of metal
 * can not do is refused by the machine's own table (`compute/server-machine.ts`) after the state was looked at.
 */
interface Action {
  readonly rule: string;
  readonly schema: JsonSchema | ((minor: number) => JsonSchema);
  readonly since?: number;
  readonly until?: number;
  act(call: ComputeCall, server: ShownServer, argument: never): Promise<Answer>;
}

const ANYTHING: JsonSchema = {};
const NOTHING: JsonSchema = { type: 'null' };
const accepted: Answer = { status: 202 };
const object = (properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const order = async (call: ComputeCall, server: ShownServer, verb: ServerVerb, more: Partial<Parameters<typeof orderVerb>[2]> = {}) => {
  await dbOf(call)
    .transaction()
    .execute((trx) => orderVerb(trx, server.uuid, { verb, by: doerOf(call), rights: rightsOf(call), ...more }));
};

const simple = (verb: ServerVerb, rule: string): Action => ({
  rule,
  schema: ANYTHING,
  async act(call, server) {
    await order(call, server, verb);
    return accepted;
  },
});

/** What no machine of metal does: the state is looked at first, then it is refused by name. */
const refused = (verb: ServerVerb, rule: string, schema: Action['schema'] = ANYTHING, more: Partial<Action> = {}): Action => ({
  rule,
  schema,
  async act(call, server) {
    await dbOf(call)
      .transaction()
      .execute((trx) => beginVerb(trx, server.uuid, verb, rightsOf(call)));
    return accepted;
  },
  ...more,
});

const reboot: Action = {
  rule: 'servers:reboot',
  schema: object({ type: { type: 'string', enum: ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft'] } }, ['type']),
  async act(call, server, { type }: { type: string }) {
    await order(call, server, type.toUpperCase() === 'HARD' ? 'reboot_hard' : 'reboot');
    return accepted;
  },
};

const rescue: Action = {
  rule: 'os-rescue',
  schema: {
    type: ['object', 'null'],
    properties: { adminPass: { type: 'string' }, rescue_image_ref: { type: 'string' } },
    additionalProperties: false,
  },
  async act(call, server, argument: { adminPass?: string; rescue_image_ref?: string } | null) {
    if (argument?.rescue_image_ref !== undefined)
      throw new Refusal(400, 'A machine of metal is rescued by the ramdisk of the installation: rescue_image_ref can not be used.');
    const adminPass = argument?.adminPass ?? newPassword();
    await order(call, server, 'rescue', { input: { sealed_rescue_password: call.context.sealer.seal(adminPass) } });
    return ok({ adminPass });
  },
};

interface RebuildBody {
  readonly imageRef: string;
  readonly name?: string;
  readonly adminPass?: string;
  readonly metadata?: Record<string, string>;
  readonly preserve_ephemeral?: unknown;
  readonly description?: string | null;
  readonly key_name?: string | null;
  readonly user_data?: string | null;
  readonly personality?: unknown;
  readonly trusted_image_certificates?: unknown;
  readonly hostname?: string;
  readonly accessIPv4?: string | null;
  readonly accessIPv6?: string | null;
  readonly 'OS-DCF:diskConfig'?: string;
}

const rebuild: Action = {
  rule: 'servers:rebuild',
  schema: rebuildSchema,
  async act(call, server, asked: RebuildBody) {
    if (asked.trusted_image_certificates != null)
      throw new Refusal(400, 'Image signatures are not verified here: trusted_image_certificates can not be used.');
    const image = await bootImage(call, asked.imageRef, server.flavor);
    const adminPass = asked.adminPass ?? newPassword();
    const { seal } = call.context.sealer;
    const key = asked.key_name == null ? null : await keyOf(call, server.user_id, asked.key_name);
    const limits = await projectQuotas(dbOf(call), server.project_id, server.user_id);
    const files = asked.personality === undefined ? undefined : readFiles(call, asked.personality, limits);
    await dbOf(call)
      .transaction()
      .execute(async (trx) => {
        const prepare = async () => {
          if (asked.metadata !== undefined) await requireMetadataFits(trx, server.project_id, asked.metadata);
          await changeServer(trx, server.uuid, {
            image_id: image.id,
            image_properties: JSON.stringify(image.properties),
            admin_password: seal(adminPass),
            ...(asked.name === undefined ? {} : { name: asked.name, hostname: asked.hostname ?? hostnameOf(asked.name, server.uuid) }),
            ...(asked.hostname === undefined ? {} : { hostname: asked.hostname }),
            ...('description' in asked ? { description: asked.description ?? null } : {}),
            ...(asked.metadata === undefined ? {} : { metadata: JSON.stringify(asked.metadata) }),
            ...('key_name' in asked ? { key_name: key?.name ?? null, public_key: key?.public_key ?? null } : {}),
            ...('user_data' in asked ? { user_data: asked.user_data == null ? null : seal(readBase64('user_data', asked.user_data)) } : {}),
            ...(files === undefined ? {} : { files: JSON.stringify(files) }),
            ...('accessIPv4' in asked ? { access_ip_v4: readAccessAddress(asked.accessIPv4, 4) } : {}),
            ...('accessIPv6' in asked ? { access_ip_v6: readAccessAddress(asked.accessIPv6, 6) } : {}),
            ...(asked['OS-DCF:diskConfig'] === undefined ? {} : { disk_config: asked['OS-DCF:diskConfig'] }),
          });
        };
        await orderVerb(trx, server.uuid, { verb: 'rebuild', by: doerOf(call), rights: rightsOf(call), prepare });
      });
    const shown = rebuiltServer(call, await readServer(dbOf(call), server.uuid, undefined), adminPass);
    return { status: 202, body: { server: shown }, headers: { location: `${call.base}/v2.1/servers/${server.uuid}` } };
  },
};

const keyOf = (call: ComputeCall, userId: string, name: string) =>
  readKeypair(dbOf(call), userId, name).catch((error: { status?: number }) => {
    throw error.status === 404 ? new Refusal(400, 'Invalid key_name provided.') : error;
  });

const lock: Action = {
  rule: 'os-lock-server:lock',
  schema: (minor) =>
    minor < 73
      ? ANYTHING
      : {
          type: ['object', 'null'],
          properties: { locked_reason: { type: 'string', minLength: 1, maxLength: 255 } },
          additionalProperties: false,
        },
  async act(call, server, argument: { locked_reason?: string } | null) {
    const by = server.project_id === call.actor.projectId ? 'owner' : 'admin';
    await dbOf(call)
      .transaction()
      .execute(async (trx) => {
        await lockServer(trx, server.uuid);
        await lockUp(trx, server.uuid, by, call.minor >= 73 ? (argument?.locked_reason ?? null) : null);
      });
    return accepted;
  },
};

const unlockAction: Action = {
  rule: 'os-lock-server:unlock',
  schema: ANYTHING,
  async act(call, server) {
    if (server.locked_by === 'admin') call.require('os_compute_api:os-lock-server:unlock:unlock_override');
    await dbOf(call)
      .transaction()
      .execute(async (trx) => {
        await lockServer(trx, server.uuid);
        await unlock(trx, server.uuid);
      });
    return accepted;
  },
};

/** An NMI at once, as long as the call takes. */
const NMI_MS_MAX = 30_000;

const crashDump: Action = {
  rule: 'servers:trigger_crash_dump',
  schema: NOTHING,
  since: 17,
  async act(call, server) {
    const action = await dbOf(call)
      .transaction()
      .execute(async (trx) => {
        await beginVerb(trx, server.uuid, 'trigger_crash_dump', rightsOf(call));
        const id = await recordAction(trx, server.uuid, 'trigger_crash_dump', doerOf(call));
        await beginEvent(trx, id, 'compute_trigger_crash_dump', server.host);
        return id;
      });
    const failure = await injectNmi(call, server).then(
      () => undefined,
      (error: unknown) => error,
    );
    await dbOf(call)
      .transaction()
      .execute((trx) => endAction(trx, action, failure === undefined ? null : (failure as Error).message));
    if (failure === undefined) return accepted;
    if (failure instanceof BmcError)
      throw new Refusal(failure.code === 'unsupported' ? 501 : 409, sentences(failure.message, failure.advice));
    throw failure;
  },
};

async function injectNmi(call: ComputeCall, server: ShownServer): Promise<void> {
  const node = server.node_uuid === null ? undefined : await findNode(dbOf(call), server.node_uuid);
  if (node === undefined) throw new Refusal(409, `Instance ${server.uuid} has no machine.`);
  const { sealer, connectBmc } = call.context;
  const bmc = connectTo({ db: dbOf(call), sealer, connectBmc }, node);
  try {
    await bmc.injectNmi(AbortSignal.timeout(NMI_MS_MAX));
  } finally {
    await bmc.close();
  }
}

const reset: Action = {
  rule: 'os-admin-actions:reset_state',
  schema: object({ state: { type: 'string', enum: ['active', 'error'] } }, ['state']),
  async act(call, server, { state }: { state: 'active' | 'error' }) {
    await dbOf(call)
      .transaction()
      .execute(async (trx) => {
        await lockServer(trx, server.uuid);
        await resetState(trx, server.uuid, state);
      });
    return accepted;
  },
};

const consoleOutput: Action = {
  rule: 'os-console-output',
  schema: {
    type: 'object',
    properties: { length: { type: ['integer', 'string', 'null'], pattern: '^-?[0-9]+$', minimum: -1 } },
    additionalProperties: false,
  },
  async act(_call, server) {
    throw new Refusal(
      501,
      `Instance ${server.uuid} is a machine of metal: what it writes on its console is not recorded, the Bare Metal API shows it live.`,
    );
  },
};

const console = (rule = 'os-remote-consoles'): Action => ({
  rule,
  schema: object({ type: { type: 'string' } }, ['type']),
  until: 5,
  async act(_call, server) {
    throw new Refusal(501, `Instance ${server.uuid} is a machine of metal: its console is reached by the Bare Metal API.`);
  },
});

const groups = (verb: 'add' | 'remove'): Action => ({
  rule: `os-security-groups:${verb}`,
  schema: object({ name: NAME }, ['name']),
  async act(call, server, { name }: { name: string }) {
    await changeGroups(call, server, name, verb);
    return accepted;
  },
});

const forceDelete: Action = {
  rule: 'os-deferred-delete:force',
  schema: ANYTHING,
  async act(call, server) {
    await dbOf(call)
      .transaction()
      .execute((trx) => orderDelete(trx, server.uuid, doerOf(call), rightsOf(call)));
    return accepted;
  },
};

const resize: Action = {
  rule: 'servers:resize',
  schema: object(
    { flavorRef: { type: ['string', 'integer'], minLength: 1 }, 'OS-DCF:diskConfig': { type: 'string', enum: ['AUTO', 'MANUAL'] } },
    ['flavorRef'],
  ),
  async act(call, server, { flavorRef }: { flavorRef: string | number }) {
    const flavor = await readFlavor(dbOf(call), String(flavorRef), flavorEyes(call)).catch(
      (error: { status?: number; message: string }) => {
        throw error.status === 404 ? new Refusal(400, error.message) : error;
      },
    );
    if (flavor.id === server.flavor.id) throw new Refusal(400, 'When resizing, instances must change flavor!');
    const limits = await projectQuotas(dbOf(call), server.project_id, server.user_id);
    const over = (['cores', 'ram'] as const).find(
      (name) => limits[name] >= 0 && (name === 'cores' ? flavor.vcpus : flavor.ram) > limits[name],
    );
    if (over !== undefined) throw new Refusal(403, `Quota exceeded for ${over}: the flavor alone has more than ${limits[over]}.`);
    return refused('resize', 'servers:resize').act(call, server, undefined as never);
  },
};

const imageName = object({ name: NAME, metadata: METADATA }, ['name']);
const HOST: JsonSchema = { type: 'string', minLength: 1, maxLength: 255 };

const ACTIONS: Readonly<Record<string, Action>> = {
  'os-start': simple('start', 'servers:start'),
  'os-stop': simple('stop', 'servers:stop'),
  reboot,
  rebuild,
  rescue,
  unrescue: simple('unrescue', 'os-unrescue'),
  lock,
  unlock: unlockAction,
  'os-resetState': reset,
  trigger_crash_dump: crashDump,
  'os-getConsoleOutput': consoleOutput,
  'os-getVNCConsole': console(),
  'os-getSPICEConsole': console(),
  'os-getRDPConsole': console(),
  'os-getSerialConsole': console(),
  addSecurityGroup: groups('add'),
  removeSecurityGroup: groups('remove'),
  forceDelete,
  resize,
  confirmResize: refused('confirmResize', 'servers:confirm_resize'),
  revertResize: refused('revertResize', 'servers:revert_resize'),
  pause: refused('pause', 'os-pause-server:pause'),
  unpause: refused('unpause', 'os-pause-server:unpause'),
  suspend: refused('suspend', 'os-suspend-server:suspend'),
  resume: refused('resume', 'os-suspend-server:resume'),
  shelve: refused('shelve', 'os-shelve:shelve'),
  shelveOffload: refused('shelveOffload', 'os-shelve:shelve_offload'),
  unshelve: refused('unshelve', 'os-shelve:unshelve'),
  restore: refused('restore', 'os-deferred-delete:restore'),
  createImage: refused('createImage', 'servers:create_image', imageName),
  createBackup: refused(
    'createBackup',
    'os-create-backup',
    object({ name: NAME, backup_type: { type: 'string' }, rotation: integer(0), metadata: METADATA }, ['name', 'backup_type', 'rotation']),
  ),
  changePassword: refused('changePassword', 'os-admin-password', object({ adminPass: { type: 'string' } }, ['adminPass'])),
  migrate: refused('migrate', 'os-migrate-server:migrate', (minor) =>
    minor < 56 ? ANYTHING : { type: ['object', 'null'], properties: { host: HOST }, additionalProperties: false },
  ),
  'os-migrateLive': refused('live-migrate', 'os-migrate-server:migrate_live', (minor) =>
    object(
      {
        host: { type: ['string', 'null'] },
        block_migration: { type: ['boolean', 'string'] },
        ...(minor < 25 ? { disk_over_commit: BOOLEAN } : {}),
        ...(minor >= 30 && minor < 68 ? { force: BOOLEAN } : {}),
      },
      ['host', 'block_migration'],
    ),
  ),
  evacuate: refused('evacuate', 'os-evacuate', (minor) =>
    object({
      host: HOST,
      ...(minor < 14 ? { onSharedStorage: BOOLEAN } : {}),
      adminPass: { type: 'string' },
      ...(minor >= 29 && minor < 68 ? { force: BOOLEAN } : {}),
    }),
  ),
  injectNetworkInfo: refused('inject_network_info', 'os-admin-actions:inject_network_info'),
  addFloatingIp: {
    rule: 'os-floating-ips:add',
    schema: object({ address: { type: 'string' }, fixed_address: { type: 'string' } }, ['address']),
    until: 43,
    async act(call, server, argument: { address: string; fixed_address?: string }) {
      await addFloatingIp(call, server, argument);
      return accepted;
    },
  },
  removeFloatingIp: {
    rule: 'os-floating-ips:remove',
    schema: object({ address: { type: 'string' } }, ['address']),
    until: 43,
    async act(call, server, argument: { address: string }) {
      await removeFloatingIp(call, server, argument);
      return accepted;
    },
  },
  addFixedIp: { rule: 'os-multinic:add', schema: object({ networkId: UUID }, ['networkId']), until: 43, act: useInterfaces },
  removeFixedIp: {
    rule: 'os-multinic:remove',
    schema: object({ address: { type: 'string' } }, ['address']),
    until: 43,
    act: useInterfaces,
  },
};

async function useInterfaces(): Promise<Answer> {
  throw new Refusal(501, 'Addresses are given with interfaces: attach or detach one (os-interface).');
}

async function act(call: ComputeCall): Promise<Answer> {
  const names = typeof call.body === 'object' && call.body !== null && !Array.isArray(call.body) ? Object.keys(call.body) : [];
  const name = names.length === 1 ? names[0]! : '';
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name]! : undefined;
  if (action === undefined)
    throw new Refusal(400, names.length === 1 ? `There is no such action: ${name.slice(0, 60)}` : 'Malformed request body');
  const { since = 0, until = Number.POSITIVE_INFINITY } = action;
  if (call.minor < since || call.minor > until) throw since > call.minor ? new Refusal(400, `There is no such action: ${name}`) : gone();
  const server = await findServer(call, action.rule);
  const schema = typeof action.schema === 'function' ? action.schema(call.minor) : action.schema;
  const body = readBody<Record<string, never>>(call, wrapped(name, schema));
  return action.act(call, server, body[name]!);
}

export const serverActionRoutes: readonly ComputeRoute[] = [{ method: 'POST', path: '/v2.1/servers/:server_id/action', handle: act }];

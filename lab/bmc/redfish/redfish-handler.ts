import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../core/base/json.ts';
import type { Random } from '../../../core/base/random.ts';
import { PRIVILEGE } from '../../../bmc/ipmi/session-command-codec.ts';
import type { BmcModel } from '../bmc-model.ts';
import { changeAccount, createAccount, deleteAccount } from './redfish-accounts.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
import { REDFISH_NOUNS } from './noun-table.ts';
import { bootDeviceOf, findResource, modesOf, RESET_TYPES, sessionBody } from './redfish-resources.ts';
import { isObject, MANAGER_PATH, NO_CONTENT, ROOT, SYSTEM_PATH, type RedfishNoun } from './redfish-shapes.ts';
import { isMonitor } from './task-resources.ts';
import { EVENT_STREAM } from './event-resources.ts';
import { createRedfishSessions } from './redfish-sessions.ts';

/** Answers one Redfish request (DSP0266) for one BMC. No sockets here: the server hands in what it read. */
export interface RedfishRequest {
  readonly method: string;
  /** Without slashes at its end. */
  readonly path: string;
  readonly endsWithSlash: boolean;
  readonly body: JsonObject;
  readonly token: string | undefined;
  readonly authorization: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

export type RedfishHandler = (request: RedfishRequest) => RedfishReply | Promise<RedfishReply>;

export const etagOf = (body: JsonObject): string => `"${createHash('sha1').update(JSON.stringify(body)).digest('base64url').slice(0, 16)}"`;

/** As many as BMCs have. */
const EVENT_STREAMS_MAX = 4;
const OPEN_PATHS = new Set(['/redfish', ROOT]);
const SESSIONS_PATH = `${ROOT}/SessionService/Sessions`;
const ACCOUNTS_PATH = `${ROOT}/AccountService/Accounts`;

function patchSystem(bmc: BmcModel, body: JsonObject): RedfishReply {
  const { Boot: boot, IndicatorLED: led, ...rest } = body;
  const unknown = Object.keys(rest)[0];
  if (unknown) return redfishError(400, `Property ${unknown} cannot be written.`);
  if (led !== undefined) bmc.identifyUntilMs = led === 'Off' ? 0 : Infinity;
  if (boot === undefined) return NO_CONTENT;
  if (!isObject(boot)) return redfishError(400, 'Boot is not an object.');
  const now = bmc.boot.flags();
  const { BootSourceOverrideEnabled: enabled, BootSourceOverrideTarget: target, BootSourceOverrideMode: mode } = boot;
  const device = target === undefined ? now.device : bootDeviceOf(target);
  if (device === undefined) return redfishError(400, `BootSourceOverrideTarget ${String(target)} is not allowed.`);
  if (enabled !== undefined && !['Disabled', 'Once', 'Continuous'].includes(enabled as string))
    return redfishError(400, 'BootSourceOverrideEnabled is not allowed.');
  if (mode !== undefined && !modesOf(bmc).includes(mode as string)) return redfishError(400, 'BootSourceOverrideMode is not allowed.');
  // A target alone means "once", as most implementations take it.
  const wanted = enabled ?? (now.valid ? (now.persistent ? 'Continuous' : 'Once') : target === undefined ? 'Disabled' : 'Once');
  const flags = {
    valid: wanted !== 'Disabled',
    persistent: wanted === 'Continuous',
    efi: mode === undefined ? bmc.firmwareMode === 'uefi' : mode === 'UEFI',
    device: wanted === 'Disabled' ? ('none' as const) : device,
  };
  bmc.firmwareMode = flags.efi ? 'uefi' : 'bios';
  bmc.boot.set(flags, false);
  bmc.record('bmc.boot-override', `${bmc.name}: boot ${flags.device}`, { ...flags });
  return NO_CONTENT;
}

function resetSystem(bmc: BmcModel, body: JsonObject): RedfishReply {
  const type = body['ResetType'];
  if (typeof type !== 'string' || !(type in RESET_TYPES)) return redfishError(400, `ResetType ${String(type)} is not allowed.`);
  const isOff = bmc.machine.powerState() === 'off';
  const verb = type === 'PushPowerButton' && isOff ? 'on' : RESET_TYPES[type as keyof typeof RESET_TYPES];
  return (verb === 'nmi' ? bmc.interrupt() : bmc.control(verb))
    ? NO_CONTENT
    : redfishError(409, `ResetType ${type} is not possible while the system is off.`);
}

function patchManagerNic(bmc: BmcModel, body: JsonObject): RedfishReply {
  const dhcp = isObject(body['DHCPv4']) ? body['DHCPv4']['DHCPEnabled'] : undefined;
  const statics = body['IPv4StaticAddresses'];
  const first = Array.isArray(statics) ? statics[0] : undefined;
  if (typeof dhcp === 'boolean') bmc.lan.source = dhcp ? 'dhcp' : 'static';
  if (isObject(first)) {
    bmc.lan.source = 'static';
    if (typeof first['Address'] === 'string') bmc.lan.ipAddress = first['Address'];
    if (typeof first['SubnetMask'] === 'string') bmc.lan.netmask = first['SubnetMask'];
    if (typeof first['Gateway'] === 'string') bmc.lan.gateway = first['Gateway'];
  }
  return NO_CONTENT;
}

export function createRedfishHandler(bmc: BmcModel, settings: { random: Random; ipmiPort: number | undefined }): RedfishHandler {
  const sessions = createRedfishSessions(bmc, settings.random);
  const resource = (path: string) => findResource(bmc, path, settings.ipmiPort, sessions.all());

  const login = (body: JsonObject): RedfishReply => {
    const session = sessions.login(body['UserName'], body['Password']);
    if (session === 'full') return redfishError(503);
    if (!session) return redfishError(401, 'User name or password is wrong.');
    return {
      status: 201,
      body: sessionBody(session),
      headers: { 'X-Auth-Token': session.token, Location: `${SESSIONS_PATH}/${session.id}` },
    };
  };

  /** Each subscriber of the stream gets the events from now on. */
  let streams = 0;
  const openStream = (): RedfishReply => {
    if (streams >= EVENT_STREAMS_MAX) return redfishError(503, 'The event service has no room for another stream.');
    return {
      status: 200,
      headers: { 'Content-Type': 'text/event-stream' },
      stream(write) {
        streams += 1;
        write(': events follow\n\n');
        const forget = bmc.events.onEvent((event) =>
          write(`id: ${event.id}\ndata: ${JSON.stringify(bmc.events.body([event], undefined))}\n\n`),
        );
        return () => {
          streams -= 1;
          forget();
        };
      },
    };
  };

  const read = (path: string, ifNoneMatch: string | undefined): RedfishReply => {
    if (path === EVENT_STREAM) return openStream();
    const body = resource(path);
    if (!body) return redfishError(404);
    // A task monitor tells by its status whether the work goes on.
    if (isMonitor(path) && ['Running', 'Pending'].includes(String(body['TaskState'])))
      return { status: 202, body, headers: { Location: path, 'Retry-After': '1' } };
    const etag = etagOf(body);
    if (ifNoneMatch === etag) return { status: 304, headers: { ETag: etag } };
    return { status: 200, body: { ...body, '@odata.etag': etag }, headers: { ETag: etag } };
  };

  /** An operator configures the system's own components, an administrator the rest. */
  const ask = (
    path: string,
    may: (level: number) => boolean,
    run: (noun: RedfishNoun) => RedfishReply | Promise<RedfishReply> | undefined,
  ): RedfishReply | Promise<RedfishReply> | undefined => {
    if (!may(path.startsWith(SYSTEM_PATH) ? PRIVILEGE.operator : PRIVILEGE.administrator)) return redfishError(403);
    for (const noun of REDFISH_NOUNS) {
      const reply = run(noun);
      if (reply) return reply;
    }
    return undefined;
  };

  const post = (path: string, body: JsonObject, may: (level: number) => boolean): RedfishReply | Promise<RedfishReply> => {
    if (path === `${SYSTEM_PATH}/Actions/ComputerSystem.Reset`) return may(PRIVILEGE.operator) ? resetSystem(bmc, body) : redfishError(403);
    if (path === ACCOUNTS_PATH) return may(PRIVILEGE.administrator) ? createAccount(bmc, body) : redfishError(403);
    if (path === `${MANAGER_PATH}/Actions/Manager.Reset`) {
      if (!may(PRIVILEGE.administrator)) return redfishError(403);
      sessions.clear();
      return NO_CONTENT;
    }
    return ask(path, may, (noun) => noun.post?.(bmc, path, body)) ?? (resource(path) ? redfishError(405) : redfishError(404));
  };

  const patch = (request: RedfishRequest, userId: number, may: (level: number) => boolean): RedfishReply => {
    const { path, body } = request;
    const current = resource(path);
    if (!current) return redfishError(404);
    const account = path.startsWith(`${ACCOUNTS_PATH}/`) ? Number(path.slice(ACCOUNTS_PATH.length + 1)) : undefined;
    const ownPassword = account === userId && Object.keys(body).every((key) => key === 'Password');
    if (!ownPassword && !may(path.startsWith(SYSTEM_PATH) ? PRIVILEGE.operator : PRIVILEGE.administrator)) return redfishError(403);
    if (request.ifMatch && request.ifMatch !== '*' && request.ifMatch !== etagOf(current)) return redfishError(412);
    if (path === SYSTEM_PATH) return patchSystem(bmc, body);
    if (account !== undefined) return changeAccount(bmc, account, body);
    if (path === `${MANAGER_PATH}/EthernetInterfaces/1`) return patchManagerNic(bmc, body);
    return (ask(path, may, (noun) => noun.patch?.(bmc, path, body)) as RedfishReply | undefined) ?? redfishError(405);
  };

  const remove = (path: string, may: (level: number) => boolean): RedfishReply => {
    if (path.startsWith(`${SESSIONS_PATH}/`)) return sessions.close(path.slice(SESSIONS_PATH.length + 1)) ? NO_CONTENT : redfishError(404);
    if (!path.startsWith(`${ACCOUNTS_PATH}/`)) {
      const done = ask(path, may, (noun) => noun.remove?.(bmc, path)) as RedfishReply | undefined;
      return done ?? (resource(path) ? redfishError(405) : redfishError(404));
    }
    return may(PRIVILEGE.administrator) ? deleteAccount(bmc, Number(path.slice(ACCOUNTS_PATH.length + 1))) : redfishError(403);
  };

  return (request) => {
    const { method, path } = request;
    const reading = method === 'GET' || method === 'HEAD';
    if (reading && OPEN_PATHS.has(path)) return read(path, request.ifNoneMatch);
    if (method === 'POST' && (path === SESSIONS_PATH || path === `${SESSIONS_PATH}/Members`)) return login(request.body);
    const userId = sessions.authenticate(request);
    if (userId === undefined) return redfishError(401);
    const may = (level: number) => bmc.accounts[userId]!.privilege >= level;
    if (reading) return read(path, request.ifNoneMatch);
    if (method === 'POST') return post(path, request.body, may);
    if (method === 'PATCH') return patch(request, userId, may);
    return method === 'DELETE' ? remove(path, may) : redfishError(405);
  };
}

import type { Json, JsonObject } from '../../../core/base/json.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { VendorProfile } from '../vendor-profile.ts';
import { EVENT_SERVICE, EVENT_STREAM } from './event-resources.ts';
import { ejectFrom, insertInto, MEDIA_PATH } from './media-resources.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';
import type { RedfishHandler, RedfishRequest } from './redfish-handler.ts';
import { SIMPLE_UPDATE, UPDATE_PUSH, UPDATE_SERVICE } from './update-resources.ts';
import { CHASSIS_PATH, isObject, link, MANAGER_PATH, NO_CONTENT, resource, ROOT, SYSTEM_PATH } from './redfish-shapes.ts';

/**
 * Acts out a vendor's deviations around the handler that knows none: requests are turned from the vendor's paths to ours, what the
 * vendor refuses is refused, and answers are turned back.
 */
const SETTINGS_PATH = `${SYSTEM_PATH}/SD`;
const ACTION_INFO = `${SYSTEM_PATH}/ResetActionInfo`;
const SYSTEM_MEDIA = `${SYSTEM_PATH}/VirtualMedia`;

type Rename = readonly (readonly [ours: string, theirs: string])[];

function renamesOf({ ids, mediaOnSystem, mediaIds }: VendorProfile): Rename {
  const system = `${ROOT}/Systems/${ids.system}`;
  const media = mediaOnSystem ? `${system}/VirtualMedia` : `${ROOT}/Managers/${ids.manager}/VirtualMedia`;
  const slots = Object.entries(mediaIds ?? {}).map(([ours, theirs]) => [`${MEDIA_PATH}/${ours}`, `${media}/${theirs}`] as const);
  return [
    ...slots,
    [MEDIA_PATH, media],
    [SYSTEM_PATH, system],
    [MANAGER_PATH, `${ROOT}/Managers/${ids.manager}`],
    [CHASSIS_PATH, `${ROOT}/Chassis/${ids.chassis}`],
  ];
}

/** A path is renamed by the first that it begins with, whole segments only. */
const renamePath = (path: string, renames: Rename, from: 0 | 1): string => {
  const found = renames.find((pair) => path === pair[from] || path.startsWith(`${pair[from]}/`) || path.startsWith(`${pair[from]}#`));
  return found === undefined ? path : found[1 - from]! + path.slice(found[from].length);
};

/** Every text that is a path, anywhere in a body. */
function mapPaths(value: Json, map: (path: string) => string): Json {
  if (typeof value === 'string') return value.startsWith(`${ROOT}/`) ? map(value) : value;
  if (Array.isArray(value)) return value.map((each) => mapPaths(each, map));
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapPaths(each, map)]));
  return value;
}

function reshapeSystem(body: JsonObject, profile: VendorProfile): JsonObject {
  const boot = { ...(body['Boot'] as JsonObject) };
  const targets = 'BootSourceOverrideTarget@Redfish.AllowableValues';
  if (profile.cdTarget) {
    boot[targets] = (boot[targets] as string[]).map((word) => (word === 'Cd' ? profile.cdTarget! : word));
    if (boot['BootSourceOverrideTarget'] === 'Cd') boot['BootSourceOverrideTarget'] = profile.cdTarget;
  }
  const reset = { ...((body['Actions'] as JsonObject)['#ComputerSystem.Reset'] as JsonObject) };
  if (profile.resetTypes) reset['ResetType@Redfish.AllowableValues'] = [...profile.resetTypes];
  if (profile.actionInfo) {
    delete reset['ResetType@Redfish.AllowableValues'];
    reset['@Redfish.ActionInfo'] = ACTION_INFO;
  }
  return {
    ...body,
    Id: profile.ids.system,
    Boot: boot,
    Actions: { '#ComputerSystem.Reset': reset },
    ...(profile.mediaOnSystem ? { VirtualMedia: link(SYSTEM_MEDIA) } : {}),
    ...(profile.bootAtSettings ? { '@Redfish.Settings': { SettingsObject: link(SETTINGS_PATH) } } : {}),
  };
}

function reshapeSlot(body: JsonObject, bmc: BmcModel, profile: VendorProfile): JsonObject {
  const slot = bmc.media.find(String(body['Id']))!;
  const { Actions: actions, ...rest } = body;
  const path = String(body['@odata.id']);
  const oem = { Huawei: { Actions: { '#VirtualMedia.VmmControl': { target: `${path}/Oem/Huawei/Actions/VirtualMedia.VmmControl` } } } };
  return {
    ...rest,
    Id: profile.mediaIds?.[slot.id as 'Cd' | 'Usb'] ?? slot.id,
    ...(profile.staleImage && slot.lastImage ? { Image: slot.lastImage } : {}),
    ...(profile.insertBy === undefined ? { Actions: actions! } : {}),
    ...(profile.insertBy === 'oem' ? { Oem: oem } : {}),
  };
}

function reshape(path: string, body: JsonObject, bmc: BmcModel, profile: VendorProfile): JsonObject {
  if (path === ROOT) {
    const { EventService: events, ...others } = body;
    const { SessionService: _sessions, Links: _links, ...rest } = others;
    const kept = profile.events?.none ? {} : { EventService: events! };
    return { ...(profile.basicOnly ? rest : others), ...kept, Vendor: profile.vendor, Product: profile.product };
  }
  if (path === SYSTEM_PATH) return reshapeSystem(body, profile);
  if (path === EVENT_SERVICE && profile.events?.noStream) {
    const { ServerSentEventUri: _stream, ...rest } = body;
    return rest;
  }
  if (path === UPDATE_SERVICE && profile.updates) {
    const { Actions: _fetching, ...rest } = body;
    return rest;
  }
  if (path === MANAGER_PATH && profile.mediaOnSystem) {
    const { VirtualMedia: _media, ...rest } = body;
    return rest;
  }
  if (path === CHASSIS_PATH && profile.powerInMetrics) {
    const { Power: _older, ...rest } = body;
    return rest;
  }
  if (path === MEDIA_PATH && profile.deadSlot) {
    const members = [link(`${MEDIA_PATH}/${profile.deadSlot}`), ...(body['Members'] as JsonObject[])];
    return { ...body, Members: members, 'Members@odata.count': members.length };
  }
  return path.startsWith(`${MEDIA_PATH}/`) ? reshapeSlot(body, bmc, profile) : body;
}

/** Resources that only this vendor has. */
function ownResource(path: string, bmc: BmcModel, profile: VendorProfile): JsonObject | undefined {
  if (profile.actionInfo && path === ACTION_INFO)
    return resource(ACTION_INFO, 'ActionInfo.v1_1_2', 'ResetActionInfo', 'Reset', {
      Parameters: [{ Name: 'ResetType', Required: true, DataType: 'String', AllowableValues: [...(profile.resetTypes ?? [])] }],
    });
  if (profile.bootAtSettings && path === SETTINGS_PATH)
    return resource(SETTINGS_PATH, 'ComputerSystem.v1_13_0', 'SD', bmc.name, { Boot: {} });
  if (profile.deadSlot && path === `${MEDIA_PATH}/${profile.deadSlot}`)
    return resource(path, 'VirtualMedia.v1_3_2', profile.deadSlot, 'Remote file', {
      MediaTypes: ['CD', 'DVD'],
      Image: null,
      Inserted: false,
    });
  return undefined;
}

/** What the vendor does not take, before anything is done. */
function refusal(request: RedfishRequest, path: string, profile: VendorProfile): RedfishReply | undefined {
  const { method, body } = request;
  const isChange = method === 'PATCH' || method === 'POST' || method === 'DELETE';
  if (profile.slashes && isChange && !request.endsWithSlash) return { status: 308, headers: { Location: `${request.path}/` } };
  if (profile.basicOnly && path.startsWith(`${ROOT}/SessionService`)) return redfishError(404);
  if (profile.updates && path === SIMPLE_UPDATE) return redfishError(404);
  if (profile.updates === 'push-oem' && path === UPDATE_PUSH && !isObject(body['OemParameters']))
    return redfishError(400, 'OemParameters is missing.');
  if (profile.events?.none && path.startsWith(EVENT_SERVICE)) return redfishError(404);
  if (profile.events?.noStream && path === EVENT_STREAM) return redfishError(404);
  if (method === 'PATCH' && profile.etag === 'required' && request.ifMatch === undefined) return redfishError(428);
  if (method === 'PATCH' && profile.etag === 'refused' && request.ifMatch !== undefined) return redfishError(412);
  const boot = body['Boot'];
  if (method === 'PATCH' && isObject(boot)) {
    if (profile.bootAtSettings && path === SYSTEM_PATH) return redfishError(405);
    if (profile.bootNeedsMode && boot['BootSourceOverrideEnabled'] !== undefined && boot['BootSourceOverrideMode'] === undefined)
      return redfishError(400, 'BootSourceOverrideMode is missing.');
  }
  if (path.endsWith('Actions/ComputerSystem.Reset') && profile.resetTypes && !profile.resetTypes.includes(String(body['ResetType'])))
    return redfishError(400, `ResetType ${String(body['ResetType'])} is not allowed.`);
  if (path.endsWith('VirtualMedia.InsertMedia')) {
    const missing = profile.insertBy ? 'the action' : profile.insertNeeds?.find((name) => body[name] === undefined);
    if (missing !== undefined) return redfishError(400, `${missing} is missing.`);
  }
  if (
    method === 'PATCH' &&
    path.endsWith('/Bios/Settings') &&
    profile.biosNeedsApplyTime &&
    body['@Redfish.SettingsApplyTime'] === undefined
  )
    return NO_CONTENT;
  return undefined;
}

/** Inserts and ejects that are no action of the standard's. */
function ownMediaChange(request: RedfishRequest, path: string, bmc: BmcModel, profile: VendorProfile) {
  const [, id, control] = new RegExp(`^${MEDIA_PATH}/([^/]+)(/Oem/Huawei/Actions/VirtualMedia\\.VmmControl)?$`).exec(path) ?? [];
  if (id !== undefined && id === profile.deadSlot && request.method === 'PATCH') return NO_CONTENT;
  const slot = id === undefined ? undefined : bmc.media.find(id);
  if (slot === undefined) return undefined;
  const { body, method } = request;
  if (profile.insertBy === 'patch' && method === 'PATCH' && control === undefined)
    return body['Image'] === null ? ejectFrom(bmc, slot) : insertInto(bmc, slot, body['Image']);
  if (profile.insertBy === 'oem' && method === 'POST' && control !== undefined)
    return body['VmmControlType'] === 'Disconnect' ? ejectFrom(bmc, slot) : insertInto(bmc, slot, body['Image']);
  return undefined;
}

/** Only who may use the plain handler may use its vendor's: asked with a harmless reading. */
async function isAllowed(inner: RedfishHandler, request: RedfishRequest): Promise<boolean> {
  const look = await inner({ ...request, method: 'GET', path: MEDIA_PATH, body: {}, ifNoneMatch: undefined });
  return look.status === 200;
}

export function withProfile(inner: RedfishHandler, bmc: BmcModel, profile: VendorProfile): RedfishHandler {
  const renames = renamesOf(profile);
  const toOurs = (path: string) => renamePath(path.replace(/\/+$/, ''), renames, 1);
  const toTheirs = (path: string) => {
    const renamed = renamePath(path, renames, 0);
    return profile.slashes && !/[/#]/.test(renamed.slice(-1)) && !renamed.includes('#') ? `${renamed}/` : renamed;
  };
  /** One of our paths, which this vendor's BMC does not have. */
  const isForeign = (path: string) => renamePath(path, renames, 1) === path && renamePath(path, renames, 0) !== path;
  const answer = (reply: RedfishReply, path: string, isReading: boolean): RedfishReply => {
    const { ETag: etag, ...headers } = (reply.headers ?? {}) as Record<string, string>;
    const keepsEtag = profile.etag !== 'none' && etag !== undefined;
    const { Location: location } = headers;
    const { '@odata.etag': odataEtag, ...plain } = reply.body ?? {};
    const shaped = isReading && reply.status === 200 ? reshape(path, plain, bmc, profile) : plain;
    const body = mapPaths(keepsEtag && odataEtag !== undefined ? { ...shaped, '@odata.etag': odataEtag } : shaped, toTheirs) as JsonObject;
    return {
      status: reply.status,
      ...(reply.body === undefined ? {} : { body }),
      headers: { ...headers, ...(location === undefined ? {} : { Location: toTheirs(location) }), ...(keepsEtag ? { ETag: etag } : {}) },
    };
  };
  bmc.events.mapBody = (body) => mapPaths(body, toTheirs) as JsonObject;
  return async (request) => {
    const path = toOurs(request.path);
    if (isForeign(request.path)) return redfishError(404);
    const refused = refusal(request, path, profile);
    if (refused) return refused;
    const own = request.method === 'GET' ? ownResource(path, bmc, profile) : undefined;
    if (own && (await isAllowed(inner, request))) return { status: 200, body: mapPaths(own, toTheirs) as JsonObject, headers: {} };
    if (path.startsWith(`${MEDIA_PATH}/`) && (await isAllowed(inner, request))) {
      const changed = await ownMediaChange(request, path, bmc, profile);
      if (changed) return changed;
    }
    const boot = request.body['Boot'];
    const isCd = profile.cdTarget && isObject(boot) && boot['BootSourceOverrideTarget'] === profile.cdTarget;
    const body = isCd ? { ...request.body, Boot: { ...(boot as JsonObject), BootSourceOverrideTarget: 'Cd' } } : request.body;
    const isSettings = profile.bootAtSettings && request.method === 'PATCH' && path === SETTINGS_PATH;
    const reply = await inner({
      ...request,
      path: isSettings ? SYSTEM_PATH : path,
      body: mapPaths(body, toOurs) as JsonObject,
      // The vendor's resource is ours in another shape: its tag is that of a part, and any will do.
      ifMatch: isSettings || profile.etag === 'none' ? undefined : request.ifMatch,
    });
    return reply.stream ? reply : answer(reply, path, request.method === 'GET');
  };
}

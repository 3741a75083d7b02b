import type { JsonObject } from '../../core/base/json.ts';
import { BmcError, type BmcAddress } from '../capability.ts';
import { memberPaths, objectAt, pathAt, textAt, textsAt, objectsAt } from './json-codec.ts';
import type { RedfishHttp } from './redfish-http.ts';
import { habitsOf, type VendorHabits } from './vendor-habit-table.ts';

/** The resources of one BMC, by following links from the service root: paths are never guessed. */
export interface RedfishTree {
  readonly address: BmcAddress;
  readonly http: RedfishHttp;
  readonly host: string;
  missing(what: string): BmcError;
  root(signal: AbortSignal): Promise<JsonObject>;
  systemPath(signal: AbortSignal): Promise<string>;
  system(signal: AbortSignal): Promise<JsonObject>;
  /** The one that manages the system. */
  manager(signal: AbortSignal): Promise<JsonObject>;
  /** What the system sits in. */
  chassis(signal: AbortSignal): Promise<readonly JsonObject[]>;
  /** @throws BmcError `unsupported` when there is no such link. */
  follow(from: JsonObject, key: string, signal: AbortSignal): Promise<JsonObject>;
  /** The resources of the collection at `key`. */
  members(from: JsonObject, key: string, signal: AbortSignal): Promise<readonly JsonObject[]>;
  /** What this vendor's BMCs do in their own way. */
  habits(signal: AbortSignal): Promise<VendorHabits>;
  /** Where and how an action is called, and the values that its parameter may have (`undefined`: it does not say). */
  action(resource: JsonObject, name: string, parameter: string, signal: AbortSignal): Promise<RedfishAction | undefined>;
}

export interface RedfishAction {
  readonly target: string;
  readonly allowableValues: readonly string[] | undefined;
}

const ROOT = '/redfish/v1/';
/** A collection that never ends is a broken one. */
const COLLECTION_PAGES_MAX = 64;

export function createRedfishTree(address: BmcAddress, http: RedfishHttp): RedfishTree {
  const { host } = address;
  let systemPath = address.systemPath;
  let habits: Promise<VendorHabits> | undefined;

  const missing = (what: string) => new BmcError('unsupported', `${host}: this BMC has no ${what}`, 'Try IPMI, or newer BMC firmware.');
  const root = (signal: AbortSignal) => http.get(ROOT, signal);
  const follow = async (from: JsonObject, key: string, signal: AbortSignal): Promise<JsonObject> => {
    const path = pathAt(from, key);
    if (!path) throw missing(key);
    return http.get(path, signal);
  };
  const pathsOf = async (from: JsonObject, key: string, signal: AbortSignal): Promise<readonly string[]> => {
    let page = await follow(from, key, signal);
    const paths = memberPaths(page['Members']);
    for (let pages = 1; pages < COLLECTION_PAGES_MAX; pages += 1) {
      const next = textAt(page, 'Members@odata.nextLink');
      if (next === undefined) break;
      page = await http.get(next, signal);
      paths.push(...memberPaths(page['Members']));
    }
    return paths;
  };
  const members = async (from: JsonObject, key: string, signal: AbortSignal) => {
    const paths = await pathsOf(from, key, signal);
    return Promise.all(paths.map((path) => http.get(path, signal)));
  };
  const findSystem = async (signal: AbortSignal): Promise<string> => {
    if (systemPath) return systemPath;
    const paths = await pathsOf(await root(signal), 'Systems', signal);
    if (paths.length > 1)
      throw new BmcError(
        'refused',
        `${host}: the BMC has ${paths.length} systems: ${paths.join(', ')}`,
        'Name one of them as `systemPath`.',
      );
    if (!paths[0]) throw missing('ComputerSystem');
    return (systemPath = paths[0]);
  };
  const system = async (signal: AbortSignal) => http.get(await findSystem(signal), signal);
  const linked = async (link: string, collection: string, signal: AbortSignal): Promise<readonly string[]> => {
    const paths = memberPaths(objectAt(await system(signal), 'Links')[link]);
    return paths.length > 0 ? paths : pathsOf(await root(signal), collection, signal);
  };

  return {
    address,
    http,
    host,
    missing,
    root,
    systemPath: findSystem,
    system,
    follow,
    members,
    async manager(signal) {
      const [first] = await linked('ManagedBy', 'Managers', signal);
      if (!first) throw missing('Manager');
      return http.get(first, signal);
    },
    async chassis(signal) {
      const paths = await linked('Chassis', 'Chassis', signal);
      return Promise.all(paths.map((path) => http.get(path, signal)));
    },
    habits(signal) {
      habits ??= root(signal).then(habitsOf);
      habits.catch(() => (habits = undefined));
      return habits;
    },
    async action(resource, name, parameter, signal) {
      const found = objectAt(objectAt(resource, 'Actions'), name);
      const target = textAt(found, 'target');
      if (target === undefined) return undefined;
      const inline = textsAt(found, `${parameter}@Redfish.AllowableValues`);
      if (inline.length > 0) return { target, allowableValues: inline };
      const info = textAt(found, '@Redfish.ActionInfo');
      if (info === undefined) return { target, allowableValues: undefined };
      const described = objectsAt(await http.get(info, signal), 'Parameters').find((each) => each['Name'] === parameter);
      const values = described === undefined ? [] : textsAt(described, 'AllowableValues');
      return { target, allowableValues: values.length > 0 ? values : undefined };
    },
  };
}

export const ignoreUnsupported = (error: unknown): JsonObject => {
  if (error instanceof BmcError && error.code === 'unsupported') return {};
  throw error;
};

import type { JsonObject } from '../../../core/base/json.ts';
import type { BmcModel } from '../bmc-model.ts';
import type { RedfishReply } from './redfish-error.ts';

/** What the resources share: where they are, how links, collections and tasks look. */
export const ROOT = '/redfish/v1';
export const SYSTEM_PATH = `${ROOT}/Systems/1`;
export const MANAGER_PATH = `${ROOT}/Managers/1`;
export const CHASSIS_PATH = `${ROOT}/Chassis/1`;
export const STATUS = { State: 'Enabled', Health: 'OK' };

export const link = (path: string): JsonObject => ({ '@odata.id': path });

/** `type` with its version, as `Bios.v1_1_0`. */
export const resource = (path: string, type: string, id: string, name: string, body: JsonObject = {}): JsonObject => ({
  '@odata.id': path,
  '@odata.type': `#${type}.${type.split('.')[0]}`,
  Id: id,
  Name: name,
  ...body,
});

export const collection = (path: string, type: string, name: string, members: readonly string[]): JsonObject => ({
  '@odata.id': path,
  '@odata.type': `#${type}.${type}`,
  Name: name,
  'Members@odata.count': members.length,
  Members: members.map(link),
});

export const action = (path: string, name: string, more: JsonObject = {}): JsonObject => ({
  [`#${name}`]: { target: `${path}/Actions/${name}`, ...more },
});

export const NO_CONTENT: RedfishReply = { status: 204 };
export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The resources of one noun. Undefined: not mine. */
export interface RedfishNoun {
  find(bmc: BmcModel, path: string): JsonObject | undefined;
  post?(bmc: BmcModel, path: string, body: JsonObject): RedfishReply | Promise<RedfishReply> | undefined;
  patch?(bmc: BmcModel, path: string, body: JsonObject): RedfishReply | undefined;
  remove?(bmc: BmcModel, path: string): RedfishReply | undefined;
}

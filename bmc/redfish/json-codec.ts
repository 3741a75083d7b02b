import type { Json, JsonObject } from '../../core/base/json.ts';

/** Reading Redfish's loosely typed resources: what is absent or of another shape reads as nothing. */
export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export const objectAt = (body: JsonObject, key: string): JsonObject => {
  const value = body[key];
  return isJsonObject(value) ? value : {};
};

export const textAt = (body: JsonObject, key: string): string | undefined => {
  const value = body[key];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
};

export const numberAt = (body: JsonObject, key: string): number | undefined => {
  const value = body[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
};

export const objectsAt = (body: JsonObject, key: string): readonly JsonObject[] => {
  const value = body[key];
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
};

export const textsAt = (body: JsonObject, key: string): readonly string[] => {
  const value = body[key];
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
};

/** Where the link at `key` leads. */
export const pathAt = (body: JsonObject, key: string): string | undefined => textAt(objectAt(body, key), '@odata.id');

export const memberPaths = (list: Json | undefined): string[] =>
  Array.isArray(list) ? list.flatMap((each) => (isJsonObject(each) ? (textAt(each, '@odata.id') ?? []) : [])) : [];

/** A property only when there is something to say. */
export const optional = <Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value });

import type { Json, JsonObject } from '../../core/base/json.ts';
import { RequestRefused } from './baremetal-error.ts';

export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: Json;
}

const unescape = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~');
/** Object keys that would reach the prototype. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** RFC 6902 as far as the Bare Metal API uses it: add, replace and remove on objects. Answers a new document. @throws RequestRefused 400 */
export function applyPatch(document: JsonObject, operations: readonly PatchOperation[]): JsonObject {
  const result = structuredClone(document);
  for (const { op, path, value } of operations) {
    const keys = path.split('/').slice(1).map(unescape);
    const last = keys.pop();
    if (!path.startsWith('/') || last === undefined || last === '' || [...keys, last].some((key) => FORBIDDEN.has(key))) {
      throw new RequestRefused(400, `Couldn't apply patch: "${path}" is not a path.`);
    }
    const parent = keys.reduce<JsonObject>((at, key) => {
      const next = at[key];
      if (next === null || typeof next !== 'object' || Array.isArray(next))
        throw new RequestRefused(400, `Couldn't apply patch: there is nothing at "${path}".`);
      return next;
    }, result);
    if (op === 'remove') {
      if (!(last in parent)) throw new RequestRefused(400, `Couldn't apply patch: can't remove a non-existent object "${last}".`);
      if (keys.length === 0) parent[last] = null;
      else delete parent[last];
    } else {
      if (value === undefined) throw new RequestRefused(400, `Couldn't apply patch: "${path}" has no value.`);
      parent[last] = value;
    }
  }
  return result;
}

import { z } from 'zod';
import type { Json, JsonObject } from '../../core/base/json.ts';
import { RequestRefused } from './baremetal-error.ts';
import { short } from './query-values.ts';

export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: Json;
}

/** A thousand operations on one resource are a mistake, and each walks the document. */
const OPERATIONS_MAX = 1000;

export const patchBody = z
  .array(
    z.strictObject({
      op: z.enum(['add', 'replace', 'remove']),
      path: z.string().regex(/^(\/[\w-]+)+$/, 'is not a path'),
      value: z.custom<Json>(() => true).optional(),
    }),
  )
  .max(OPERATIONS_MAX);

/** Object keys that would reach the prototype. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const keysOf = (path: string) => path.split('/').slice(1);
export const rootOf = (operation: PatchOperation): string => keysOf(operation.path)[0]!;

/** Values that `path` itself is set to, in order. */
export const patchValues = (operations: readonly PatchOperation[], path: string): Json[] =>
  operations.filter((each) => each.path === path && each.op !== 'remove').map((each) => each.value ?? null);
export const isTouched = (operations: readonly PatchOperation[], root: string): boolean => operations.some((each) => rootOf(each) === root);

/** @throws RequestRefused 400 when a field is changed that may not be. */
export function requirePatchable(operations: readonly PatchOperation[], fields: readonly string[]): void {
  const wrong = operations.find((each) => !fields.includes(rootOf(each)));
  if (wrong !== undefined)
    throw new RequestRefused(400, `Cannot patch ${short(wrong.path)}. Only the following can be updated: ${fields.join(', ')}`);
}

/** RFC 6902 as far as the API has it: add, replace and remove. Answers a new document. @throws RequestRefused 400 */
export function applyPatch(document: JsonObject, operations: readonly PatchOperation[]): JsonObject {
  const result = structuredClone(document);
  for (const operation of operations) {
    const keys = keysOf(operation.path);
    const last = keys.pop()!;
    if (keys.length === 0 && operation.op === 'add' && !Object.hasOwn(result, last))
      throw new RequestRefused(400, `Adding a new attribute (${short(operation.path)}) to the root of the resource is not allowed`);
    if ([...keys, last].some((key) => FORBIDDEN.has(key))) throw refusal(operation, 'the path names what no resource has');
    apply(walk(result, keys, operation), last, operation);
  }
  return result;
}

const refusal = (operation: PatchOperation, reason: string) =>
  new RequestRefused(400, `Couldn't apply patch '${short(operation)}'. Reason: ${reason}`);

function walk(document: JsonObject, keys: readonly string[], operation: PatchOperation): JsonObject | Json[] {
  let at: Json = document;
  for (const key of keys) {
    at = Array.isArray(at) ? at[indexIn(at, key, operation, at.length - 1)]! : ownValue(at, key, operation);
  }
  if (at === null || typeof at !== 'object') throw refusal(operation, `there is nothing at ${operation.path}`);
  return at as JsonObject | Json[];
}

function ownValue(at: Json, key: string, operation: PatchOperation): Json {
  if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) throw refusal(operation, `member '${key}' not found`);
  return (at as JsonObject)[key]!;
}

function indexIn(list: readonly Json[], key: string, operation: PatchOperation, max: number): number {
  const index = /^\d{1,9}$/.test(key) ? Number(key) : NaN;
  if (!(index <= max)) throw refusal(operation, `'${key}' is not an index of the list of ${list.length}`);
  return index;
}

function apply(parent: JsonObject | Json[], key: string, operation: PatchOperation): void {
  const { op, value } = operation;
  if (op !== 'remove' && value === undefined) throw refusal(operation, "The operation does not contain a 'value' member");
  if (Array.isArray(parent)) {
    if (op === 'add') parent.splice(key === '-' ? parent.length : indexIn(parent, key, operation, parent.length), 0, value!);
    else parent.splice(indexIn(parent, key, operation, parent.length - 1), 1, ...(op === 'replace' ? [value!] : []));
    return;
  }
  if (op !== 'add' && !Object.hasOwn(parent, key)) throw refusal(operation, `can't ${op} a non-existent object '${key}'`);
  if (op === 'remove') delete parent[key];
  else parent[key] = value!;
}

import type { Json } from '../core/base/json.ts';

/** One difference between two inspections, for people: `disks[serial=S1] gone`. */
export interface InspectionChange {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before?: Json;
  readonly after?: Json;
}

/** Lists are compared by what identifies an element, not by position: a reordered disk is no change. */
const IDENTITY_KEYS = ['serial', 'mac', 'locator', 'address', 'id', 'name'];
/** Values that move by themselves say nothing about the machine. */
const VOLATILE = new Set(['temperatureCelsius', 'powerOnHours', 'ipAddress']);

const identityOf = (item: Json): string | undefined => {
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return undefined;
  const key = IDENTITY_KEYS.find((name) => item[name] !== undefined && item[name] !== '');
  return key === undefined ? undefined : `${key}=${String(item[key])}`;
};

const asMap = (list: Json[]): Record<string, Json> | undefined => {
  const entries = list.map((item) => [identityOf(item), item] as const);
  const unique = new Set(entries.map(([key]) => key));
  if (entries.some(([key]) => key === undefined) || unique.size !== entries.length) return undefined;
  return Object.fromEntries(entries) as Record<string, Json>;
};

export function diffInspections(before: Json, after: Json, path = ''): InspectionChange[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    const left = asMap(before);
    const right = asMap(after);
    if (left && right) return diffKeys(left, right, (key) => `${path}[${key}]`);
    return [{ path, kind: 'changed', before, after }];
  }
  const bothObjects =
    before !== null &&
    after !== null &&
    typeof before === 'object' &&
    typeof after === 'object' &&
    !Array.isArray(before) &&
    !Array.isArray(after);
  if (bothObjects) return diffKeys(before, after, (key) => (path === '' ? key : `${path}.${key}`));
  return [{ path, kind: 'changed', before, after }];
}

function diffKeys(before: Record<string, Json>, after: Record<string, Json>, pathOf: (key: string) => string): InspectionChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !VOLATILE.has(key));
  return keys.flatMap((key): InspectionChange[] => {
    const left = before[key];
    const right = after[key];
    if (left === undefined && right !== undefined) return [{ path: pathOf(key), kind: 'added', after: right }];
    if (right === undefined && left !== undefined) return [{ path: pathOf(key), kind: 'removed', before: left }];
    return left === undefined || right === undefined ? [] : diffInspections(left, right, pathOf(key));
  });
}

import { badRequest } from './identity-error.ts';

/** What a list call asks for: Keystone's filters (`name`, `name__contains`, …) and its paging by `limit` and `marker`. */
export interface Selection {
  readonly filters: readonly {
    readonly column: string;
    readonly comparison: Comparison;
    readonly value: string | boolean | number | null;
  }[];
  readonly limit?: number;
  readonly marker?: string;
}

const COMPARISONS = ['contains', 'icontains', 'startswith', 'istartswith', 'endswith', 'iendswith'] as const;
type Comparison = 'equals' | (typeof COMPARISONS)[number];

/** Attributes a list can be filtered by, and how their text is read. */
export type Filters = Readonly<Record<string, 'text' | 'boolean' | 'number'>>;
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export const readBoolean = (text: string): boolean => !['0', 'false', 'no', 'off', 'f', 'n'].includes(text.trim().toLowerCase());

/** A flag such as `?effective`: there is enough; `=0` and the like take it back. */
export const isSet = (query: Query, name: string): boolean => {
  const value = query[name];
  return value !== undefined && (value === '' || readBoolean(String(value)));
};

/** Unknown parameters are ignored, as Keystone does; a repeated one counts with its first value. @throws IdentityError 400 */
export function readSelection(query: Query, known: Filters): Selection {
  const filters: Selection['filters'][number][] = [];
  for (const [name, given] of Object.entries(query)) {
    if (given === undefined) continue;
    const [attribute = '', comparison] = name.split(/__(?=[a-z]+$)/);
    const kind = known[attribute];
    if (kind === undefined) continue;
    if (comparison !== undefined && !(COMPARISONS as readonly string[]).includes(comparison)) continue;
    const text = Array.isArray(given) ? String(given[0]) : String(given);
    filters.push({ column: attribute, comparison: (comparison as Comparison) ?? 'equals', value: readValue(text, kind) });
  }
  const limit = query['limit'] === undefined ? undefined : Number(query['limit']);
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) throw badRequest(`Invalid limit: ${String(query['limit'])}.`);
  const marker = query['marker'];
  return { filters, ...(limit === undefined ? {} : { limit }), ...(marker === undefined ? {} : { marker: String(marker) }) };
}

function readValue(text: string, kind: Filters[string]): string | boolean | number | null {
  if (kind === 'boolean') return readBoolean(text);
  if (kind === 'number') {
    const number = Number(text);
    if (!Number.isSafeInteger(number)) throw badRequest(`${text} is not a number.`);
    return number;
  }
  return text;
}

import { Refusal } from '../service-plugin.ts';
import type { ComputeCall } from './compute-context.ts';

/** `limit` and `marker` of a list, and the link to the next page. */
export const PAGE_MAX = 1000;

export interface AskedPage {
  readonly limit: number;
  readonly marker: string | undefined;
}

/** @throws Refusal 400 */
export function readPage({ query }: ComputeCall): AskedPage {
  const text = query.get('limit');
  if (text !== null && !/^\d{1,15}$/.test(text))
    throw new Refusal(
      400,
      `Invalid input for query parameters limit. Value: ${text.slice(0, 60)}. '${text.slice(0, 60)}' does not match '^[0-9]*$'`,
    );
  const marker = query.get('marker');
  return {
    limit: Math.min(text === null ? PAGE_MAX : Number(text), PAGE_MAX),
    marker: marker === null || marker === '' ? undefined : marker,
  };
}

/** `{flavors_links: [{rel: next}]}` when the page is full. */
export function nextLink(call: ComputeCall, collection: string, page: AskedPage, shown: readonly { readonly id: string }[]): object {
  const last = shown.at(-1);
  if (last === undefined || shown.length < page.limit) return {};
  const query = new URLSearchParams(call.query);
  query.set('marker', last.id);
  const path = call.url.split('?')[0]!.replace(/^\/compute/, '');
  return { [`${collection}_links`]: [{ rel: 'next', href: `${call.base}${path}?${query.toString()}` }] };
}

export const selfLinks = (call: ComputeCall, path: string) => [
  { rel: 'self', href: `${call.base}/v2.1/${path}` },
  { rel: 'bookmark', href: `${call.base}/${path}` },
];

/** Seconds are as exact as Nova's times are. */
export const time = (at: Date): string => at.toISOString().replace(/\.\d+Z$/, 'Z');
/** `2016-01-01T00:00:00.000000`, as nouns show it whose rows Nova gives as they are. */
export const plainTime = (at: Date | null): string | null => (at === null ? null : at.toISOString().replace('Z', '000'));

/** From this microversion on an unknown argument is refused. */
const STRICT_QUERY_SINCE = 75;

/** @throws Refusal 400 */
export function requireKnownQuery({ query, minor }: ComputeCall, names: readonly string[]): void {
  const unknown = minor < STRICT_QUERY_SINCE ? undefined : [...query.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new Refusal(
      400,
      `Invalid input for query parameters. Additional properties are not allowed ('${unknown.slice(0, 60)}' was unexpected)`,
    );
}

/** Which names a listing looks at: bounds in the order of code points, which is the order of PostgreSQL's collation "C" for UTF-8. */
export interface ListingQuery {
  readonly prefix: string;
  /** Names after it, in the direction of the listing; empty: from the beginning. */
  readonly marker: string;
  readonly endMarker: string;
  readonly delimiter: string;
  readonly limit: number;
  readonly isReverse: boolean;
  /** Swift's older way to look into a pseudo-folder: its objects and marker objects, not itself. */
  readonly path?: string;
}

/** Names have at most 1024 bytes, so at most 256 of the last code point. */
const AFTER_ALL_NAMES = '\u{10FFFF}'.repeat(257);
const LAST_CODE_POINT = 0x10_ff_ff;
const FIRST_SURROGATE = 0xd8_00;
const AFTER_SURROGATES = 0xe0_00;

/** The first text after all that begin so. */
export function afterPrefix(prefix: string): string {
  const points = Array.from(prefix, (sign) => sign.codePointAt(0)!);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return AFTER_ALL_NAMES;
  const next = last + 1 === FIRST_SURROGATE ? AFTER_SURROGATES : last + 1;
  return String.fromCodePoint(...points, next);
}

/** The least text after this one: U+0000 is in no name. */
export const justAfter = (name: string): string => `${name}\u0001`;

/** In the database's order; JavaScript's own compares UTF-16 units. */
const least = (one: string, other: string): string => (Buffer.compare(Buffer.from(one), Buffer.from(other)) <= 0 ? one : other);
const greatest = (one: string, other: string): string => (least(one, other) === one ? other : one);

/** From `low` on, and before `high`. */
export function nameRange({ prefix, marker, endMarker, isReverse }: ListingQuery): { readonly low: string; readonly high: string } {
  const [after, before] = isReverse ? [endMarker, marker] : [marker, endMarker];
  const low = after === '' ? prefix : greatest(prefix, justAfter(after));
  const end = prefix === '' ? AFTER_ALL_NAMES : afterPrefix(prefix);
  return { low, high: before === '' ? end : least(before, end) };
}

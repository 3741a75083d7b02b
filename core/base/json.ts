export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Neither U+0000 nor half a surrogate pair: PostgreSQL holds neither in text (22P05). */
const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();
const storable = (text: string): string => (isStorable(text) ? text : text.toWellFormed().replaceAll('\0', '\ufffd'));

/** JSON of what machines said, for a `jsonb`: what it cannot hold shows as U+FFFD. (What a client of an API asks to be kept is refused instead.) */
export const storableJson = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one === 'string') return storable(one);
    if (typeof one !== 'object' || one === null || Array.isArray(one) || Object.keys(one).every(isStorable)) return one;
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [storable(key), inner]));
  });

/** The answer of a machine, whose texts end in messages and rows. @throws SyntaxError */
export function parseStorable(text: string): Json {
  const value = JSON.parse(text) as Json;
  return /\\u(0000|d[89a-f])/i.test(text) ? (JSON.parse(storableJson(value)) as Json) : value;
}

import { parseBody } from '../json-body.ts';
import { validateJson, type JsonSchema } from '../json-schema.ts';
import { Refusal, type Answer, type Call } from '../service-plugin.ts';
import type { PlacementContext } from './placement-context.ts';

type PlacementCall = Call<PlacementContext>;

/** A JSON body of this schema. @throws Refusal 400, 415 */
export function readBody<Body>(call: PlacementCall, schema: JsonSchema): Body {
  const type = call.headers['content-type'];
  if (type === undefined && call.body !== undefined) throw new Refusal(400, 'content-type header required when content-length > 0');
  if (!/^application\/json\s*(;|$)/i.test(type ?? ''))
    throw new Refusal(415, `The media type ${type ?? 'None'} is not supported, use application/json`);
  const value = parse(String(call.body ?? ''));
  const refusal = validateJson(schema, value);
  if (refusal !== undefined)
    throw new Refusal(
      400,
      `JSON does not validate: ${refusal.message}\n\nFailed validating '${refusal.keyword}' in schema at ${['body', ...refusal.path].join('/')}`,
    );
  return value as Body;
}

function parse(text: string): unknown {
  try {
    const value = parseBody(text);
    if (value === undefined) throw new Error('there is none');
    return value;
  } catch (error) {
    throw new Refusal(400, `Malformed JSON: ${(error as Error).message}`);
  }
}

/** Query arguments by their schema; repeated ones are looked at one by one. @throws Refusal 400 */
export function checkQuery(call: PlacementCall, schema: JsonSchema): void {
  const values = Object.fromEntries(call.query);
  for (const [name, value] of [...call.query, ['', undefined] as const]) {
    const refusal = validateJson(schema, value === undefined ? values : { ...values, [name]: value });
    if (refusal !== undefined) throw new Refusal(400, `Invalid query string parameters: ${refusal.message}`);
  }
}

/** The client takes JSON, or does not say what it takes. @throws Refusal 406 */
export function requireJsonWanted(call: PlacementCall): void {
  const accept = call.headers.accept;
  if (accept !== undefined && accept !== '' && !/application\/(json|\*)|\*\/\*/i.test(accept))
    throw new Refusal(406, 'Only application/json is provided');
}

const CACHED_SINCE = 15;

/** From 1.15 on every answer says when it was last changed. */
export function cacheHeaders(call: PlacementCall, changed: Date = new Date()): Record<string, string> {
  return call.minor < CACHED_SINCE ? {} : { 'last-modified': changed.toUTCString(), 'cache-control': 'no-cache' };
}

export const answerJson = (call: PlacementCall, body: unknown, changed?: Date, status = 200): Answer => ({
  status,
  body,
  headers: { 'content-type': 'application/json', ...cacheHeaders(call, changed) },
});

/** The newest of these, or now when there are none. */
export const newest = (times: readonly Date[]): Date => (times.length === 0 ? new Date() : new Date(Math.max(...times.map(Number))));

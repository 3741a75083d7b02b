import type { FastifyInstance } from 'fastify';

/*
 * Every body is JSON, whatever its content type says, and may be absent: clients send an empty one with
 * `content-type: application/json`. What PostgreSQL can not hold (U+0000) or would recurse into for ever is refused here.
 */
/** PostgreSQL's jsonb and our own walks recurse; a config drive or driver_info nests less than ten deep. */
const NESTING_MAX = 64;

/** Told in each service's own form: every error table knows `statusCode`. */
export class BadBody extends Error {
  override readonly name = 'BadBody';
  readonly statusCode = 400;
}

export function parseJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, parseBody(text as string));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Undefined for no text. @throws BadBody */
export function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  if (nestingOf(text) > NESTING_MAX) throw new BadBody(`The body is nested more than ${NESTING_MAX} deep.`);
  if (/\\u0000/.test(text)) throw new BadBody('The body has a U+0000 character, which can not be stored.');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadBody(`The body is not JSON: ${(error as Error).message}`);
  }
}

function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest;
}

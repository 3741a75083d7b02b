import type { JsonObject } from '../../core/base/json.ts';
import { malformed, type Malformed } from '../../core/base/malformed.ts';

/** QEMU's machine protocol: one JSON object a line, CRLF. A greeting, events, and one answer for each command. */
export type QmpMessage =
  | { readonly kind: 'greeting' }
  | { readonly kind: 'event'; readonly name: string; readonly data: JsonObject }
  | { readonly kind: 'answer' }
  | { readonly kind: 'error'; readonly reason: string };

const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export function decodeQmpLine(line: string): QmpMessage | Malformed {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return malformed('not a line of JSON', 0);
  }
  if (!isObject(message)) return malformed('not an object', 0);
  if ('QMP' in message) return { kind: 'greeting' };
  if (typeof message['event'] === 'string')
    return { kind: 'event', name: message['event'], data: isObject(message['data']) ? message['data'] : {} };
  if ('return' in message) return { kind: 'answer' };
  const { error } = message;
  if (isObject(error)) return { kind: 'error', reason: String(error['desc'] ?? error['class']) };
  return malformed('neither greeting, event nor answer', 0);
}

export const encodeQmpCommand = (execute: string, args?: JsonObject): string =>
  `${JSON.stringify({ execute, ...(args ? { arguments: args } : {}) })}\n`;

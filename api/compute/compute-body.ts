import { validateJson, type JsonSchema } from '../json-schema.ts';
import { Refusal } from '../service-plugin.ts';
import type { ComputeCall } from './compute-context.ts';

/** A JSON body of this schema, refused in the words that Nova's clients know. @throws Refusal 400, 415 */
export function readBody<Body>(call: ComputeCall, schema: JsonSchema): Body {
  if (call.body !== undefined && !/^application\/json\s*(;|$)/i.test(call.headers['content-type'] ?? 'application/json'))
    throw new Refusal(415, `The media type ${call.headers['content-type']} is not supported, use application/json.`);
  if (typeof call.body !== 'object' || call.body === null || Array.isArray(call.body)) throw new Refusal(400, 'Malformed request body');
  requireValid(schema, call.body);
  return call.body as Body;
}

export function requireValid(schema: JsonSchema, value: unknown): void {
  const refusal = validateJson(schema, value);
  if (refusal === undefined) return;
  const name = refusal.path.at(-1);
  const at = refusal.path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)?.[key], value);
  throw new Refusal(
    400,
    name === undefined
      ? `Invalid input received: ${refusal.message}`
      : `Invalid input for field/attribute ${name}. Value: ${shownValue(at)}. ${refusal.message}`,
  );
}

/** Longer values are cut: they come back in an error message. */
const SHOWN_MAX = 300;
const shownValue = (value: unknown) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
};

/** An object with one member of this name and shape. */
export const wrapped = (name: string, schema: JsonSchema): JsonSchema => ({
  type: 'object',
  properties: { [name]: schema },
  required: [name],
  additionalProperties: false,
});

/** Without control characters, and without spaces at its ends. */
export const NAME: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^(?!\\s)[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f]$',
};
export const DESCRIPTION: JsonSchema = {
  type: ['string', 'null'],
  maxLength: 65_535,
  pattern: '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f]*$',
};
const TRUE = [true, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', 'y', 't'];
const FALSE = [false, 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no', 'n', 'f'];
export const BOOLEAN: JsonSchema = { type: ['boolean', 'string'], enum: [...TRUE, ...FALSE] };
/** Of a value that `BOOLEAN` let through. */
export const toBoolean = (value: unknown): boolean => TRUE.includes(value as string);
export const UUID: JsonSchema = { type: 'string', format: 'uuid' };
export const integer = (minimum: number, maximum = 2 ** 31 - 1): JsonSchema => ({
  type: ['integer', 'string'],
  pattern: '^-?[0-9]+$',
  minLength: 1,
  maxLength: 20,
  minimum,
  maximum,
});
export const METADATA: JsonSchema = {
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: 'string', maxLength: 255 } },
  additionalProperties: false,
};

/** Of a value that `integer` let through: the text of one may still be out of range. @throws Refusal 400 */
export function toInteger(name: string, value: unknown, minimum: number, maximum = 2 ** 31 - 1): number {
  const number = Number(value);
  if (number < minimum)
    throw new Refusal(400, `Invalid input for field/attribute ${name}. Value: ${number}. ${number} is less than the minimum of ${minimum}`);
  if (number > maximum)
    throw new Refusal(
      400,
      `Invalid input for field/attribute ${name}. Value: ${number}. ${number} is greater than the maximum of ${maximum}`,
    );
  return number;
}

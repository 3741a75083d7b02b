/*
 * JSON Schema (draft 4, the part that OpenStack's services use) with refusals in the words that their clients know: those of the
 * Python library that those services use. What a schema may hold is the type; nothing else is looked at.
 */
export interface JsonSchema {
  readonly type?: JsonType | readonly JsonType[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  /** Default: true. */
  readonly additionalProperties?: boolean;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly format?: 'uuid';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
}
type JsonType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';

export interface SchemaRefusal {
  readonly message: string;
  /** The word of the schema that failed. */
  readonly keyword: string;
  readonly path: readonly (string | number)[];
}

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** The first thing that does not fit; undefined when all does. */
export function validateJson(schema: JsonSchema, value: unknown, path: readonly (string | number)[] = []): SchemaRefusal | undefined {
  const refuse = (keyword: string, message: string): SchemaRefusal => ({ keyword, message, path });
  const types = schema.type === undefined ? undefined : [schema.type].flat();
  if (types !== undefined && !types.some((type) => isOfType(type, value)))
    return refuse('type', `${shown(value)} is not of type ${types.map((type) => `'${type}'`).join(', ')}`);
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return refuse('enum', `${shown(value)} is not one of ${shown(schema.enum)}`);
  if (typeof value === 'string') return stringRefusal(schema, value, refuse);
  if (typeof value === 'number') return numberRefusal(schema, value, refuse);
  if (Array.isArray(value)) return arrayRefusal(schema, value, path, refuse);
  if (typeof value === 'object' && value !== null) return objectRefusal(schema, value as Record<string, unknown>, path, refuse);
  return undefined;
}

type Refuse = (keyword: string, message: string) => SchemaRefusal;

function stringRefusal(schema: JsonSchema, value: string, refuse: Refuse): SchemaRefusal | undefined {
  const length = [...value].length;
  if (schema.minLength !== undefined && length < schema.minLength) return refuse('minLength', `${shown(value)} is too short`);
  if (schema.maxLength !== undefined && length > schema.maxLength) return refuse('maxLength', `${shown(value)} is too long`);
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value))
    return refuse('pattern', `${shown(value)} does not match ${shown(schema.pattern)}`);
  if (schema.format === 'uuid' && !UUID.test(value)) return refuse('format', `${shown(value)} is not a 'uuid'`);
  return undefined;
}

function numberRefusal({ minimum, maximum }: JsonSchema, value: number, refuse: Refuse): SchemaRefusal | undefined {
  if (minimum !== undefined && value < minimum) return refuse('minimum', `${value} is less than the minimum of ${minimum}`);
  if (maximum !== undefined && value > maximum) return refuse('maximum', `${value} is greater than the maximum of ${maximum}`);
  return undefined;
}

function arrayRefusal(
  schema: JsonSchema,
  value: readonly unknown[],
  path: readonly (string | number)[],
  refuse: Refuse,
): SchemaRefusal | undefined {
  if (schema.minItems !== undefined && value.length < schema.minItems) return refuse('minItems', `${shown(value)} is too short`);
  if (schema.maxItems !== undefined && value.length > schema.maxItems) return refuse('maxItems', `${shown(value)} is too long`);
  if (schema.uniqueItems && new Set(value.map((item) => JSON.stringify(item))).size < value.length)
    return refuse('uniqueItems', `${shown(value)} has non-unique elements`);
  return schema.items && first(value.map((item, at) => () => validateJson(schema.items!, item, [...path, at])));
}

function objectRefusal(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
  refuse: Refuse,
): SchemaRefusal | undefined {
  const missing = schema.required?.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return refuse('required', `${shown(missing)} is a required property`);
  const names = Object.keys(value);
  if (schema.minProperties !== undefined && names.length < schema.minProperties)
    return refuse('minProperties', `${shown(value)} does not have enough properties`);
  const patterns = Object.entries(schema.patternProperties ?? {}).map(([pattern, inner]) => [new RegExp(pattern), inner] as const);
  const innerOf = (name: string) => [
    ...(schema.properties && Object.hasOwn(schema.properties, name) ? [schema.properties[name]!] : []),
    ...patterns.filter(([pattern]) => pattern.test(name)).map(([, inner]) => inner),
  ];
  if (schema.additionalProperties === false) {
    const extra = names.filter((name) => innerOf(name).length === 0);
    if (extra.length > 0) {
      const were = extra.length === 1 ? 'was' : 'were';
      return refuse('additionalProperties', `Additional properties are not allowed (${extra.map(shown).join(', ')} ${were} unexpected)`);
    }
  }
  return first(names.flatMap((name) => innerOf(name).map((inner) => () => validateJson(inner, value[name], [...path, name]))));
}

function first(checks: readonly (() => SchemaRefusal | undefined)[]): SchemaRefusal | undefined {
  for (const check of checks) {
    const refusal = check();
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function isOfType(type: JsonType, value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}

/** Longer values are cut: they come back in an error message. */
const SHOWN_CHARACTERS_MAX = 600;

/** As Python prints it. */
function shown(value: unknown): string {
  const text = print(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}

function print(value: unknown): string {
  if (typeof value === 'string') return value.includes("'") && !value.includes('"') ? `"${value}"` : `'${value.replaceAll("'", "\\'")}'`;
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(print).join(', ')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([name, one]) => `${print(name)}: ${print(one)}`)
      .join(', ')}}`;
  return String(value);
}

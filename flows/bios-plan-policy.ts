import { z } from 'zod';
import type { BiosAttribute, BiosValue, BiosValues } from '../bmc/bios.ts';
import type { Json } from '../core/base/json.ts';

/** The argument `settings` of `bios.apply_configuration` against what this BIOS has: the values to set, or what is wrong. */
const shape = z.array(z.strictObject({ name: z.string().min(1), value: z.union([z.string(), z.number(), z.boolean(), z.null()]) })).min(1);

export type BiosPlan = { readonly values: BiosValues } | { readonly problem: string };

/** Clients write numbers and truths as text too. */
function coerce(attribute: BiosAttribute, value: BiosValue): BiosValue {
  if (attribute.type === 'Integer' && typeof value === 'string' && /^-?\d+$/.test(value)) return Number(value);
  if (attribute.type === 'Boolean' && typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  if ((attribute.type === 'Enumeration' || attribute.type === 'String') && typeof value === 'number') return String(value);
  return value;
}

function complaint(attribute: BiosAttribute, value: BiosValue): string | undefined {
  const { name, type, allowableValues, lowerBound = -Infinity, upperBound = Infinity, minLength = 0, maxLength = Infinity } = attribute;
  if (attribute.readOnly === true) return `${name} can only be read.`;
  if (type === 'Enumeration' && allowableValues !== undefined && !allowableValues.includes(String(value)))
    return `${name} is one of ${allowableValues.join(', ')}, not ${JSON.stringify(value)}.`;
  if (type === 'Integer' && (!Number.isInteger(value) || (value as number) < lowerBound || (value as number) > upperBound))
    return `${name} is a whole number from ${lowerBound} to ${upperBound}, not ${JSON.stringify(value)}.`;
  if (type === 'Boolean' && typeof value !== 'boolean') return `${name} is true or false, not ${JSON.stringify(value)}.`;
  if (type === 'String' && (typeof value !== 'string' || value.length < minLength || value.length > maxLength))
    return `${name} is text of ${minLength} to ${maxLength} characters.`;
  return undefined;
}

/** Values that the machine has already are left out. */
export function planBios(settings: Json | undefined, attributes: readonly BiosAttribute[]): BiosPlan {
  const parsed = shape.safeParse(settings);
  if (!parsed.success) return { problem: `settings is a list of { name, value }: ${z.prettifyError(parsed.error)}` };
  const values: Record<string, BiosValue> = {};
  for (const { name, value } of parsed.data) {
    const attribute = attributes.find((each) => each.name === name);
    if (attribute === undefined) return { problem: `This BIOS has no setting ${name}.` };
    const coerced = coerce(attribute, value);
    const wrong = complaint(attribute, coerced);
    if (wrong !== undefined) return { problem: wrong };
    if (attribute.value !== coerced) values[name] = coerced;
  }
  return { values };
}

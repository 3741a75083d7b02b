import { z } from 'zod';

/** What several nouns share. Unknown attributes are kept (`looseObject`): Keystone lets callers add their own. */
export const text = (max: number) => z.string().min(1).max(max).regex(/\S/, 'must not be blank');
export const id = z
  .string()
  .regex(/^[a-zA-Z0-9-]+$/, 'is not an id')
  .max(255);
export const nullableDescription = z.string().nullable();
/** An option set to null is taken away. */
export const immutableOptions = z.strictObject({ immutable: z.boolean().nullable().optional() });

/** At least one attribute: an empty change is a mistake. */
export const change = <Shape extends z.ZodType<object>>(shape: Shape) =>
  shape.refine((value) => Object.keys(value as object).length > 0, 'has no attribute to change');

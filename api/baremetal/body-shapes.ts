import { z } from 'zod';
import type { JsonObject } from '../../core/base/json.ts';
import { isTrait } from '../../core/base/trait-names.ts';
import { canonicalUuid, isUuidLike, toBoolean, toMacAddress } from './query-values.ts';

/** Parts of bodies that several resources share. A null stands for "not given" wherever Ironic lets it. */
export const text = (max = 255) => z.string().max(max);
/** What JSON.parse made is JSON: only its top is looked at. */
export const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'is not an object',
);
export const jsonOrNone = jsonObject.nullish().transform((value) => value ?? {});
export const uuid = z
  .string()
  .refine(isUuidLike, { error: (issue) => `Expected UUID but received ${String(issue.input).slice(0, 80)}` })
  .transform(canonicalUuid);
export const textOrNone = (max = 255) =>
  text(max)
    .nullish()
    .transform((value) => value ?? null);
export const uuidOrNone = uuid.nullish().transform((value) => value ?? null);

/** `true`, `"yes"`, `1`, … */
export const truth = (name: string) =>
  z.union([z.boolean(), z.string()]).transform((value, context) => {
    try {
      return toBoolean(name, value)!;
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
export const truthOr = (name: string, otherwise: boolean) =>
  truth(name)
    .nullish()
    .transform((value) => value ?? otherwise);

export const macAddress = z.string().transform((value, context) => {
  try {
    return toMacAddress('address', value)!;
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

export const trait = z
  .string()
  .refine(isTrait, { error: (issue) => `${String(issue.input).slice(0, 80)} is neither a standard trait nor CUSTOM_…` });

import type { SensorThresholds } from './sensor.ts';

/** From the lowest up. */
export const THRESHOLDS_IN_ORDER = ['lowerFatal', 'lowerCritical', 'lowerCaution', 'upperCaution', 'upperCritical', 'upperFatal'] as const;

/** What of these would stand in the wrong order; equal ones may. */
export function disorderOf(thresholds: SensorThresholds): string | undefined {
  const set = THRESHOLDS_IN_ORDER.filter((name) => thresholds[name] !== undefined);
  const at = set.findIndex((name, index) => index > 0 && thresholds[name]! < thresholds[set[index - 1]!]!);
  if (at < 0) return undefined;
  const [below, above] = [set[at - 1]!, set[at]!];
  return `${above} (${thresholds[above]}) would be below ${below} (${thresholds[below]})`;
}

import { decodeEventFilter, EVENT_FILTER_BYTES, type EventFilter } from '../../../bmc/ipmi/pef-codec.ts';
import { isMalformed } from '../../../core/base/malformed.ts';

/** Which event filters an entry of the event log matches (IPMI 2.0 §17.6-17.8). */
const ANY = 0xff;
const SYSTEM_EVENT = 0x02;

/**
 * Bits of `exact` have to be as in `wanted`; of the others one that is wanted has to be set, if any is. The byte is looked at through `mask`.
 */
function dataMatches(byte: number, mask: number, exact: number, wanted: number): boolean {
  const seen = byte & mask;
  const either = wanted & ~exact & 0xff;
  return ((seen ^ wanted) & exact) === 0 && (either === 0 || (seen & either) !== 0);
}

/** A direction is not asked for: the end of a state matches as its beginning does. */
export function filterMatches({ match }: EventFilter, record: Buffer): boolean {
  if (record[2] !== SYSTEM_EVENT) return false;
  const fields = [record[7]!, record[8]!, record[10]!, record[11]!, record[12]! & 0x7f];
  return (
    fields.every((field, at) => match[at] === ANY || match[at] === field) &&
    ((match.readUInt16LE(5) >> (record[13]! & 0x0f)) & 1) === 1 &&
    [0, 1, 2].every((at) => dataMatches(record[13 + at]!, match[7 + at * 3]!, match[8 + at * 3]!, match[9 + at * 3]!))
  );
}

/** All that match are carried out; of those that alert only the one with the lowest policy (§17.3). */
export function runFilters(
  table: readonly Buffer[],
  record: Buffer,
): { readonly actions: number; readonly alert: EventFilter | undefined } {
  const matching = table
    .map((entry) => decodeEventFilter(entry.subarray(0, EVENT_FILTER_BYTES)))
    .flatMap((filter) => (!isMalformed(filter) && filter.isEnabled && filterMatches(filter, record) ? [filter] : []));
  const [alert] = matching.filter(({ actions }) => actions & 1).toSorted((one, other) => one.policy - other.policy);
  return { actions: matching.reduce((all, { actions }) => all | actions, 0), alert };
}

/** Byte ranges of a request (RFC 9110, section 14). */
export interface ByteRange {
  readonly first: number;
  /** Included. */
  readonly last: number;
}

export type RangeVerdict = { readonly ranges: readonly ByteRange[] } | 'unsatisfiable' | 'ignored';

/** `ignored`: not a range of bytes, or so many and so tangled that the whole is the better answer. */
export function readRanges(header: string | undefined, size: number, rangesMax: number): RangeVerdict {
  const match = /^\s*bytes\s*=\s*(.+)$/.exec(header ?? '');
  if (match === null) return 'ignored';
  const asked = match[1]!.split(',').map((part) => /^\s*(\d*)\s*-\s*(\d*)\s*$/.exec(part));
  if (asked.some((part) => part === null || (part[1] === '' && part[2] === ''))) return 'ignored';
  if (asked.some((part) => part![1] !== '' && part![2] !== '' && Number(part![1]) > Number(part![2]))) return 'ignored';
  const ranges = asked.flatMap((part) => place(part![1]!, part![2]!, size));
  if (ranges.length === 0) return 'unsatisfiable';
  return ranges.length > rangesMax || overlapping(ranges) > OVERLAPS_MAX ? 'unsatisfiable' : { ranges };
}

/** Clients that fetch an index and its neighbourhood overlap once or twice; attacks overlap throughout. */
const OVERLAPS_MAX = 2;

function place(first: string, last: string, size: number): ByteRange[] {
  if (first === '') {
    const suffix = Number(last);
    return suffix === 0 || size === 0 ? [] : [{ first: Math.max(0, size - suffix), last: size - 1 }];
  }
  const from = Number(first);
  return from >= size ? [] : [{ first: from, last: Math.min(last === '' ? size - 1 : Number(last), size - 1) }];
}

function overlapping(ranges: readonly ByteRange[]): number {
  const sorted = ranges.toSorted((one, other) => one.first - other.first);
  return sorted.filter((range, at) => at > 0 && range.first <= sorted[at - 1]!.last).length;
}

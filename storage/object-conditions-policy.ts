/** Conditional requests (RFC 9110, section 13) about an object that is there. */
export interface Conditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
}

/** ETags are compared without quotation marks and weakness: clients of Swift write them all ways. */
const tagsOf = (value: string): Set<string> => new Set(value.split(',').map((tag) => plainTag(tag.trim())));
const plainTag = (tag: string): string => tag.replace(/^W\//, '').replaceAll('"', '');

/** The status that ends the request instead of its own answer. */
export function unmetCondition(conditions: Conditions, etag: string, modifiedUs: number): 304 | 412 | undefined {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  const matches = (value: string) => value.trim() === '*' || tagsOf(value).has(plainTag(etag));
  // Dates have whole seconds: an object is as old as the next one.
  const modifiedMs = Math.ceil(modifiedUs / 1e6) * 1000;
  if (ifMatch !== undefined && !matches(ifMatch)) return 412;
  if (ifMatch === undefined && isDate(ifUnmodifiedSince) && modifiedMs > Date.parse(ifUnmodifiedSince)) return 412;
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch) ? 304 : undefined;
  return isDate(ifModifiedSince) && modifiedMs <= Date.parse(ifModifiedSince) ? 304 : undefined;
}

const isDate = (text: string | undefined): text is string => text !== undefined && !Number.isNaN(Date.parse(text));

/** `If-Range`: a range is given only of what the client has the rest of. */
export function rangeHolds(ifRange: string | undefined, etag: string, modifiedUs: number): boolean {
  if (ifRange === undefined) return true;
  if (isDate(ifRange) && !/^(W\/)?"/.test(ifRange)) return Math.ceil(modifiedUs / 1e6) * 1000 <= Date.parse(ifRange);
  return plainTag(ifRange) === plainTag(etag);
}

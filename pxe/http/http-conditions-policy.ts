/** Conditional and range requests of RFC 9110 §13 and §14, for one file, as one pure decision. */
export interface FileFacts {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly etag: string;
}

export interface ConditionHeaders {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifMatch?: string | undefined;
}

export type FileAnswer =
  | { readonly status: 200; readonly start: 0; readonly length: number }
  | { readonly status: 206; readonly start: number; readonly length: number }
  | { readonly status: 304 }
  | { readonly status: 412 }
  | { readonly status: 416 };

const wholeSeconds = (ms: number) => Math.floor(ms / 1000);

/** The first byte and the count of a single range; `none` for what is to be ignored, `unsatisfiable` for a 416. */
export function parseRange(header: string, sizeBytes: number): { start: number; length: number } | 'none' | 'unsatisfiable' {
  // Several ranges at once are ignored, as RFC 9110 §14.2 lets a server do: nothing that boots asks for them.
  const match = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header);
  if (!match || (match[1] === '' && match[2] === '')) return 'none';
  if (match[1] === '') {
    const suffix = Math.min(Number(match[2]), sizeBytes);
    return suffix === 0 ? 'unsatisfiable' : { start: sizeBytes - suffix, length: suffix };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? sizeBytes - 1 : Math.min(Number(match[2]), sizeBytes - 1);
  if (match[2] !== '' && Number(match[2]) < start) return 'none';
  return start >= sizeBytes ? 'unsatisfiable' : { start, length: end - start + 1 };
}

const listsEtag = (header: string, etag: string): boolean =>
  header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);

function rangeStillHolds(ifRange: string | undefined, file: FileFacts): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.startsWith('"')) return ifRange === file.etag;
  return wholeSeconds(Date.parse(ifRange)) === wholeSeconds(file.modifiedMs);
}

export function answerFileRequest(headers: ConditionHeaders, file: FileFacts): FileAnswer {
  if (headers.ifMatch !== undefined && !listsEtag(headers.ifMatch, file.etag)) return { status: 412 };
  if (headers.ifNoneMatch !== undefined) {
    if (listsEtag(headers.ifNoneMatch, file.etag)) return { status: 304 };
  } else if (headers.ifModifiedSince !== undefined && wholeSeconds(Date.parse(headers.ifModifiedSince)) >= wholeSeconds(file.modifiedMs))
    return { status: 304 };
  const whole = { status: 200, start: 0, length: file.sizeBytes } as const;
  if (headers.range === undefined || !rangeStillHolds(headers.ifRange, file)) return whole;
  const range = parseRange(headers.range, file.sizeBytes);
  if (range === 'none') return whole;
  return range === 'unsatisfiable' ? { status: 416 } : { status: 206, ...range };
}

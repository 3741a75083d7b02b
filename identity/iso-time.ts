/** Microseconds, as Keystone writes times. */
export const isoTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

/** A password's end is written without a zone. */
export const passwordEnd = (at: Date | null): string | null => (at === null ? null : isoTime(at.getTime()).replace('Z', ''));

/** Undefined for text that is no time. A time without a zone is UTC. */
export function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$/.test(text)) return undefined;
  const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

/** With the microseconds that the text has. */
export interface ExactTime {
  readonly ms: number;
  /** For PostgreSQL. */
  readonly text: string;
}

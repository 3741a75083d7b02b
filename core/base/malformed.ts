/** What a codec answers to bytes that break its format: a value, never an exception, so that a hostile packet costs one branch. */
export interface Malformed {
  readonly malformed: true;
  /** What is wrong, in words an operator can act on. */
  readonly reason: string;
  /** Byte offset at which the input stopped making sense. */
  readonly offset: number;
}

export const malformed = (reason: string, offset: number): Malformed => ({ malformed: true, reason, offset });

export const isMalformed = (value: unknown): value is Malformed =>
  typeof value === 'object' && value !== null && (value as Malformed).malformed === true;

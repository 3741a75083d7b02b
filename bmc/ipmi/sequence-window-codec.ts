/**
 * Which session sequence numbers may still arrive (IPMI 2.0 §6.12.13): anything newer by at most 16, and up to 16 older
 * ones not seen yet. A repeat is a duplicated or replayed datagram.
 */
export const SEQUENCE_WINDOW = 16;

export interface SequenceWindow {
  readonly highest: number;
  /** Bit n: `highest - n` has been seen. */
  readonly seen: number;
}

export const freshWindow: SequenceWindow = { highest: 0, seen: 1 };

/** The window after taking `sequence`, or undefined when the packet must be dropped. Numbers wrap at 2^32, skipping 0. */
export function acceptSequence(window: SequenceWindow, sequence: number): SequenceWindow | undefined {
  if (sequence === 0) return undefined;
  const ahead = (sequence - window.highest) >>> 0;
  if (ahead !== 0 && ahead <= SEQUENCE_WINDOW) return { highest: sequence, seen: ((window.seen << ahead) | 1) >>> 0 };
  const behind = (window.highest - sequence) >>> 0;
  if (behind > SEQUENCE_WINDOW || (window.seen & (1 << behind)) !== 0) return undefined;
  return { highest: window.highest, seen: (window.seen | (1 << behind)) >>> 0 };
}

export const nextSequence = (sequence: number): number => (sequence === 0xffffffff ? 1 : sequence + 1);

/** The window after the first packet of a session, wherever its BMC begins to count: some at 0, some anywhere. Its keys are new, so nothing can be a repeat. */
export const startWindow = (sequence: number): SequenceWindow => ({ highest: sequence, seen: 1 });

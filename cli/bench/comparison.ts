/** One figure of ours beside a peer's, measured in the same minutes on the same machine. */
export interface BenchRow {
  readonly figure: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  /** What `peer` is: a program with its version, or a figure of our own. */
  readonly peerName: string;
  /** ours ÷ peer */
  readonly ratio: number;
  /** What the ratio shall be at most, or, with `atLeast`, at least. */
  readonly goal: number;
  readonly atLeast?: true;
}

export interface ComparisonContext {
  /** How often each server is started and loaded, in alternation; the rows are medians over these. */
  readonly rounds: number;
  /** An empty directory that is removed afterwards. */
  readonly directory: string;
  readonly onStep: (step: string) => void;
}

/** A bench that starts us and our peers in turn. Rejects when a program that it needs is missing or does not start. */
export interface Comparison {
  readonly name: string;
  readonly summary: string;
  run(context: ComparisonContext): Promise<BenchRow[]>;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) throw new Error('a median of nothing');
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

type RowFrame = Pick<BenchRow, 'figure' | 'unit' | 'peerName' | 'goal' | 'atLeast'>;

export const compare = (frame: RowFrame, ours: readonly number[], peer: readonly number[]): BenchRow => {
  const [a, b] = [median(ours), median(peer)];
  return { ...frame, ours: a, peer: b, ratio: a / b };
};

/** A figure beside the most that we promise it to be. */
export const promised = (figure: string, unit: string, ours: number, most: number): BenchRow => ({
  figure,
  unit,
  ours,
  peer: most,
  peerName: 'promised',
  ratio: ours / most,
  goal: 1,
});

export const isMet = ({ ratio, goal, atLeast }: BenchRow): boolean => (atLeast ? ratio >= goal : ratio <= goal);

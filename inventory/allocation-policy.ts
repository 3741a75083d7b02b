/*
 * Which node an allocation gets, apart from any database. The candidates are free, of the class, and locked by the caller.
 */
export interface Candidate {
  readonly uuid: string;
  readonly name: string | null;
  readonly traits: readonly string[];
}

export interface Wish {
  readonly name: string | null;
  readonly resourceClass: string | null;
  readonly traits: readonly string[];
  readonly candidateNodes: readonly string[];
}

export const hasTraits = (has: readonly string[], wanted: readonly string[]): boolean => wanted.every((trait) => has.includes(trait));

/** `fraction` (0 to 1) picks among equals, so that parallel allocations spread. From 1.79 on a node of the same name comes first. */
export function chooseNode(
  wish: Wish,
  candidates: readonly Candidate[],
  fraction: number,
): { readonly uuid: string } | { readonly problem: string } {
  if (candidates.length === 0) {
    const what = wish.candidateNodes.length > 0 ? 'none of the requested nodes are available and match' : 'no available nodes match';
    return { problem: `${what} the resource class ${wish.resourceClass}` };
  }
  const fitting = candidates.filter((candidate) => hasTraits(candidate.traits, wish.traits));
  if (fitting.length === 0) return { problem: `no suitable nodes have the requested traits ${wish.traits.join(', ')}` };
  const namesake = wish.name === null ? undefined : fitting.find((candidate) => candidate.name === wish.name);
  return { uuid: (namesake ?? fitting[Math.min(fitting.length - 1, Math.floor(fraction * fitting.length))]!).uuid };
}

import { glob } from 'node:fs/promises';

/** Which test files belong to which set, by their path alone. */
export type TestSet = 'house' | 'unit' | 'integration' | 'lab';

const IN_HOUSE = /^test\/house\//;
const IN_LAB = /^test\/(rack\/|kill\/|lab-)/;
const IN_TEST = /^test\//;

export const TEST_SETS: Readonly<Record<TestSet, { readonly describes: string; readonly has: (file: string) => boolean }>> = {
  house: { describes: 'types, lint, format, and who may import whom', has: (file) => IN_HOUSE.test(file) },
  unit: { describes: 'pure code, beside the code', has: (file) => !IN_TEST.test(file) },
  integration: {
    describes: 'sockets, databases, foreign programs, network namespaces (root)',
    has: (file) => IN_TEST.test(file) && !IN_HOUSE.test(file) && !IN_LAB.test(file),
  },
  lab: { describes: 'whole racks, and control planes that are killed (root; many minutes)', has: (file) => IN_LAB.test(file) },
};

const NOT_OURS = new Set(['node_modules', '.cache', '.git', 'data', 'lab-runs']);

/** Paths relative to `root`. The long ones come first, so that none runs alone at the end. */
export async function findTestFiles(root: string, sets: readonly TestSet[]): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob('**/*.test.ts', { cwd: root, exclude: (path) => NOT_OURS.has(path.split('/').at(-1)!) })) found.push(file);
  const longest: readonly TestSet[] = ['lab', 'integration', 'house', 'unit'];
  return longest.filter((set) => sets.includes(set)).flatMap((set) => found.filter((file) => TEST_SETS[set].has(file)).sort());
}

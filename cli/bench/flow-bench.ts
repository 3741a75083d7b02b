import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureFleet } from './api-bench.ts';
import { median, promised, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';

/**
 * A thousand machines enrolled, made manageable and available over the API: fake hardware, so that what is measured is the bookkeeping, flows and all. The other
 * side is what we promise.
 */
export const flowBench: Comparison = {
  name: 'flow',
  summary: 'a thousand fake machines from enrolment to available, beside what we promise',
  run,
};

const MACHINES = 1000;
const SECONDS_PROMISED = 30;
const MEBIBYTES_PROMISED = 300;

async function run({ rounds, onStep }: ComparisonContext): Promise<BenchRow[]> {
  const seconds: number[] = [];
  const mebibytes: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    onStep(`flow: ${MACHINES} machines, round ${round + 1}`);
    const data = await mkdtemp(join(tmpdir(), 'rackwright-bench-'));
    const fleet = await measureFleet(data, MACHINES).finally(() => rm(data, { recursive: true, force: true }));
    seconds.push(fleet.seconds);
    mebibytes.push(fleet.controlPlaneBytes / 2 ** 20);
  }
  return [
    promised(`${MACHINES} machines enrolled to available`, 's', median(seconds), SECONDS_PROMISED),
    promised(`control plane at rest with ${MACHINES} nodes, database excluded`, 'MiB', median(mebibytes), MEBIBYTES_PROMISED),
  ];
}

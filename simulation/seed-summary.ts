import { seededRandom } from '../core/base/random.ts';
import { SIMULATED_FAULTS } from './fault-table.ts';
import type { SeedReport } from './run/run-seed.ts';
import { drawScenario, type Scenario } from './run/scenario.ts';

export interface SeedOrder {
  readonly seed: number;
  readonly machines: number;
  /** To draw from; empty: all that end. */
  readonly faults: readonly string[];
}

/** What is told of a seed to another process. */
export interface SeedSummary {
  readonly seed: number;
  readonly states: readonly { readonly state: string; readonly reached: boolean }[];
  readonly injected: SeedReport['injected'];
  readonly broken: readonly string[];
  /** Only of a seed in which something is broken. */
  readonly trace: readonly string[];
  readonly traceHash: string;
  readonly virtualMs: number;
  readonly statements: number;
}

/** Neighbouring seeds are to have nothing in common. */
const SCENARIO_STREAM = 0x9e3779b1;

export function scenarioOf({ seed, machines, faults }: SeedOrder): Scenario {
  const names = faults.length > 0 ? faults : SIMULATED_FAULTS.filter(({ neverEnds }) => neverEnds !== true).map(({ name }) => name);
  return drawScenario(seed, seededRandom(Math.imul(seed, SCENARIO_STREAM) >>> 0), names, machines);
}

export const summarise = ({ machines, trace, broken, ...report }: SeedReport): SeedSummary => ({
  seed: report.seed,
  states: machines.map(({ state, reached }) => ({ state, reached })),
  injected: report.injected,
  broken,
  trace: broken.length === 0 ? [] : trace,
  traceHash: report.traceHash,
  virtualMs: report.virtualMs,
  statements: report.statements,
});

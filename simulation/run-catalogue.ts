import type { Diagnosis } from '../inventory/diagnosis-rule-table.ts';
import type { SimulatedFault } from './fault-table.ts';
import { IMAGE } from './machine/agent-steps.ts';
import { DISK_IMAGE_BYTES, START_MS, WHOLE_JOURNEY, type Scenario } from './run/scenario.ts';
import type { SeedReport } from './run/run-seed.ts';
import type { Simulation } from './run-simulation.ts';

/** One fault, one run: what became of the machine, and what `explain` says of it in its own words. */
export interface CatalogueRow {
  readonly seed: number;
  readonly fault: string;
  readonly part: SimulatedFault['part'];
  readonly does: string;
  readonly injected: number;
  /** The state that the machine is in at the end. */
  readonly outcome: string;
  readonly reachedGoal: boolean;
  readonly lastError: string | null;
  /** Of the last rest of the machine at which there was one. */
  readonly diagnosis: readonly Diagnosis[];
  /** What is not as it should be; none: the row is right. */
  readonly wrong: readonly string[];
}

export function catalogueScenario(fault: SimulatedFault, seed: number): Scenario {
  const { name } = fault;
  const forMs = fault.forSeconds === undefined ? Infinity : fault.forSeconds * 1000;
  return {
    seed,
    troubles: fault.from === undefined ? [{ name, fromMs: START_MS, untilMs: START_MS + forMs }] : [],
    later: fault.from === undefined ? [] : [{ name, after: fault.from === 'manageable' ? 'manage' : 'provide', forMs }],
    triesMax: 1,
    leaseMs: 600_000,
    controlPlanes: 1,
    machines: [
      {
        enrolment: 'declared',
        driver: 'ipmi',
        platform: 'pcbios',
        bootOrder: 'network-first',
        hasRecordedConsole: true,
        journey: WHOLE_JOURNEY,
        image: {
          checksum: name === 'bad-checksum' ? 'bad0'.repeat(16) : IMAGE.checksum,
          diskBytes: name === 'disk-too-small' ? DISK_IMAGE_BYTES * 10 : DISK_IMAGE_BYTES,
        },
      },
    ],
  };
}

/** Each of these faults once. */
export async function runCatalogue(
  simulation: Simulation,
  faults: readonly SimulatedFault[],
  seed: number,
  onFault: (name: string) => void,
): Promise<CatalogueRow[]> {
  return Promise.all(
    faults.map(async (fault) => {
      const report = await simulation.run(catalogueScenario(fault, seed));
      onFault(fault.name);
      return toRow(fault, report);
    }),
  );
}

function toRow(fault: SimulatedFault, report: SeedReport): CatalogueRow {
  const [machine] = report.machines;
  const diagnosis = machine?.explanations.findLast((explanation) => explanation.diagnosis.length > 0)?.diagnosis ?? [];
  const injected = report.injected[fault.name] ?? 0;
  const wrong = [
    ...report.broken,
    ...(injected === 0 ? ['the fault never came to act'] : []),
    ...(diagnosis[0]?.rule === fault.diagnosis ? [] : [`explain names ${diagnosis[0]?.rule ?? 'nothing'}, not ${fault.diagnosis}`]),
    ...(machine !== undefined && !machine.reached && machine.lastError === null ? ['the machine stopped without a reason'] : []),
  ];
  return {
    seed: report.seed,
    fault: fault.name,
    part: fault.part,
    does: fault.does,
    injected,
    outcome: machine?.state ?? 'unknown',
    reachedGoal: machine?.reached ?? false,
    lastError: machine?.lastError ?? null,
    diagnosis,
    wrong,
  };
}

import { SIMULATED_FAULTS } from '../fault-table.ts';
import type { Machine } from '../machine/machine.ts';
import type { World } from '../world/world.ts';
import type { OperatorReport } from './operator.ts';
import type { MachineScenario, Scenario } from './scenario.ts';

/** What must hold when a seed's story is over, whatever went wrong in it. */
export async function checkEnd(
  world: World,
  machines: readonly Machine[],
  scenario: Scenario,
  reports: readonly OperatorReport[],
): Promise<void> {
  for (const [index, report] of reports.entries()) {
    const machine = machines[index]!;
    const { image } = scenario.machines[index]!;
    if (report.state === 'active' && machine.disk.content !== image.checksum)
      world.broken(`active, and on its disk is ${machine.disk.content}`);
    if (report.state === 'available' && machine.disk.content !== 'blank')
      world.broken(`available, and on its disk is ${machine.disk.content}`);
    if (/failed$|^error$/.test(report.state) && report.lastError === null) world.broken(`${report.state} without a reason`);
    checkDiagnosis(world, scenario.machines[index]!, report);
    checkSilence(world, machine, scenario.machines[index]!, report);
    if (!report.reached && report.failures.length === 0 && report.state !== 'unknown') world.broken(`${report.state} without a failure`);
  }
  await checkSecrets(world, machines);
}

/** Where nothing went wrong explain sees no fault; where a machine was stopped, it sees one that was there. */
function checkDiagnosis(world: World, plan: MachineScenario, { machine, reached, explanations, failures, state }: OperatorReport): void {
  const names = new Set(explanations.flatMap(({ diagnosis }) => diagnosis.map(({ rule }) => rule)));
  if (world.injected.size === 0 && names.size > 0) world.broken(`nothing went wrong, and explain names ${[...names].join(', ')}`);
  // A machine whose console nobody reads keeps some causes to itself.
  if (reached || !plan.hasRecordedConsole || failures.length === 0) return;
  const causes = SIMULATED_FAULTS.filter(({ name }) => world.injected.has(name)).map(({ diagnosis }) => diagnosis);
  if (!causes.some((cause) => names.has(cause)))
    world.broken(
      `${machine} is ${state} by ${[...world.injected.keys()].join(', ')}, and explain names ${[...names].join(', ') || 'nothing'}`,
    );
}

/** A system that does not run is seen by somebody where its console is recorded, and one that runs is not suspected. */
function checkSilence(
  world: World,
  machine: Machine,
  { hasRecordedConsole }: MachineScenario,
  { state, explanations }: OperatorReport,
): void {
  const last = explanations.at(-1);
  if (state !== 'active' || last === undefined) return;
  const isTold = last.console_finding !== null || last.warnings.some((warning) => warning.includes('nothing was heard of the system'));
  const runs = machine.runs === 'system';
  if (world.injected.size === 0 && isTold) world.broken(`${machine.name} runs, and explain doubts it`);
  if (!runs && hasRecordedConsole && !isTold) world.broken(`${machine.name} is active and in ${machine.runs}, and explain does not tell`);
}

/** Passwords, tokens of boots and sessions: in no event, no journal, no error. */
async function checkSecrets(world: World, machines: readonly Machine[]): Promise<void> {
  const secrets = [...machines.map(({ bmcUser }) => bmcUser.password), 'secret-of-', 'rackwright.token='];
  const { rows } = world.server.administer(
    `select 'event ' || kind as place from machine_event where message || evidence::text ~ $1
     union all select 'journal of ' || coalesce(step, '') from flow_step where evidence::text ~ $1
     union all select 'flow ' || kind from flow where coalesce(error::text, '') || coalesce(waiting_for::text, '') ~ $1 limit 5`,
    [secrets.map((secret) => secret.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')],
  );
  for (const { place } of rows as { place: string }[]) world.broken(`a secret is in ${place}`);
}

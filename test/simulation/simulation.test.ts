import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DIAGNOSIS_RULES } from '../../inventory/diagnosis-rule-table.ts';
import { allFaults } from '../../lab/choose-faults.ts';
import { SIMULATED_FAULTS } from '../../simulation/fault-table.ts';
import { catalogueScenario, runCatalogue } from '../../simulation/run-catalogue.ts';
import { startSimulation, type Simulation } from '../../simulation/run-simulation.ts';
import { scenarioOf, summarise } from '../../simulation/seed-summary.ts';

/** The product's flows over simulated machines in virtual time: some seeds, and each fault once. */
const SEEDS = 40;
const LANES = 4;
let simulation: Simulation;
before(async () => {
  simulation = await startSimulation(LANES);
});
after(() => simulation?.close());

const run = async (seed: number, machines = 1) => summarise(await simulation.run(scenarioOf({ seed, machines, faults: [] })));

test('no invariant breaks, whatever the seed has go wrong', async () => {
  const summaries = await Promise.all(Array.from({ length: SEEDS }, (_each, at) => run(at + 1)));
  for (const { seed, broken, trace } of summaries) assert.deepEqual(broken, [], `seed ${seed}\n${trace.join('\n')}`);
  const kinds = new Set(summaries.flatMap(({ injected }) => Object.keys(injected)));
  assert.ok(kinds.size > SIMULATED_FAULTS.length / 3, `only ${kinds.size} kinds of faults happened`);
  assert.ok(summaries.some(({ states }) => states.some(({ reached }) => reached)));
});

test('a seed replays exactly, whatever ran before it and beside it', async () => {
  const first = await run(7, 3);
  const [again] = await Promise.all([run(7, 3), run(8), run(9)]);
  assert.equal(again.traceHash, first.traceHash);
  assert.deepEqual([again.states, again.injected, again.virtualMs], [first.states, first.injected, first.virtualMs]);
  const alone = await startSimulation();
  const elsewhere = summarise(await alone.run(scenarioOf({ seed: 7, machines: 3, faults: [] })).finally(() => alone.close()));
  assert.equal(elsewhere.traceHash, first.traceHash);
  assert.notEqual((await run(8, 3)).traceHash, first.traceHash);
});

test('a broken invariant is told, with the story that led there', async () => {
  const scenario = scenarioOf({ seed: 1, machines: 1, faults: [] });
  const [machine] = scenario.machines;
  const impossible = { ...machine!, enrolment: 'declared', journey: [{ verb: 'manage', goal: 'active' }] } as const;
  const { broken, trace } = summarise(await simulation.run({ ...scenario, troubles: [], machines: [impossible], triesMax: 1 }));
  assert.deepEqual(broken, ['manageable without a failure']);
  assert.ok(trace.some((line) => line.includes('operator: manage m0')));
});

test('each fault of the lab is in the catalogue too', () => {
  const names = new Set(SIMULATED_FAULTS.map(({ name }) => name));
  assert.deepEqual(
    allFaults()
      .map(({ name }) => name)
      .filter((name) => !names.has(name)),
    [],
  );
});

test('a fault has a name of its own, and a rule that knows it again', () => {
  assert.equal(new Set(SIMULATED_FAULTS.map(({ name }) => name)).size, SIMULATED_FAULTS.length);
  const rules = new Set(DIAGNOSIS_RULES.map(({ name }) => name));
  for (const { name, diagnosis, does } of SIMULATED_FAULTS) {
    assert.ok(rules.has(diagnosis), `${name}: no rule ${diagnosis}`);
    assert.ok(does.length > 15, name);
  }
});

test('each fault of the catalogue leaves the machine at its goal or in a named state, and explain names it first', async () => {
  for (const row of await runCatalogue(simulation, SIMULATED_FAULTS, 1, () => {})) {
    assert.deepEqual(row.wrong, [], row.fault);
    assert.ok(row.reachedGoal || row.lastError !== null, row.fault);
  }
});

test('a fault that is drawn by chance comes to act in any seed of the catalogue', async () => {
  const fault = SIMULATED_FAULTS.find(({ name }) => name === 'agent-killed')!;
  const { injected, machines } = await simulation.run(catalogueScenario(fault, 12));
  assert.ok(injected['agent-killed']! > 0);
  assert.equal(machines[0]!.explanations.at(-1)?.diagnosis[0]?.rule, 'agent-killed');
});

test('a machine that hangs when nobody waits for it any more is told of, as soon as its console is silent for long', async () => {
  const scenario = { ...catalogueScenario(SIMULATED_FAULTS[0]!, 3), troubles: [] };
  const { trace, machines } = await simulation.run(scenario);
  assert.deepEqual(machines[0]!.explanations.at(-1)!.warnings, []);
  // Its last self-test, which takes up to 70 s.
  const startedMs = Date.parse(`2030-${trace.findLast((line) => line.includes('from its disk'))!.slice(0, 18)}Z`);
  const troubles = [{ name: 'hang-firmware', fromMs: startedMs - 75_000, untilMs: Infinity }];
  const hung = await simulation.run({ ...scenario, troubles });
  assert.deepEqual([hung.machines[0]!.state, hung.broken, hung.injected], ['active', [], { 'hang-firmware': 1 }]);
  assert.match(
    hung.machines[0]!.explanations.at(-1)!.warnings.join(),
    /nothing was heard of the system since it was switched on \d+ minutes ago/,
  );
});

test('without a fault the machine reaches its goal, and explain has nothing to tell', async () => {
  const scenario = { ...catalogueScenario(SIMULATED_FAULTS[0]!, 3), troubles: [] };
  const { machines, broken } = await simulation.run(scenario);
  assert.deepEqual([machines[0]!.state, broken], ['active', []]);
  for (const explanation of machines[0]!.explanations) assert.deepEqual(explanation.diagnosis, []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allFaults, chooseFaults, rackFaultsOf, shapeRack } from '../choose-faults.ts';
import { fallsShort } from '../scenario/machine-walk.ts';
import { declareRack } from '../topology.ts';
import { createFaultBook } from './fault-book.ts';

const named = (...names: string[]) => {
  const chosen = chooseFaults(names);
  assert.ok('faults' in chosen);
  return chosen.faults;
};

test('every fault has a name of its own, says what it does, and does something that is counted', () => {
  const faults = allFaults();
  assert.equal(new Set(faults.map(({ name }) => name)).size, faults.length);
  for (const fault of faults) {
    assert.match(fault.name, /^[a-z]+(-[a-z]+)*$/);
    assert.ok(fault.does.length > 20 && fault.expects.length > 20, fault.name);
    const isCounted = fault.counters !== undefined || fault.mistake !== undefined || fault.disturb !== undefined;
    assert.ok(isCounted, `${fault.name} can never be met`);
    assert.equal(fault.frames !== undefined || fault.bmc !== undefined, fault.counters !== undefined, fault.name);
  }
});

test('faults are chosen by name, each once, in the order of the table; strangers are named', () => {
  assert.deepEqual(
    named('disk-too-small', 'bmc-slow', 'bmc-slow').map(({ name }) => name),
    ['bmc-slow', 'disk-too-small'],
  );
  assert.deepEqual(chooseFaults(['bmc-slow', 'gremlins', '']), { unknown: ['gremlins', ''] });
  assert.deepEqual(chooseFaults([]), { faults: [] });
});

test('faults of the rack add up, and change only what they are about', () => {
  const faults = named('network-loss', 'network-delay', 'bmc-slow', 'bmc-power-lies', 'disk-too-small');
  const { frames, bmc } = rackFaultsOf(faults);
  assert.deepEqual(Object.keys(frames!).toSorted(), ['delay', 'loss']);
  assert.deepEqual(Object.keys(bmc!).toSorted(), ['answerDelayMs', 'powerDelayMs']);
  const spec = declareRack({ machines: 3, seed: 1 });
  const shaped = shapeRack(spec, faults);
  assert.deepEqual(
    shaped.machines.map(({ disks }) => disks.map(({ sizeBytes }) => sizeBytes)),
    spec.machines.map(({ disks }) => [disks[0]!.sizeBytes, 16 * 2 ** 20]),
  );
  assert.equal(new Set(shaped.machines.flatMap(({ disks }) => disks.map(({ serial }) => serial))).size, 6);
  assert.deepEqual(shapeRack(spec, named('bmc-slow')), spec);
});

test('a fault is met when it happened, the product did what it owes, and every machine reached its goal', () => {
  const faults = named('kill-control-plane', 'network-loss', 'bad-checksum');
  const book = createFaultBook(faults, { nowMs: () => 1_000, steadyMs: () => 1_000, sleep: () => Promise.resolve() });
  for (let kill = 1; kill <= 7; kill += 1) book.inject('kill-control-plane', `kill ${kill}`);
  book.inject('bad-checksum');
  book.inject('bad-checksum');
  const end = { machines: 2, goalReached: true, rackCounts: { frames: { loss: 12 }, bmc: {} } };
  assert.deepEqual(
    book.report(end).map(({ name, injected, met }) => [name, injected, met]),
    [
      ['kill-control-plane', 7, true],
      ['network-loss', 12, true],
      ['bad-checksum', 2, true],
    ],
  );
  assert.deepEqual(book.report(end)[0]!.moments[6], { at: '1970-01-01T00:00:01.000Z', what: 'kill 7' });
  assert.ok(book.report({ ...end, goalReached: false }).every(({ met }) => !met));
  assert.deepEqual(book.report({ ...end, rackCounts: {} })[1]!.problems, ['it never came to act in this run']);
  assert.deepEqual(book.report({ ...end, machines: 3 })[2]!.problems, ['only 2 of 3 machines came as far']);
  book.problem('bad-checksum', 'last_error has no advice');
  assert.equal(book.report(end)[2]!.met, false);
});

test('what the product owes for a mistake: the state, the cause, and the next action in both places', () => {
  const { mistake } = named('bad-checksum')[0]!;
  const error = `the image has the sha256 ${'0'.repeat(64)}, expected ${'1'.repeat(64)} (image-checksum in step write_image) compare the checksum …`;
  const node = { provision_state: 'deploy failed', last_error: error };
  assert.deepEqual(fallsShort(mistake!, node, { summary: `The last error: ${error}` }), []);
  assert.deepEqual(fallsShort(mistake!, { provision_state: 'active', last_error: null }, {}), [
    'the state is "active", not "deploy failed"',
    'last_error does not name the cause: ""',
    'last_error has no advice: ""',
    'explain has no advice: ""',
  ]);
});

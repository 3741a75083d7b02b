import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextState, PROVISION_TRANSITIONS, STABLE_STATES, verbsFrom, VERB_OF_TARGET, type ProvisionState } from './provision-machine.ts';

const allStates = new Set(PROVISION_TRANSITIONS.flatMap((t) => [t.from, t.to]));

test('no event leads from one state to two', () => {
  const keys = PROVISION_TRANSITIONS.map((t) => `${t.from}|${t.event}`);
  assert.equal(new Set(keys).size, keys.length);
});

test('every state can be left, and every state can be reached from enroll', () => {
  const reached = new Set<ProvisionState>(['enroll']);
  for (let grown = true; grown;) {
    const before = reached.size;
    for (const t of PROVISION_TRANSITIONS) if (reached.has(t.from)) reached.add(t.to);
    grown = reached.size > before;
  }
  assert.deepEqual(
    [...allStates].filter((state) => !reached.has(state)),
    [],
  );
  for (const state of allStates)
    assert.ok(
      PROVISION_TRANSITIONS.some((t) => t.from === state),
      `${state} is a dead end`,
    );
});

test('a state that does not hold by itself can fail or be aborted into one that does', () => {
  for (const state of allStates) {
    if (STABLE_STATES.has(state)) continue;
    const end = nextState(state, 'fail');
    assert.ok(end && STABLE_STATES.has(end), `${state} has no way to fail`);
  }
});

test('the thread from a powered-off box to a running system', () => {
  let state: ProvisionState = 'enroll';
  for (const event of [
    'manage',
    'done',
    'inspect',
    'wait',
    'resume',
    'done',
    'provide',
    'wait',
    'resume',
    'done',
    'deploy',
    'wait',
    'resume',
    'done',
    'delete',
    'clean',
    'done',
  ] as const) {
    const to: ProvisionState | undefined = nextState(state, event);
    assert.ok(to, `${state} --${event}-->`);
    state = to;
  }
  assert.equal(state, 'available');
});

test('people are offered verbs only, and only where a person may choose', () => {
  assert.deepEqual(verbsFrom('enroll'), ['manage']);
  assert.deepEqual(verbsFrom('cleaning'), []);
  assert.deepEqual(verbsFrom('clean wait'), ['abort']);
  assert.deepEqual(verbsFrom('active').sort(), ['delete', 'rebuild', 'rescue', 'service']);
  assert.equal(VERB_OF_TARGET['deleted'], 'delete');
});

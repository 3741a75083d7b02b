import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../core/base/clock.ts';
import { Secret } from '../../core/base/secret.ts';
import type { BmcAddress } from '../capability.ts';
import { createGate } from '../../core/base/gate.ts';
import { AUTH_FAILURES_MAX, createLockoutGuard, LOCKOUT_MS } from './lockout-guard.ts';
import { createRequestBudget } from './request-budget.ts';

const never = new AbortController().signal;

function handClock(): Clock & { atMs: number } {
  const clock = {
    atMs: 0,
    nowMs: () => clock.atMs,
    steadyMs: () => clock.atMs,
    async sleep(ms: number) {
      clock.atMs += ms;
    },
  };
  return clock;
}

test('a gate lets the waiting in by their order, and a waiter may leave', async () => {
  const gate = createGate(1);
  const leave = await gate.enter(never);
  const impatient = new AbortController();
  const order: string[] = [];
  const gone = gate.enter(impatient.signal).catch(() => order.push('gone'));
  const second = gate.enter(never).then((out) => (order.push('second'), out));
  const third = gate.enter(never).then((out) => (order.push('third'), out));
  impatient.abort();
  await gone;
  leave();
  leave();
  (await second)();
  (await third)();
  assert.deepEqual(order, ['gone', 'second', 'third']);
});

test('a budget allows a burst and then a steady rate', async () => {
  const clock = handClock();
  const budget = createRequestBudget(clock, 10, 5);
  for (let i = 0; i < 5; i++) await budget.take(never);
  assert.equal(clock.atMs, 0);
  for (let i = 0; i < 10; i++) await budget.take(never);
  assert.ok(clock.atMs >= 990 && clock.atMs <= 1100, `${clock.atMs} ms for 10 more`);
});

test('two refusals stop a password for a while, another password and another BMC go on', () => {
  const clock = handClock();
  const guard = createLockoutGuard(clock);
  const address: BmcAddress = { protocol: 'ipmi', host: '192.0.2.1', username: 'admin', password: new Secret('wrong') };
  const codeOf = (given: BmcAddress) => {
    try {
      guard.check(given);
      return 'free';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  for (let i = 0; i < AUTH_FAILURES_MAX; i++) {
    assert.equal(codeOf(address), 'free');
    guard.failed(address);
  }
  assert.equal(codeOf(address), 'lockout');
  assert.equal(codeOf({ ...address, password: new Secret('right') }), 'free');
  assert.equal(codeOf({ ...address, host: '192.0.2.2' }), 'free');
  clock.atMs += LOCKOUT_MS;
  assert.equal(codeOf(address), 'free');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BmcError } from '../../../bmc/capability.ts';
import type { BmcEvent, EventSubscription } from '../../../bmc/event.ts';
import { RETRY_FIRST_MS, startEventLink, type EventLinkOptions } from './bmc-event-link.ts';

const lacks = () => new BmcError('unsupported', 'no stream', '');
const event = (id: string): BmcEvent => ({ id, messageId: 'm', severity: 'ok', message: 'x', concernsPower: false });
const US = { destination: 'https://us/now', context: 'ours' };

/** A clock whose sleeps last until the test lets them end. */
function handClock() {
  const sleeps: { ms: number; end: () => void }[] = [];
  let arrived = () => {};
  let nowMs = 0;
  return {
    clock: {
      nowMs: () => nowMs,
      steadyMs: () => nowMs,
      sleep: (ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          signal?.addEventListener('abort', () => reject(signal.reason));
          sleeps.push({ ms, end: () => ((nowMs += ms), resolve()) });
          arrived();
        }),
    },
    async next() {
      while (sleeps.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
      return sleeps.shift()!;
    },
  };
}

function watch(bmc: Partial<EventLinkOptions['bmc']>, clock: EventLinkOptions['clock'], push: EventLinkOptions['push'] = undefined) {
  const told: string[] = [];
  const link = startEventLink({
    bmc: {
      openEvents: async () => Promise.reject(lacks()),
      eventSubscriptions: async () => Promise.reject(lacks()),
      subscribeEvents: async () => Promise.reject(lacks()),
      unsubscribeEvents: async () => {},
      close: async () => {},
      ...bmc,
    },
    clock,
    push,
    turn: async () => () => {},
    onWay: (way, problem) => told.push(way ?? `none: ${problem?.code}`),
    onEvents: (events) => told.push(...events.map(({ id }) => id)),
  });
  return { link, told };
}

test('a stream that is lost is opened again, each time after a longer pause, and what comes twice is told once', async () => {
  const hand = handClock();
  let opened = 0;
  const { link, told } = watch(
    {
      openEvents: async () => {
        opened += 1;
        if (opened === 2) throw new BmcError('unreachable', 'away', '');
        return (async function* () {
          yield [event('1'), event('1')];
          yield [event(`${opened + 1}`)];
          throw new BmcError('unreachable', 'lost', '');
        })();
      },
    },
    hand.clock,
  );
  const pauses: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const sleep = await hand.next();
    pauses.push(sleep.ms);
    if (round < 2) sleep.end();
  }
  await link.stop();
  assert.deepEqual(pauses, [RETRY_FIRST_MS, RETRY_FIRST_MS * 2, RETRY_FIRST_MS * 4]);
  assert.deepEqual(told, ['stream', '1', '2', 'none: unreachable', 'none: unreachable', 'stream', '4', 'none: unreachable']);
});

test('without a stream it is subscribed to; our subscriptions of former times go, others stay, and one that is lost is made again', async () => {
  const hand = handClock();
  let there: EventSubscription[] = [
    { id: 'a', destination: 'https://us/before', context: 'ours' },
    { id: 'b', destination: 'https://somebody', context: 'else' },
  ];
  const { link, told } = watch(
    {
      eventSubscriptions: async () => there,
      unsubscribeEvents: async (id) => void (there = there.filter((each) => each.id !== id)),
      subscribeEvents: async (wanted) => {
        const made = { id: 'c', ...wanted };
        there.push(made);
        return made;
      },
    },
    hand.clock,
    US,
  );
  const check = await hand.next();
  assert.deepEqual(
    there.map(({ id }) => id),
    ['b', 'c'],
  );
  link.accept([event('7')]);
  link.accept([event('7')]);
  there = [];
  check.end();
  (await hand.next()).end();
  assert.deepEqual(
    there.map(({ id }) => id),
    ['c'],
    'forgotten by the BMC, and made again',
  );
  await link.stop();
  assert.deepEqual(told, ['push', '7']);
});

test('a BMC without events is left alone for hours, one without room for minutes', async () => {
  const lacking = handClock();
  const none = watch({}, lacking.clock, US);
  assert.ok((await lacking.next()).ms >= 3_600_000);
  await none.link.stop();
  assert.deepEqual(none.told, ['none: unsupported']);

  const full = handClock();
  const crowded = watch(
    { eventSubscriptions: async () => [], subscribeEvents: async () => Promise.reject(new BmcError('busy', 'full', '')) },
    full.clock,
    US,
  );
  assert.equal((await full.next()).ms, RETRY_FIRST_MS);
  await crowded.link.stop();
  assert.deepEqual(crowded.told, ['none: busy']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeHeld, parseSpreadReport, type SpreadAnswer, type SpreadReport } from '../../core/base/image-spread.ts';
import { answerReport, createSwarm, type Swarm } from './swarm-policy.ts';

const CHUNKS = 40;
const report = (more: Partial<SpreadReport> & { readonly has?: readonly number[] } = {}): SpreadReport => {
  const { has = [], ...rest } = more;
  return {
    port: 4000,
    key: 'ab'.repeat(16),
    held: encodeHeld(has, CHUNKS),
    fetching: [],
    wants: [],
    failed: [],
    fromServer: 0,
    fromMachines: 0,
    isDone: false,
    ...rest,
  };
};
const tell = (swarm: Swarm, name: string, more: Parameters<typeof report>[0] = {}, nowMs = 0) =>
  answerReport(swarm, { name, host: `10.0.0.${name}` }, report(more), nowMs);
const told = ({ fetch }: SpreadAnswer) => fetch.map(({ index, from }) => `${index} ${from === 'server' ? from : from.source}`).sort();

test('a chunk that nobody has goes from the server to one machine, and the others get it from that one', () => {
  const swarm = createSwarm(CHUNKS);
  assert.deepEqual(told(tell(swarm, '1', { wants: [0] })), ['0 server']);
  assert.deepEqual(told(tell(swarm, '2', { wants: [0] })), [], 'it is on its way to the first');
  tell(swarm, '1', { has: [0] });
  assert.deepEqual(told(tell(swarm, '2', { wants: [0] })), ['0 1']);
});

test('machines that want the same begin at different places', () => {
  const swarm = createSwarm(CHUNKS);
  const wants = Array.from({ length: 6 }, (_each, at) => at);
  const given = ['1', '2', '3'].flatMap((name) => told(tell(swarm, name, { wants })));
  assert.equal(new Set(given).size, given.length);
  assert.ok(given.length >= 6, 'all of the window is under way');
});

test('a machine that got a chunk from the server and does not pass it on holds nobody up for long', () => {
  const swarm = createSwarm(CHUNKS);
  tell(swarm, '1', { wants: [0] });
  assert.deepEqual(told(tell(swarm, '2', { wants: [0] }, 1_000)), []);
  assert.deepEqual(told(tell(swarm, '2', { wants: [0] }, 8_000)), ['0 server']);
});

test('a machine far ahead waits for the many behind it, not for stragglers nor for those who came too late', () => {
  const chunks = 400;
  const swarm = createSwarm(chunks);
  const at = (name: string, position: number) =>
    answerReport(swarm, { name, host: `10.0.0.${name}` }, { ...report({ wants: [position] }), held: encodeHeld([], chunks) }, 0);
  const behind = ['1', '2', '3', '4', '5', '6', '7', '8'];
  for (const name of behind) at(name, 200);
  assert.deepEqual({ ...at('9', 260), retryMs: 0 }, { fetch: [], retryMs: 0, isAhead: true });
  assert.deepEqual(told(at('9', 240)), ['240 server'], 'as far ahead as the others’ memory reaches');
  for (const name of behind.slice(1)) at(name, 230);
  assert.deepEqual(told(at('9', 260)), ['260 server'], 'one straggler is not waited for');
  for (const name of behind) at(name, 10);
  assert.deepEqual(told(at('9', 261)), ['261 server'], 'they find nothing of this one’s any more');
});

test('whoever fails one machine is left alone by it at once, and by all when three say so', () => {
  const swarm = createSwarm(CHUNKS);
  tell(swarm, '1', { has: [0] });
  const accuse = { wants: [0], failed: [{ source: '1', why: 'corrupt' as const }] };
  assert.deepEqual(told(tell(swarm, '2', accuse)), ['0 server']);
  tell(swarm, '2', { wants: [] });
  assert.deepEqual(told(tell(swarm, '3', { wants: [0] })), ['0 1'], 'one may be wrong');
  tell(swarm, '3', accuse);
  tell(swarm, '3');
  tell(swarm, '4', accuse);
  tell(swarm, '4');
  assert.deepEqual(told(tell(swarm, '5', { wants: [0] })), ['0 server']);
});

test('one machine gives to four at once, and one that went silent to none', () => {
  const swarm = createSwarm(CHUNKS);
  tell(swarm, '1', { has: [0] });
  const given = ['2', '3', '4', '5', '6'].flatMap((name) => told(tell(swarm, name, { wants: [0] })));
  assert.deepEqual(given, ['0 1', '0 1', '0 1', '0 1']);
  assert.deepEqual(told(tell(swarm, '7', { wants: [0] }, 31_000)), ['0 server']);
});

test('however reports come, nobody is sent to itself, to one without the chunk, or for what it did not want', () => {
  const step = fc.record({
    name: fc.constantFrom('1', '2', '3', '4'),
    has: fc.uniqueArray(fc.nat(CHUNKS - 1), { maxLength: CHUNKS }),
    wants: fc.uniqueArray(fc.nat(CHUNKS - 1), { maxLength: 10 }),
    fails: fc.option(fc.constantFrom('1', '2', '3', '4', 'nobody'), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const swarm = createSwarm(CHUNKS);
      const held = new Map<string, readonly number[]>();
      for (const [at, { name, has, wants, fails }] of steps.entries()) {
        held.set(name, has);
        const failed = fails === undefined ? [] : [{ source: fails, why: 'gone' as const }];
        for (const { index, from } of tell(swarm, name, { has, wants, failed }, at * 100).fetch) {
          assert.ok(wants.includes(index));
          if (from !== 'server') assert.ok(from.source !== name && held.get(from.source)!.includes(index));
        }
      }
    }),
  );
});

test('a report that is none is refused with its reason', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => 'reason' in parseSpreadReport(value, CHUNKS)));
  assert.ok('held' in parseSpreadReport(JSON.parse(JSON.stringify(report())), CHUNKS));
  assert.ok('reason' in parseSpreadReport({ ...report(), wants: [CHUNKS] }, CHUNKS));
  assert.ok('reason' in parseSpreadReport({ ...report(), held: '00' }, CHUNKS));
});

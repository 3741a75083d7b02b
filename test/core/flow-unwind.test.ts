import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Database } from '../../core/database/connect-database.ts';
import type { FlowDefinition } from '../../core/flow/flow-definition.ts';
import { startDatabaseRig, type DatabaseRig } from './database-rig.ts';
import { begin, ended, makeEngine, outcomes, signal, step } from './flow-rig.ts';

let rig: DatabaseRig;
let database: Database;
before(async () => {
  rig = await startDatabaseRig();
  database = await rig.freshDatabase();
});
after(() => rig.close());

async function runOne(definition: FlowDefinition, during: (id: string) => Promise<unknown> = async () => {}) {
  const engine = makeEngine(database, [definition]);
  await engine.start();
  try {
    const id = await begin(database, definition.kind, { lockKey: definition.kind });
    await during(id);
    return await ended(database, id);
  } finally {
    await engine.stop();
  }
}

const NAMES = ['reserve', 'attach', 'write', 'boot'];

describe('unwinding', () => {
  for (const failing of NAMES) {
    for (const manner of ['fail', 'throw', 'deadline', 'wait'] as const) {
      test(`when "${failing}" ends by ${manner}, all it was built on is undone, last first`, async () => {
        const standing: string[] = [];
        const undone: string[] = [];
        const ends: string[] = [];
        const flow = await runOne({
          kind: `${failing}-${manner}`,
          version: 1,
          steps: NAMES.map((name) =>
            step(
              name,
              async (ctx) => {
                if (name !== failing) {
                  standing.push(name);
                  return { kind: 'done' };
                }
                if (manner === 'fail') return { kind: 'fail', code: 'disk-full', message: 'no room', advice: 'add a disk' };
                if (manner === 'wait') return { kind: 'wait', key: `${ctx.flowId}:never`, forMs: 1 };
                if (manner === 'deadline') return { kind: 'retry', afterMs: 60_000, because: 'not yet' };
                throw new Error('broken');
              },
              {
                attempts: { max: 1, backoffMs: 1 },
                undo: async () => {
                  undone.push(name);
                  standing.splice(0, standing.length, ...standing.filter((other) => other !== name));
                },
              },
            ),
          ),
          onFailed: async (_trx, _flow, error) => void ends.push(error.code),
        });
        const before_ = NAMES.slice(0, NAMES.indexOf(failing));
        // A parked step has begun something, so it is undone as well.
        assert.deepEqual(undone, [...(manner === 'wait' ? [failing] : []), ...before_.toReversed()]);
        assert.deepEqual(standing, []);
        assert.equal(flow.status, 'failed');
        assert.equal(flow.error!.step, failing);
        assert.deepEqual(ends, [{ fail: 'disk-full', throw: 'attempts', deadline: 'deadline', wait: 'deadline' }[manner]]);
        assert.deepEqual(
          outcomes(flow).filter((line) => line.endsWith(' undone')),
          undone.map((name) => `${name} undone`),
        );
      });
    }
  }

  test('an undo that fails is tried again; one that never succeeds is named, and the others still happen', async () => {
    let tries = 0;
    const undone: string[] = [];
    const flow = await runOne({
      kind: 'stubborn',
      version: 1,
      steps: [
        step('first', async () => ({ kind: 'done' }), { undo: async () => void undone.push('first') }),
        step('stuck', async () => ({ kind: 'done' }), {
          attempts: { max: 2, backoffMs: 5 },
          undo: async () => {
            throw new Error('switch is gone');
          },
        }),
        step('slow', async () => ({ kind: 'done' }), {
          attempts: { max: 3, backoffMs: 5 },
          undo: async () => {
            if (++tries < 3) throw new Error('busy');
          },
        }),
        step('last', async () => ({ kind: 'fail', code: 'x', message: 'm', advice: 'a' })),
      ],
    });
    assert.equal(tries, 3);
    assert.deepEqual(undone, ['first']);
    assert.deepEqual(flow.error!.leftBehind, ['stuck']);
    assert.deepEqual(outcomes(flow).slice(3), [
      'last failed',
      'slow undo-error',
      'slow undo-error',
      'slow undone',
      'stuck undo-error',
      'stuck undo-abandoned',
      'first undone',
    ]);
  });

  test('a final transaction that throws is tried until it succeeds', async () => {
    let tries = 0;
    const flow = await runOne({
      kind: 'final',
      version: 1,
      steps: [step('only', async () => ({ kind: 'fail', code: 'x', message: 'm', advice: 'a' }))],
      onFailed: async () => {
        if (++tries === 1) throw new Error('a row was locked');
      },
    });
    assert.equal(tries, 2);
    assert.equal(flow.status, 'failed');
  });

  test('a step that was done twice through goto is undone once', async () => {
    const undone: string[] = [];
    let rounds = 0;
    await runOne(
      {
        kind: 'loop',
        version: 1,
        steps: [
          step('a', async () => ({ kind: 'done' }), { undo: async () => void undone.push('a') }),
          step('b', async () => (++rounds < 3 ? { kind: 'goto', step: 'a' } : { kind: 'done' }), {
            undo: async () => void undone.push('b'),
          }),
          step('c', async (ctx) => ({ kind: 'wait', key: `c:${ctx.flowId}`, forMs: 60_000 }), {
            onEvent: async () => ({ kind: 'fail', code: 'x', message: 'm', advice: 'a' }),
          }),
        ],
      },
      (id) => signal(database, `c:${id}`, null),
    );
    assert.deepEqual(undone, ['b', 'a']);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Database } from '../../core/database/connect-database.ts';
import type { FlowDefinition } from '../../core/flow/flow-definition.ts';
import { activeFlow, startFlow } from '../../core/flow/flow-service.ts';
import { startDatabaseRig, type DatabaseRig } from './database-rig.ts';
import { begin, cancel, ended, history, makeEngine, outcomes, parked, signal, step, until } from './flow-rig.ts';

let rig: DatabaseRig;
before(async () => {
  rig = await startDatabaseRig();
});
after(() => rig.close());

async function withEngine(
  definition: FlowDefinition | readonly FlowDefinition[],
  story: (database: Database, engine: ReturnType<typeof makeEngine>) => Promise<void>,
) {
  const database = await rig.freshDatabase();
  const engine = makeEngine(database, [definition].flat() as FlowDefinition[]);
  await engine.start();
  try {
    await story(database, engine);
  } finally {
    await engine.stop();
  }
}

describe('flows', () => {
  test('steps run in order, and the state, the domain rows and the journal are one', async () => {
    const seen: string[] = [];
    const definition: FlowDefinition = {
      kind: 'happy',
      version: 1,
      steps: [
        step('first', async (ctx) => {
          seen.push(ctx.stepId);
          return { kind: 'done', patch: { a: 1 }, evidence: { seen: true } };
        }),
        step('second', async (ctx) => ({
          kind: 'done',
          patch: { b: (ctx.state['a'] as number) + 1 },
          commit: async (trx) =>
            void (await trx.insertInto('flow_event').values({ wait_key: 'domain row', payload: '{"value":1}' }).execute()),
        })),
      ],
      onSucceeded: async (trx, flow) =>
        void (await trx
          .insertInto('flow_event')
          .values({ wait_key: 'end', payload: JSON.stringify({ value: flow.state }) })
          .execute()),
    };
    await withEngine(definition, async (database, engine) => {
      const id = await begin(database, 'happy');
      const flow = await ended(database, id);
      assert.equal(flow.status, 'succeeded');
      assert.deepEqual(outcomes(flow), ['first done', 'second done']);
      assert.deepEqual(flow.steps[0]!.evidence, { seen: true });
      assert.equal(flow.waitingFor, null);
      const rows = await database.db.selectFrom('flow_event').select(['wait_key', 'payload']).orderBy('id').execute();
      assert.deepEqual(rows, [
        { wait_key: 'domain row', payload: { value: 1 } },
        { wait_key: 'end', payload: { value: { a: 1, b: 2 } } },
      ]);
      assert.match(seen[0]!, new RegExp(`^${id}/first/\\d+$`));
      assert.equal(engine.metrics().succeeded, 1);
    });
  });

  const waiting: FlowDefinition = {
    kind: 'waiting',
    version: 1,
    steps: [
      step(
        'wait',
        async (ctx) => ({
          kind: 'wait',
          key: `${ctx.subjectId}:${ctx.input['key']}`,
          forMs: 60_000,
          waitingFor: { what: 'the agent to call', next: 'the disk is written' },
        }),
        {
          onEvent: async (_ctx, payload) => ({ kind: 'done', patch: { payload } }),
        },
      ),
    ],
  };

  test('a late event finds the parked flow; while parked it says what it waits for', () =>
    withEngine(waiting, async (database, engine) => {
      const id = await begin(database, 'waiting', { input: { key: 'late' } });
      const row = await parked(database, 'subject:late');
      assert.equal(engine.metrics().running, 0);
      assert.equal(row.waiting_for!.what, 'the agent to call');
      const left = Date.parse(row.waiting_for!.deadline!) - Date.parse(row.waiting_for!.since);
      assert.equal(left, 60_000);
      assert.equal(await signal(database, 'subject:late', { disk: 'sda' }, 'once'), true);
      assert.equal(await signal(database, 'subject:late', { disk: 'sdb' }, 'once'), false);
      const flow = await ended(database, id);
      assert.equal(flow.status, 'succeeded');
      const { state } = await database.db.selectFrom('flow').select('state').where('id', '=', id).executeTakeFirstOrThrow();
      assert.deepEqual(state, { payload: { disk: 'sda' } });
    }));

  test('an event that comes before its wait is kept', () =>
    withEngine(waiting, async (database) => {
      await signal(database, 'subject:early', 7);
      const flow = await ended(database, await begin(database, 'waiting', { input: { key: 'early' } }));
      assert.equal(flow.status, 'succeeded');
    }));

  test('events race with parking and none is lost', () =>
    withEngine(waiting, async (database) => {
      const ids = await Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          const id = await begin(database, 'waiting', { input: { key: `race${n}` } });
          await signal(database, `subject:race${n}`, n);
          return id;
        }),
      );
      for (const id of ids) assert.equal((await ended(database, id)).status, 'succeeded');
    }));

  test('a wait ends at its deadline: with the code deadline, or with onTimeout', async () => {
    const wait = (onTimeout?: true): FlowDefinition => ({
      kind: onTimeout ? 'patient' : 'impatient',
      version: 1,
      steps: [
        step(
          'wait',
          async () => ({ kind: 'wait', key: 'never', forMs: 80 }),
          onTimeout ? { onTimeout: async () => ({ kind: 'done' }) } : {},
        ),
      ],
    });
    await withEngine([wait(), wait(true)], async (database) => {
      const impatient = await ended(database, await begin(database, 'impatient'));
      assert.equal(impatient.status, 'failed');
      assert.equal(impatient.error!.code, 'deadline');
      assert.equal(impatient.error!.step, 'wait');
      assert.equal((await ended(database, await begin(database, 'patient'))).status, 'succeeded');
    });
  });

  test('a step that ignores its signal is left behind at the deadline', () =>
    withEngine({ kind: 'deaf', version: 1, steps: [step('deaf', () => new Promise(() => {}), { deadlineMs: 60 })] }, async (database) => {
      assert.equal((await ended(database, await begin(database, 'deaf'))).error!.code, 'deadline');
    }));

  test('thrown errors and retries lead to new attempts, until the attempts are used up', async () => {
    const stepIds: string[] = [];
    const flaky: FlowDefinition = {
      kind: 'flaky',
      version: 1,
      steps: [
        step(
          'flaky',
          async (ctx) => {
            stepIds.push(ctx.stepId);
            if (ctx.attempt === 1) throw new Error('BMC busy');
            return ctx.attempt === 2 ? { kind: 'retry', afterMs: 10, because: 'still busy' } : { kind: 'done' };
          },
          { attempts: { max: 2, backoffMs: 10 } },
        ),
      ],
    };
    const broken: FlowDefinition = {
      kind: 'broken',
      version: 1,
      steps: [
        step(
          'broken',
          async () => {
            throw new Error('no route');
          },
          { attempts: { max: 3, backoffMs: 5 } },
        ),
      ],
    };
    await withEngine([flaky, broken], async (database) => {
      const flow = await ended(database, await begin(database, 'flaky'));
      assert.deepEqual(outcomes(flow), ['flaky error', 'flaky retry', 'flaky done']);
      assert.equal(new Set(stepIds).size, 3);
      const failed = await ended(database, await begin(database, 'broken'));
      assert.deepEqual(outcomes(failed), ['broken error', 'broken error', 'broken failed']);
      assert.equal(failed.error!.code, 'attempts');
      assert.equal(failed.error!.message, 'no route');
    });
  });

  test('a step may say what no text of PostgreSQL can hold: it is told, made visible', async () => {
    const thrown = step('thrown', async () => Promise.reject(new Error('got a\0b \ud800')), { attempts: { max: 2, backoffMs: 5 } });
    const told = step('told', async () => ({ kind: 'fail', code: 'odd', message: 'got a\0b', advice: 'a\0', evidence: { 'a\0': '\0' } }));
    const kept = step('kept', async () => ({ kind: 'done', patch: { serial: 'a\0' }, evidence: { serial: '\udc00' } }));
    const flows = [thrown, told, kept].map((one): FlowDefinition => ({ kind: one.name, version: 1, steps: [one] }));
    await withEngine(flows, async (database) => {
      assert.equal((await ended(database, await begin(database, 'thrown'))).error!.message, 'got a\ufffdb \ufffd');
      assert.equal((await ended(database, await begin(database, 'told'))).error!.message, 'got a\ufffdb');
      assert.equal((await ended(database, await begin(database, 'kept'))).status, 'succeeded');
    });
  });

  test('a commit that the database refuses is an error of its step', async () => {
    let tries = 0;
    const refused: FlowDefinition = {
      kind: 'refused',
      version: 1,
      steps: [
        step(
          'refused',
          async () => ({
            kind: 'done',
            patch: { half: true },
            commit: async (trx) => {
              tries++;
              await trx.insertInto('flow_event').values({ wait_key: 'twice', idempotency_key: 'same', payload: '{"value":1}' }).execute();
              await trx.insertInto('flow_event').values({ wait_key: 'twice', idempotency_key: 'same', payload: '{"value":1}' }).execute();
            },
          }),
          { attempts: { max: 2, backoffMs: 5 } },
        ),
      ],
    };
    await withEngine(refused, async (database) => {
      const flow = await ended(database, await begin(database, 'refused'));
      assert.equal(flow.status, 'failed');
      assert.equal(tries, 2);
      assert.deepEqual(await database.db.selectFrom('flow_event').selectAll().execute(), []);
    });
  });

  test('goto jumps, forwards and back', () =>
    withEngine(
      {
        kind: 'jump',
        version: 1,
        steps: [
          step('a', async () => ({ kind: 'goto', step: 'c' })),
          step('b', async () => ({ kind: 'done', patch: { b: true } })),
          step('c', async (ctx) => (ctx.state['b'] ? { kind: 'done' } : { kind: 'goto', step: 'b' })),
        ],
      },
      async (database) => {
        assert.deepEqual(outcomes(await ended(database, await begin(database, 'jump'))), ['a goto', 'c goto', 'b done', 'c done']);
      },
    ));

  test('one active flow per lock key', () =>
    withEngine(waiting, async (database) => {
      const request = { kind: 'waiting', subjectId: 'subject', lockKey: 'node:1', input: { key: 'lock' } };
      const results = await Promise.all(
        Array.from({ length: 8 }, () => database.db.transaction().execute((trx) => startFlow(trx, request))),
      );
      const [winner, ...others] = results.flatMap((result) => ('id' in result ? [result.id] : []));
      assert.deepEqual(others, []);
      for (const result of results) if ('conflict' in result) assert.deepEqual(result.conflict, { flowId: winner, kind: 'waiting' });
      await database.db.transaction().execute(async (trx) => assert.equal((await activeFlow(trx, 'node:1'))!.id, winner));
      await signal(database, 'subject:lock', null);
      await ended(database, winner!);
      await begin(database, 'waiting', { lockKey: 'node:1', input: { key: 'lock2' } });
    }));

  test('an older flow is upgraded; a newer one is left alone', async () => {
    const database = await rig.freshDatabase();
    const definition = (version: number): FlowDefinition => ({
      kind: 'versioned',
      version,
      upgrade: (state, from) => ({ ...state, upgradedFrom: from }),
      steps: [step('wait', async () => ({ kind: 'wait', key: 'go', forMs: 60_000 }))],
    });
    const old = makeEngine(database, [definition(1)], 'old');
    await old.start();
    const id = await begin(database, 'versioned');
    await parked(database, 'go');
    await old.stop();
    const fresh = makeEngine(database, [definition(2)], 'new');
    await fresh.start();
    await signal(database, 'go', null);
    await ended(database, id);
    const row = await database.db.selectFrom('flow').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    assert.deepEqual([row.version, row.state], [2, { upgradedFrom: 1 }]);
    const second = await begin(database, 'versioned');
    await parked(database, 'go');
    await fresh.stop();
    const again = makeEngine(database, [definition(1)], 'old again');
    await again.start();
    await signal(database, 'go', null);
    assert.equal(again.metrics().claimed, 0);
    assert.equal((await history(database, second)).status, 'running');
    await again.stop();
  });

  test('cancel wakes a parked flow, interrupts a running one, and refuses an ended one', async () => {
    const undone: string[] = [];
    const definitions: FlowDefinition[] = [
      { ...waiting, kind: 'parked', steps: waiting.steps.map((one) => ({ ...one, undo: async () => void undone.push('parked') })) },
      {
        kind: 'busy',
        version: 1,
        steps: [
          step('busy', (ctx) => new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))), {
            undo: async () => void undone.push('busy'),
          }),
        ],
        onCancelled: async (trx, flow, reason) =>
          void (await trx
            .insertInto('flow_event')
            .values({ wait_key: 'cancelled', payload: JSON.stringify({ value: `${flow.kind}: ${reason}` }) })
            .execute()),
      },
    ];
    await withEngine(definitions, async (database, engine) => {
      const one = await begin(database, 'parked', { input: { key: 'cancel' } });
      await parked(database, 'subject:cancel');
      assert.equal(await cancel(database, one), true);
      assert.equal((await ended(database, one)).status, 'cancelled');
      const two = await begin(database, 'busy');
      await until('the step to run', async () => engine.metrics().running === 1);
      assert.equal(await cancel(database, two, 'wrong node'), true);
      const flow = await ended(database, two);
      assert.deepEqual(outcomes(flow), ['busy cancelled', 'busy undone']);
      assert.deepEqual(undone, ['parked', 'busy']);
      assert.equal(
        (await database.db.selectFrom('flow_event').select('payload').where('wait_key', '=', 'cancelled').executeTakeFirstOrThrow()).payload
          .value,
        'busy: wrong node',
      );
      assert.equal(await cancel(database, two), false);
    });
  });
});

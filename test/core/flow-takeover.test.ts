import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { FlowDefinition } from '../../core/flow/flow-definition.ts';
import { startDatabaseRig, type DatabaseRig } from './database-rig.ts';
import { countingFlow } from './engine-process.ts';
import { begin, ended, history, makeEngine, outcomes, signal, step, until } from './flow-rig.ts';

let rig: DatabaseRig;
let folder: string;
before(async () => {
  rig = await startDatabaseRig();
  folder = await mkdtemp(join(tmpdir(), 'rw-flow-'));
});
after(async () => {
  await rig.close();
  await rm(folder, { recursive: true, force: true });
});

describe('several engines', () => {
  test('two engines share the work, and every step is committed once', async () => {
    const one = await rig.freshDatabase();
    const two = await rig.connect(one.connection);
    const file = join(folder, 'share');
    const engines = [makeEngine(one, [countingFlow(file, 'a', 5)], 'a'), makeEngine(two, [countingFlow(file, 'b', 5)], 'b')];
    await Promise.all(engines.map((engine) => engine.start()));
    const ids = await Promise.all(Array.from({ length: 60 }, () => begin(one, 'counting')));
    for (const id of ids) assert.equal((await ended(one, id)).status, 'succeeded');
    await Promise.all(engines.map((engine) => engine.stop()));
    const rows = await one.db.selectFrom('flow_event').select('wait_key').execute();
    assert.equal(rows.length, 180);
    assert.equal(new Set(rows.map(({ wait_key }) => wait_key)).size, 180);
    for (const engine of engines) assert.ok(engine.metrics().claimed > 0, 'each did some');
  });

  test('a process killed in a step is followed by another within the lease', async () => {
    const database = await rig.freshDatabase();
    const file = join(folder, 'kill');
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'engine-process.ts'), JSON.stringify(database.connection), 'doomed', file, '600000'],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const ids = await Promise.all(Array.from({ length: 5 }, () => begin(database, 'counting')));
    await until('the step to run in the child', async () => (await readFile(file, 'utf8').catch(() => '')).split('/slow/').length === 6);
    const heir = makeEngine(database, [countingFlow(file, 'heir')], 'heir');
    await heir.start();
    await sleep(2_000); // longer than the lease: a live owner renews, so nothing may be taken from it
    assert.equal(heir.metrics().claimed, 0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const killedAt = Date.now();
    for (const id of ids) {
      const flow = await ended(database, id);
      assert.equal(flow.status, 'succeeded');
      assert.deepEqual(outcomes(flow), ['one done', 'slow takeover', 'slow done', 'three done']);
      assert.deepEqual(flow.steps[1]!.evidence, { from: 'doomed' });
      assert.deepEqual(
        flow.steps.map(({ owner }) => owner),
        ['doomed', 'heir', 'heir', 'heir'],
      );
    }
    assert.ok(Date.now() - killedAt < 10_000, `took ${Date.now() - killedAt} ms`);
    await heir.stop();
    assert.equal(heir.metrics().takeovers, 5);
    const committed = await database.db.selectFrom('flow_event').select('wait_key').execute();
    assert.equal(new Set(committed.map(({ wait_key }) => wait_key)).size, committed.length);
    assert.equal(committed.length, 15);
    // The crashed attempt and its re-run have one id, so that an outside call can be recognized as the same.
    const slow = (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line.includes('/slow/'))
      .map((line) => line.split(' ')[1]);
    assert.equal(slow.length, 10);
    assert.equal(new Set(slow).size, 5);
  });

  test('a killed process is followed long before its lease ends, and a live one is left alone', async (t) => {
    const database = await rig.freshDatabase();
    const file = join(folder, 'kill-long-lease');
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'engine-process.ts'), JSON.stringify(database.connection), 'doomed', file, '600000', '3600000'],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    t.after(() => child.kill('SIGKILL'));
    const id = await begin(database, 'counting');
    await until('the step to run in the child', async () => (await readFile(file, 'utf8').catch(() => '')).includes('/slow/'));
    const early = makeEngine(database, [countingFlow(file, 'early')], 'early', 3_600_000);
    t.after(() => early.stop());
    await early.start();
    await sleep(3_000); // twice the time after which an absent owner's leases are taken
    assert.equal(early.metrics().claimed, 0, 'the owner lives');
    await early.stop();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const heir = makeEngine(database, [countingFlow(file, 'heir')], 'heir', 3_600_000);
    t.after(() => heir.stop());
    await heir.start();
    assert.equal((await ended(database, id)).status, 'succeeded');
    assert.equal(heir.metrics().takeovers, 1);
  });

  test('an owner that lost its lease changes nothing', async () => {
    const database = await rig.freshDatabase();
    let finish: (() => void) | undefined;
    const definition: FlowDefinition = {
      kind: 'stale',
      version: 1,
      steps: [
        step('only', async (ctx) => {
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          return {
            kind: 'done',
            commit: async (trx) =>
              void (await trx.insertInto('flow_event').values({ wait_key: ctx.flowId, payload: '{"value":1}' }).execute()),
          };
        }),
      ],
    };
    const engine = makeEngine(database, [definition], 'paused', 60_000);
    await engine.start();
    const id = await begin(database, 'stale');
    await until('the step to run', async () => finish !== undefined);
    await sql`update flow set lease_owner = 'other', lease_epoch = lease_epoch + 1, due_at = now() + interval '1 minute' where id = ${id}`.execute(
      database.db,
    );
    finish!();
    await until('the stale owner to notice', async () => engine.metrics().stale === 1);
    assert.deepEqual(await database.db.selectFrom('flow_event').selectAll().execute(), []);
    assert.equal((await history(database, id)).status, 'running');
    assert.deepEqual((await history(database, id)).steps, []);
    await engine.stop();
    assert.equal(
      (await database.db.selectFrom('flow').select('lease_owner').where('id', '=', id).executeTakeFirstOrThrow()).lease_owner,
      'other',
    );
  });

  test('a renewal that finds the lease gone aborts the step', async () => {
    const database = await rig.freshDatabase();
    let reason: unknown;
    let isRunning = false;
    const engine = makeEngine(
      database,
      [
        {
          kind: 'lost',
          version: 1,
          steps: [
            step(
              'only',
              (ctx) =>
                new Promise((_, reject) => {
                  ctx.signal.addEventListener('abort', () => reject((reason = ctx.signal.reason)));
                  isRunning = true;
                }),
            ),
          ],
        },
      ],
      'slow owner',
      600,
    );
    await engine.start();
    const id = await begin(database, 'lost');
    await until('the step to run', async () => isRunning);
    await sql`update flow set lease_owner = 'other', lease_epoch = lease_epoch + 1, due_at = now() + interval '1 minute' where id = ${id}`.execute(
      database.db,
    );
    await until('the engine to let go', async () => engine.metrics().stale === 1);
    assert.match(String(reason), /another engine took this flow over/);
    await engine.stop();
  });

  test('stop hands a running step back at once, and the next engine re-runs it', async () => {
    const database = await rig.freshDatabase();
    const file = join(folder, 'stop');
    const first = makeEngine(database, [countingFlow(file, 'first', 600_000)], 'first', 60_000);
    await first.start();
    const id = await begin(database, 'counting');
    await until('the slow step', async () => (await readFile(file, 'utf8').catch(() => '')).includes('/slow/'));
    const askedAt = Date.now();
    await first.stop();
    assert.ok(Date.now() - askedAt < 8_000, 'about 3 s on an idle machine');
    const second = makeEngine(database, [countingFlow(file, 'second')], 'second', 60_000);
    await second.start();
    const flow = await ended(database, id);
    assert.deepEqual(outcomes(flow), ['one done', 'slow released', 'slow done', 'three done']);
    await second.stop();
  });

  test('an engine whose notification connection is cut still sees every wake', async () => {
    const database = await rig.freshDatabase();
    const engine = makeEngine(
      database,
      [{ kind: 'cut', version: 1, steps: [step('wait', async (ctx) => ({ kind: 'wait', key: `cut:${ctx.flowId}`, forMs: 60_000 }))] }],
      'cut',
      60_000,
    );
    await engine.start();
    for (let round = 0; round < 3; round++) {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'rackwright-listen'`.execute(
        database.db,
      );
      const id = await begin(database, 'cut');
      await signal(database, `cut:${id}`, null);
      assert.equal((await ended(database, id)).status, 'succeeded');
    }
    await engine.stop();
  });
});

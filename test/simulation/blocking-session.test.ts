import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { silentLogger } from '../../core/base/logger.ts';
import { connectDatabase } from '../../core/database/connect-database.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../core/database/embedded-postgres.ts';
import { openBlockingSession, type BlockingSession } from '../../simulation/blocking-session.ts';

/** The simulation's way to PostgreSQL beside the product's: the same values, outcomes and errors. */
let directory: string;
let postgres: EmbeddedPostgres;
let client: pg.Client;
let session: BlockingSession;
const notices: string[] = [];
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rw-session-'));
  postgres = await startEmbeddedPostgres({ dataDirectory: directory, logger: silentLogger });
  // Waits until a server that is starting takes sessions.
  await (await connectDatabase({ connection: postgres.connection, logger: silentLogger })).close();
  client = new pg.Client(postgres.connection);
  await client.connect();
  session = openBlockingSession(postgres.connection, ({ M: text = '' }) => notices.push(text));
  await client.query('create table thing (id int primary key, at timestamptz, word text not null, more jsonb, many text[], raw bytea)');
});
after(async () => {
  session?.close();
  await client?.end();
  await postgres?.stop();
  await rm(directory, { recursive: true, force: true });
});

const AT = new Date('2030-01-02T03:04:05.678Z');
const STATEMENTS: readonly (readonly [text: string, values: readonly unknown[]])[] = [
  ['select 1 as one, null as none, true as yes', []],
  ['select $1::timestamptz as at, $2::jsonb as more, $3::text[] as many', [AT, { ä: [1, null] }, ['a"b', '{,}', null]]],
  ['select $1::bytea as raw, $2::int as number, $3::float8 as part, $4::bool as yes', [Buffer.of(0, 1, 255), 7, 0.5, false]],
  ['select $1::text as long', ['€'.repeat(100_000)]],
  ['insert into thing (id, at, word) values ($1, $2, $3), ($4, $2, $3)', [1, AT, 'first', 2]],
  ['update thing set word = $1 where id = any($2) returning id, word, at', ['second', [10, 11]]],
  ['delete from thing where id > $1', [0]],
];

test('it answers as the driver does, the first time and again', async () => {
  await client.query(`insert into thing (id, word) values (10, ''), (11, '')`);
  for (const [text, values] of STATEMENTS) {
    await client.query('begin');
    const { command, rowCount, rows } = await client.query(text, [...values]);
    await client.query('rollback');
    for (let times = 0; times < 3; times += 1) {
      session.query('begin', []);
      assert.deepEqual(session.query(text, values), { command, rowCount, rows: rows.map((row) => ({ ...row })) }, text);
      session.query('rollback', []);
    }
  }
});

test('an error is the driver’s, with its code and its constraint, and the session lives on', async () => {
  const insert = 'insert into thing (id, word) values ($1, $2)';
  session.query(insert, [5, 'there']);
  for (const [text, values] of [
    [insert, [5, 'again']],
    [insert, [6, null]],
    ['select nothing from $1', [1]],
    ['select 1 / $1::int', [0]],
    ['selekt', []],
  ] as const) {
    const wanted = await client.query(text, [...values]).catch((error: unknown) => error as pg.DatabaseError);
    assert.ok(wanted instanceof pg.DatabaseError);
    for (let times = 0; times < 2; times += 1)
      assert.throws(
        () => session.query(text, values),
        ({ message, code, constraint, column, table }: pg.DatabaseError) => {
          assert.deepEqual(
            [message, code, constraint, column, table],
            [wanted.message, wanted.code, wanted.constraint, wanted.column, wanted.table],
          );
          return true;
        },
      );
  }
  assert.deepEqual(session.query('select $1::int as after', [1]).rows, [{ after: 1 }]);
});

test('what goes ahead is done first, and whether it went well is not asked', () => {
  assert.deepEqual(session.query('select current_setting($1) as set', ['my.clock'], `set my.clock = 'noon';`).rows, [{ set: 'noon' }]);
  assert.deepEqual(session.query('select $1::int as one', [1], 'selekt').rows, [{ one: 1 }]);
});

test('notices are told before their statement’s answer', () => {
  session.query(`do $$ begin raise notice 'hear'; end $$`, []);
  assert.deepEqual(notices, ['hear']);
});

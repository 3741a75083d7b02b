import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { silentLogger } from '../../core/base/logger.ts';
import { connectDatabase, type Database, SCHEMA_CHANGED } from '../../core/database/connect-database.ts';
import { dumpSchema } from '../../core/database/dump-schema.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../core/database/embedded-postgres.ts';
import { migrateDatabase } from '../../core/database/migrate.ts';
import { until } from './flow-rig.ts';

let dataDirectory: string;
let postgres: EmbeddedPostgres;
let database: Database;

/** The server's whole life is one story: a process starts it and dies, we adopt it, use it, and stop it. */
before(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'rw-db-'));
  const child = spawn(process.execPath, [join(import.meta.dirname, 'database-process.ts'), dataDirectory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = Number(String((await once(child.stdout, 'data'))[0]));
  child.kill('SIGKILL');
  await once(child, 'exit');
  postgres = await startEmbeddedPostgres({ dataDirectory, logger: silentLogger });
  assert.equal(postgres.adopted, true);
  assert.equal(postgres.pid, pid);
  database = await connectDatabase({ connection: postgres.connection, logger: silentLogger });
});

after(async () => {
  await database.close();
  await postgres.stop();
  assert.throws(() => process.kill(postgres.pid, 0), { code: 'ESRCH' });
  await rm(dataDirectory, { recursive: true, force: true });
});

test('processes that migrate at the same time apply each migration once', async () => {
  const others = await Promise.all([1, 2, 3].map(() => connectDatabase({ connection: postgres.connection, logger: silentLogger })));
  const applied = await Promise.all([database, ...others].map(({ db }) => migrateDatabase(db)));
  assert.deepEqual(applied.map((names) => names.length > 0).filter(Boolean), [true]);
  assert.deepEqual(await migrateDatabase(database.db), []);
  await Promise.all(others.map((other) => other.close()));
});

test('schema.sql is what the migrations make', async () => {
  await migrateDatabase(database.db);
  const golden = join(import.meta.dirname, '../../core/database/schema.sql');
  const actual = await dumpSchema(database.db);
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(golden, actual);
  assert.equal(actual, await readFile(golden, 'utf8'), 'run with UPDATE_GOLDEN=1 and review the difference');
});

test('a notification reaches its listener, also after the connection broke', async () => {
  const heard: string[] = [];
  let connected = 0;
  database.onReconnect(() => connected++);
  const forget = database.listen('probe', (payload) => heard.push(payload));
  await until('the listener to be live', async () => connected === 1);
  const shout = (text: string) => sql`select pg_notify('probe', ${text})`.execute(database.db);
  await shout('one');
  await until('the first', async () => heard.includes('one'));
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rackwright-listen'`.execute(database.db);
  await until('the reconnection', async () => connected === 2);
  await shout('two');
  await until('the second', async () => heard.includes('two'));
  forget();
  await shout('three');
  await sql`select 1`.execute(database.db);
  assert.deepEqual(heard, ['one', 'two']);
  assert.throws(() => database.listen('bad; drop', () => {}), /Not a notification channel/);
});

test('a connection that breaks between two statements of a transaction ends the transaction, and not the process', async () => {
  const isGone = async (pid: number) => {
    const { rows } = await sql`select from pg_stat_activity where pid = ${pid}`.execute(database.db);
    return rows.length === 0;
  };
  const broken = database.db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
    await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(database.db);
    await until('the connection to be gone', () => isGone(rows[0]!.pid));
    await sql`select 1`.execute(trx);
  });
  await assert.rejects(broken, /terminat|not queryable|Connection/);
  assert.deepEqual((await sql<{ one: number }>`select 1 as one`.execute(database.db)).rows, [{ one: 1 }]);
});

test('a statement that is prepared outlives a change of its table by another process', async () => {
  const trx = database.db;
  await sql`create table shape (a int)`.execute(trx);
  await sql`insert into shape values (1)`.execute(trx);
  const look = () => Promise.all(Array.from({ length: 8 }, () => sql`select * from shape where a = ${1}`.execute(trx)));
  for (let times = 0; times < 5; times += 1) await look();
  const { rows: prepared } = await sql<{ count: number }>`select count(*) as count from pg_prepared_statements`.execute(trx);
  assert.ok(prepared[0]!.count > 0, 'it is prepared by now');
  await sql`alter table shape add column b int default 2`.execute(trx);
  await sql`select pg_notify(${SCHEMA_CHANGED}, '')`.execute(trx);
  await until('the new shape', async () => {
    const answers = await look().catch(() => undefined);
    return answers?.every(({ rows }) => (rows[0] as { b?: number }).b === 2) ?? false;
  });
});

test('bigint columns are numbers and times are dates', async () => {
  const { rows } = await sql<{
    n: number;
    t: Date;
  }>`select 9007199254740991::bigint as n, '2026-01-02T03:04:05Z'::timestamptz as t`.execute(database.db);
  assert.deepEqual(rows[0], { n: Number.MAX_SAFE_INTEGER, t: new Date('2026-01-02T03:04:05Z') });
});

test('a server that is too old is refused in words', async () => {
  // Speaks just enough of the protocol: authentication ok, ready, and one row with its version.
  const message = (type: string, body: Buffer) => Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
  const int32 = (n: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(n);
    return bytes;
  };
  const int16 = (n: number) => {
    const bytes = Buffer.alloc(2);
    bytes.writeInt16BE(n);
    return bytes;
  };
  const column = (name: string) => Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]);
  const value = (text: string) => Buffer.concat([int32(text.length), Buffer.from(text)]);
  const ready = message('Z', Buffer.from('I'));
  const answer = Buffer.concat([
    message('T', Buffer.concat([int16(2), column('number'), column('name')])),
    message('D', Buffer.concat([int16(2), value('140011'), value('14.11')])),
    message('C', Buffer.from('SELECT 1\0')),
    ready,
  ]);
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', int32(0)), ready]));
      socket.on('data', (bytes) => bytes[0] === 0x51 && socket.write(answer));
    });
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await assert.rejects(
    connectDatabase({ url: `postgres://u@127.0.0.1:${port}/d`, logger: silentLogger }),
    /PostgreSQL 14\.11; 15 or newer is needed/,
  );
  server.close();
  await assert.rejects(connectDatabase({ url: `postgres://u@127.0.0.1:${port}/d`, logger: silentLogger }), { code: 'ECONNREFUSED' });
});

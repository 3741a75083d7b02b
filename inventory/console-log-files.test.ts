import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CONSOLE_LOG_BYTES_MAX, createConsoleLogs } from './console-log-files.ts';

const directory = join(mkdtempSync(join(tmpdir(), 'rackwright-console-')), 'consoles');
after(() => rmSync(join(directory, '..'), { recursive: true, force: true }));
const logs = createConsoleLogs(directory);

test('a console is kept up to its limit, its newest bytes last, for the owner only', async () => {
  assert.equal(await logs.read('a'), undefined);
  const chunk = CONSOLE_LOG_BYTES_MAX / 8;
  for (let index = 0; index < 20; index += 1) await logs.append('a', Buffer.alloc(chunk, 65 + index));
  const kept = (await logs.read('a'))!;
  assert.ok(kept.length <= CONSOLE_LOG_BYTES_MAX && kept.length > CONSOLE_LOG_BYTES_MAX / 2);
  assert.equal(kept.at(-1), 65 + 19);
  assert.equal(kept[0], 65 + 20 - kept.length / chunk, 'without a gap');
  for (const name of readdirSync(directory)) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
});

test('a node that is gone leaves no file', async () => {
  await logs.append('b', Buffer.from('b'));
  await logs.keepOnly(new Set(['b']));
  assert.deepEqual(readdirSync(directory), ['b.log']);
});

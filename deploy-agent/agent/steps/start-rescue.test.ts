import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createStartRescue } from './start-rescue.ts';

const root = mkdtempSync(join(tmpdir(), 'rackwright-rescue-'));
mkdirSync(join(root, 'etc'));
writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
after(() => rmSync(root, { recursive: true }));
const started: string[] = [];
const step = createStartRescue({ root, hash: async (password) => `hash-of-${password}`, startSshServer: () => void started.push('sshd') });
const run = (password: unknown) => step.run({ password } as never, {} as never);
const etc = (name: string) => readFileSync(join(root, 'etc', name), 'utf8');

test('the user rescue gets the password; asked again, the last one counts and one server runs', async () => {
  await run('first');
  assert.deepEqual(await run('second'), { user: 'rescue' });
  assert.equal(etc('passwd'), 'root:x:0:0:root:/root:/bin/sh\nrescue:x:0:0:rescue:/root:/bin/sh\n');
  assert.match(etc('shadow'), /^rescue:hash-of-second:\d+:0:99999:7:::\n$/);
  assert.equal(statSync(join(root, 'etc/shadow')).mode & 0o777, 0o600);
  assert.deepEqual(started, ['sshd']);
});

for (const [what, password] of [
  ['none', undefined],
  ['an empty one', ''],
  ['two lines', 'a\nroot::0'],
  ['a file', 'x'.repeat(300)],
] as const)
  test(`${what} is no password`, () => assert.rejects(run(password), /one line of 1 to/));

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpioTree, encodeCpio } from './cpio-codec.ts';
import { runCommand } from './native-command.ts';

const tree: CpioTree = new Map([
  ['bin/tool', { type: 'file', data: Buffer.from('#!/bin/sh\n'), mode: 0o755 }],
  ['bin/alias', { type: 'link', target: 'tool' }],
  ['dev/console', { type: 'character-device', major: 5, minor: 1 }],
  ['etc/deep/er/file', { type: 'file', data: Buffer.from('12345') }],
  ['empty', { type: 'file', data: Buffer.alloc(0) }],
]);

test('cpio lists what was put in, with parents, modes and devices', async () => {
  const listed = (await runCommand('cpio', ['-itv', '--numeric-uid-gid'], { input: Buffer.concat(encodeCpio(tree)) })).toString();
  assert.match(listed, /^-rwxr-xr-x +1 0 +0 +10 .* bin\/tool$/m);
  assert.match(listed, /bin\/alias -> tool$/m);
  assert.match(listed, /^crw------- .* 5, +1 .* dev\/console$/m);
  assert.match(listed, /^drwxr-xr-x .* etc\/deep\/er$/m);
  assert.equal(listed.trim().split('\n').length, 10);
  assert.equal(
    (await runCommand('cpio', ['-i', '--to-stdout', 'etc/deep/er/file'], { input: Buffer.concat(encodeCpio(tree)) })).toString(),
    '12345',
  );
});

test('the same tree gives the same bytes in any order', () => {
  assert.deepEqual(Buffer.concat(encodeCpio(new Map([...tree].reverse()))), Buffer.concat(encodeCpio(tree)));
});

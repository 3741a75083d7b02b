import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provisionDiagram } from '../../inventory/provision-diagram.ts';

test('docs/provision-states.md shows the table of states (UPDATE_GOLDEN=1 writes it)', () => {
  const path = join(import.meta.dirname, '../../docs/provision-states.md');
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, provisionDiagram());
  assert.equal(readFileSync(path, 'utf8'), provisionDiagram());
});

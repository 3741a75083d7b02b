import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { servedOpenApi } from '../../api/reference-routes.ts';

test('docs/openapi.json is what is served (UPDATE_GOLDEN=1 writes it)', () => {
  const path = join(import.meta.dirname, '../../docs/openapi.json');
  const text = `${JSON.stringify(servedOpenApi(), undefined, 1)}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
  assert.equal(readFileSync(path, 'utf8'), text);
});

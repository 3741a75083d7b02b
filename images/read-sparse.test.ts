import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { readSparse } from './read-sparse.ts';

const work = mkdtempSync(join(tmpdir(), 'rackwright-sparse-'));
after(() => rmSync(work, { recursive: true, force: true }));

test('a file with holes reads as it is', async () => {
  const path = join(work, 'file');
  const pieces = fc.array(fc.record({ at: fc.nat(8_000_000), bytes: fc.integer({ min: 1, max: 100_000 }) }), { maxLength: 5 });
  const runs = fc.asyncProperty(fc.nat(8_000_000), pieces, async (size, some) => {
    const file = await open(path, 'w');
    await file.truncate(size);
    for (const { at, bytes } of some) await file.write(Buffer.alloc(bytes, 1), 0, bytes, at);
    await file.close();
    const chunks: Buffer[] = [];
    for await (const chunk of readSparse(path)) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(await readFile(path)));
  });
  await fc.assert(runs, { numRuns: 50 });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { patchedFile } from './patched-file.ts';

test('any stretch of the file reads as if the patch were written in it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rackwright-patch-'));
  const path = join(folder, 'file');
  const own = Buffer.from(Array.from({ length: 200 }, (_each, at) => 97 + (at % 26)));
  writeFileSync(path, own);
  const file = await open(path);
  try {
    await fc.assert(
      fc.asyncProperty(fc.nat(199), fc.nat(60), fc.nat(220), fc.nat(100), async (start, size, position, length) => {
        const bytes = Buffer.alloc(Math.min(size, 200 - start), '#');
        const whole = Buffer.from(own);
        bytes.copy(whole, start);
        const buffer = Buffer.alloc(length);
        const { bytesRead } = await patchedFile(file, { start, bytes }).read(buffer, 0, length, position);
        assert.deepEqual(buffer.subarray(0, bytesRead), whole.subarray(position, position + length));
      }),
    );
  } finally {
    await file.close();
    rmSync(folder, { recursive: true });
  }
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../core/base/malformed.ts';
import { readElfNeeds, readModuleInfo, stripElf } from './elf-codec.ts';

test('this Node asks for the loader and the C library, and still does when stripped', () => {
  const program = readFileSync(process.execPath);
  for (const bytes of [program, stripElf(program)]) {
    assert.ok(!isMalformed(bytes));
    const needs = readElfNeeds(bytes);
    assert.ok(!isMalformed(needs));
    assert.match(needs.interpreter ?? '', /ld-linux/);
    assert.ok(needs.libraries.includes('libc.so.6'));
  }
});

test('cut and random files are values, not exceptions', () => {
  const head = readFileSync(process.execPath).subarray(0, 4096);
  fc.assert(
    fc.property(fc.nat(4096), fc.uint8Array({ maxLength: 300 }), fc.nat(200), (length, noise, at) => {
      const bytes = Buffer.from(head.subarray(0, length));
      Buffer.from(noise).copy(bytes, Math.min(at + 16, bytes.length));
      readElfNeeds(bytes);
      stripElf(bytes);
      readModuleInfo(bytes);
    }),
  );
});

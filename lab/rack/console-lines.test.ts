import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConsoleLines } from './console-lines.ts';

test('lines of a serial console, without what moves the cursor', () => {
  const lines: string[] = [];
  const write = createConsoleLines((line) => void lines.push(line));
  write(Buffer.from('\u001b[2J\u001b[1;1HSeaBIOS\r\n\r\nBoot'));
  write(Buffer.from('ing\u001b[0m from ROM\r\nlast'));
  assert.deepEqual(lines, ['SeaBIOS', 'Booting from ROM']);
  write(Buffer.alloc(5_000, 'x'));
  assert.equal(lines.length, 3);
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from './source-tree.ts';

/** A pinned tool's exit code and what it said; its output is the failure message. */
function runTool(name: string, ...args: string[]): Promise<{ failed: boolean; output: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT, 'node_modules/.bin', name), ...args],
      { cwd: ROOT, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ failed: error !== null, output: `\n${stdout}${stderr}` }),
    );
  });
}

for (const [what, name, ...args] of [
  ['types', 'tsc', '-p', '.'],
  ['lint', 'oxlint', '--format', 'unix', '.'],
  ['format', 'oxfmt', '--list-different', '.'],
] as const) {
  test(what, async () => {
    const { failed, output } = await runTool(name, ...args);
    assert.ok(!failed, output);
  });
}

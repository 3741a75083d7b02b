import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNamespace } from './in-namespace.ts';
import type { RolesReport } from './roles-process.ts';

test('two control planes share one database, and a boot role apart boots known machines without it', async () => {
  const report = (await runInNamespace('roles-process.ts', [])) as RolesReport;
  for (const done of report.managedBy) assert.ok(Number(done) > 0, `each did some of the work: ${report.managedBy.join(' and ')}`);
  assert.equal(report.takenOver, 'manageable', 'the survivor finished the verb of the dead one');
  for (const script of [report.scriptBefore, report.scriptWithoutDatabase, report.scriptAfterRestartWithoutDatabase])
    assert.match(script, /bootable starts the deploy agent[^]*kernel http/);
  assert.match(report.strangerToTheDisk, /knows no machine yet: the database does not answer/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNamespace } from './in-namespace.ts';
import type { KillLoopReport } from './kill-loop.ts';

/** `kill -9` at every step of enroll → deploy: each machine reaches its goal, no step is lost, none done twice where that harms. */
const KILLS = 60;

test(`machines live through ${KILLS} kills of their control plane`, async (t) => {
  const report = (await runInNamespace('kill-loop.ts', ['--machines', '4', '--kills', String(KILLS), '--minutes', '15'])) as KillLoopReport;
  t.diagnostic(
    `${report.kills} kills at ${Object.keys(report.killedAt).length} points, ${report.machines} machines, ${report.deployments} deployments, ` +
      `${report.flowSteps} steps of ${report.flows} flows, ${report.takeovers} takeovers, ${report.seconds} s`,
  );
  assert.equal(report.kills, KILLS);
  assert.deepEqual(report.lost, []);
  assert.deepEqual(report.twice, []);
});

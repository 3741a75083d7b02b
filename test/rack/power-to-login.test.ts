import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** The main job, as a user starts it: three powered-off machines become three systems that answer over SSH. */
interface Report {
  readonly ok: boolean;
  readonly faults: readonly { name: string; injected: number; met: boolean; problems: string[] }[];
  readonly runDirectory: string;
  readonly machines: readonly {
    name: string;
    firmware: string;
    bmc: string;
    state: string;
    ssh: boolean;
    error?: string;
    phases: { name: string; seconds: number }[];
  }[];
}

const root = join(import.meta.dirname, '../..');

const runLab = (args: readonly string[]): Promise<{ code: number; stderr: string }> =>
  new Promise((resolve) => {
    execFile(join(root, 'rackwright'), ['lab', ...args], { maxBuffer: 64 * 2 ** 20 }, (error, _stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stderr }),
    );
  });

test('a rack of powered-off machines is discovered, enrolled, inspected, cleaned, deployed, and answers', async (t) => {
  const json = join(mkdtempSync(join(tmpdir(), 'rackwright-lab-')), 'lab.json');
  const { code, stderr } = await runLab(['--machines', '3', '--exit', '--json', json, '--listen', '127.0.0.1:0']);
  assert.ok(existsSync(json), `the lab left no report; it said:\n${stderr.slice(-3000)}`);
  const report = JSON.parse(readFileSync(json, 'utf8')) as Report;
  for (const machine of report.machines) {
    t.diagnostic(
      `${machine.name} ${machine.firmware} ${machine.bmc}: ${machine.state}, ${machine.phases.map(({ name, seconds }) => `${name} ${seconds} s`).join(', ')}`,
    );
    assert.equal(machine.error, undefined);
    assert.equal(machine.state, 'active');
    assert.ok(machine.ssh, `${machine.name} did not take the login`);
  }
  assert.equal(code, 0);
  assert.deepEqual(new Set(report.machines.map(({ firmware }) => firmware)), new Set(['bios', 'uefi']));
  assert.deepEqual(new Set(report.machines.map(({ bmc }) => bmc)), new Set(['ipmi', 'redfish', 'ipmi+redfish']));
  for (const machine of report.machines) {
    assert.ok(existsSync(join(report.runDirectory, `${machine.name}-timeline.json`)), 'the timeline is kept');
    assert.ok(existsSync(join(report.runDirectory, 'machines', machine.name, 'console.log')), 'the console is kept');
  }
});

test('kill -9 of the control plane at every step, and an operator who makes every mistake: the machine still gets there', async (t) => {
  const json = join(mkdtempSync(join(tmpdir(), 'rackwright-lab-')), 'lab.json');
  const faults = ['kill-control-plane', 'unknown-architecture', 'wrong-bmc-password', 'bad-checksum', 'short-download', 'disk-too-small'];
  const args = ['--machines', '1', '--image', 'tiny', '--exit', '--json', json, '--listen', '127.0.0.1:0', '--fault', faults.join(',')];
  const { code, stderr } = await runLab(args);
  assert.ok(existsSync(json), `the lab left no report; it said:\n${stderr.slice(-3000)}`);
  const report = JSON.parse(readFileSync(json, 'utf8')) as Report;
  for (const { name, injected, met, problems } of report.faults) {
    t.diagnostic(`${name}: ${injected} times`);
    assert.ok(met, `${name}: ${problems.join('; ')}`);
  }
  assert.deepEqual(report.faults.map(({ name }) => name).toSorted(), faults.toSorted());
  const kills = report.faults.find(({ name }) => name === 'kill-control-plane')!.injected;
  assert.ok(kills >= 12, `only ${kills} kills`);
  assert.ok(report.machines.every(({ state, ssh }) => state === 'active' && ssh));
  const page = readFileSync(join(report.runDirectory, 'run.html'), 'utf8');
  for (const { name } of report.faults) assert.ok(page.includes(name), `${name} is not on the page of the run`);
  assert.equal(code, 0);
});

test('a disk that is pulled out while it is written, and a cable in the wrong port: each is named, and the machine gets there', async (t) => {
  const json = join(mkdtempSync(join(tmpdir(), 'rackwright-lab-')), 'lab.json');
  const faults = 'disk-lost-while-writing,nic-wrong-port';
  const args = ['--machines', '1', '--image', 'tiny', '--exit', '--json', json, '--listen', '127.0.0.1:0', '--fault', faults];
  const { code, stderr } = await runLab(args);
  assert.ok(existsSync(json), `the lab left no report; it said:\n${stderr.slice(-3000)}`);
  const report = JSON.parse(readFileSync(json, 'utf8')) as Report;
  for (const { phases } of report.machines) t.diagnostic(phases.map(({ name, seconds }) => `${name} ${seconds} s`).join(', '));
  for (const { name, met, problems } of report.faults) assert.ok(met, `${name}: ${problems.join('; ')}`);
  assert.ok(report.machines.every(({ state, ssh }) => state === 'active' && ssh));
  assert.equal(code, 0);
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { BmcAnswer, BmcDevice } from '../../deploy-agent/agent/bmc/bmc-device.ts';
import type { AgentCommand, AgentStepName } from '../../deploy-agent/protocol.ts';
import { FakeControlPlane, type Identity, makeIdentity } from './fake-control-plane.ts';
import { createFileDisk, type FileDisk, fileDisk, fileDisks } from './file-disks.ts';
import { ImageServer } from './image-server.ts';
import { type RunningMachine, startMachine } from './machine.ts';

const MIB = 2 ** 20;

let work: string;
let identity: Identity;
let images: ImageServer;
let disk: FileDisk;
let ids = 0;
let running: { readonly controlPlane: FakeControlPlane; machine: RunningMachine }[] = [];

before(async () => {
  work = await mkdtemp(join(tmpdir(), 'rackwright-session-'));
  identity = await makeIdentity();
  images = new ImageServer();
  await images.start();
  disk = fileDisk(join(work, 'disk'), 'SN-DISK', 32 * MIB);
  await createFileDisk(disk);
});
afterEach(async () => {
  for (const { controlPlane, machine } of running) {
    machine.close();
    await controlPlane.kill();
  }
  running = [];
});
after(async () => {
  await images.kill();
  await rm(work, { recursive: true, force: true });
});

async function begin(more: { pin?: string; bmc?: BmcDevice; journal?: string } = {}) {
  const controlPlane = new FakeControlPlane(identity);
  await controlPlane.start();
  ids += 1;
  const options = {
    controlPlane,
    disks: fileDisks([disk]),
    imageBase: images.url,
    journalFile: join(work, more.journal ?? `journal-${ids}`),
    ...(more.pin ? { pin: more.pin } : {}),
    ...(more.bmc ? { bmc: more.bmc } : {}),
  };
  const bench = { controlPlane, machine: startMachine(options), restart: () => (bench.machine = startMachine(options)) };
  running.push(bench);
  return bench;
}

const command = (step: AgentStepName, args: object = {}, timeoutSeconds = 60): AgentCommand => {
  ids += 1;
  return { id: `c-${ids}`, step, args: JSON.parse(JSON.stringify(args)), timeoutSeconds };
};

/** Long enough to be interrupted: the server stops in the middle of each answer. */
function slowImage(): AgentCommand {
  const content = Buffer.alloc(16 * MIB, 7);
  images.files.set('/slow', content);
  images.behaviour = { breakAfterBytes: 2 * MIB };
  return command('write_image', {
    url: '/slow',
    format: 'raw',
    compression: 'none',
    checksum: createHash('sha256').update(content).digest('hex'),
    checksumAlgorithm: 'sha256',
    sizeBytes: content.length,
    disk: { serial: 'SN-DISK', sizeBytes: 32 * MIB },
  });
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
};

test('inspection, lookup, heartbeat, commands, logs, and the end', async () => {
  const { controlPlane, machine } = await begin();
  const inspect = command('collect_inventory');
  const stop = command('sync_and_stop');
  controlPlane.order(inspect, stop);
  assert.equal(await machine.ended, 'stopped');
  const [inspection] = controlPlane.inspections;
  assert.equal(inspection!.bootMac, '52:54:00:00:00:01');
  assert.deepEqual(
    inspection!.steps.filter((step) => step.priority > 0).map((step) => step.step),
    [
      'collect_inventory',
      'erase_devices_metadata',
      'write_image',
      'write_configdrive',
      'install_bootloader',
      'install_boot_entry',
      'sync_and_stop',
    ],
  );
  assert.equal((await controlPlane.finalReport(inspect.id)).status, 'succeeded');
  assert.ok(controlPlane.heartbeats >= 1);
  assert.ok(controlPlane.logLines.some((line) => line.text.includes('sync_and_stop done')));
});

test('a control plane that is killed and comes back finds the report waiting and the work done once', async () => {
  const { controlPlane, machine } = await begin();
  const write = slowImage();
  controlPlane.order(write);
  await until(() => controlPlane.reports.some((report) => report.status === 'running' && (report.progress?.done ?? 0) > 0));
  await controlPlane.kill();
  images.behaviour = {};
  await until(() => machine.printed.some((line) => line.startsWith('write_image done')));
  await controlPlane.start();
  assert.equal((await controlPlane.finalReport(write.id)).status, 'succeeded');
  controlPlane.order(write);
  await until(() => controlPlane.reports.filter((report) => report.commandId === write.id && report.status === 'succeeded').length === 2);
  assert.equal(machine.printed.filter((line) => line === 'doing write_image').length, 1);
});

test('an agent that was started anew still has its report', async () => {
  const bench = await begin({ journal: 'kept' });
  const once = command('collect_inventory');
  bench.controlPlane.order(once);
  await bench.controlPlane.finalReport(once.id);
  bench.machine.close();
  await bench.machine.ended.catch(() => {});
  bench.restart();
  bench.controlPlane.order(once);
  await until(
    () => bench.controlPlane.reports.filter((report) => report.commandId === once.id && report.status === 'succeeded').length === 2,
  );
  assert.ok(!bench.machine.printed.includes('doing collect_inventory'));
});

test('abort and deadline stop a step and say so', async () => {
  const { controlPlane } = await begin();
  const aborted = slowImage();
  images.behaviour = { breakAfterBytes: 100 };
  controlPlane.order(aborted);
  controlPlane.abortCommand = aborted.id;
  assert.equal((await controlPlane.finalReport(aborted.id)).error?.code, 'aborted');
  const late = { ...slowImage(), timeoutSeconds: 1 };
  images.behaviour = { breakAfterBytes: 100 };
  controlPlane.order(late);
  assert.equal((await controlPlane.finalReport(late.id)).error?.code, 'timeout');
  images.behaviour = {};
  const unknown = { ...command('sync_and_stop'), step: 'make_coffee' as AgentStepName };
  controlPlane.order(unknown);
  assert.equal((await controlPlane.finalReport(unknown.id)).error?.code, 'step-unknown');
});

test('a control plane with another certificate hears nothing', async () => {
  const { controlPlane, machine } = await begin({ pin: '0'.repeat(64) });
  await until(() => machine.printed.some((line) => line.includes('not the pinned one')));
  assert.equal(controlPlane.inspections.length, 0);
});

test('a refused agent token: one new inspection, then a reboot', async () => {
  const { controlPlane, machine } = await begin();
  await until(() => controlPlane.heartbeats > 0);
  controlPlane.agentToken = 'agent-token-2';
  await until(() => controlPlane.inspections.length === 2 && controlPlane.heartbeats > 1);
  controlPlane.agentToken = 'agent-token-3';
  assert.equal(await machine.ended, 'reboot');
});

/** Answers as a small BMC does: one LAN channel, users 2 and 3 taken. */
class FakeBmc implements BmcDevice {
  readonly users = new Map<number, { name: string; password?: string; enabled?: boolean; privilege?: number }>([
    [2, { name: 'root' }],
    [3, { name: 'guest' }],
  ]);
  readonly userIdMax: number;
  constructor(userIdMax: number) {
    this.userIdMax = userIdMax;
  }
  request(netFunction: number, number: number, data: Uint8Array = new Uint8Array()): Promise<BmcAnswer> {
    const answer = (code: number, ...bytes: number[]) => Promise.resolve({ code, data: Buffer.from(bytes) });
    const text = (from: number) => Buffer.from(data.subarray(from)).toString('latin1').replace(/\0+$/, '');
    const user = (id: number) => this.users.get(id) ?? this.users.set(id, { name: '' }).get(id)!;
    if (netFunction === 0x0c) return data[1] === 3 ? answer(0, 0x11, 10, 77, 0, 62) : answer(0, 0x11, 0x52, 0x54, 0, 1, 2, 3);
    if (number === 0x42) return data[0] === 2 ? answer(0, 2, 4, 1, 0x80) : answer(0xcc);
    if (number === 0x01) return answer(0, 0x20, 1, 2, 0x15, 2);
    if (number === 0x44) return answer(0, this.userIdMax, 2, 1, 0);
    if (number === 0x46)
      return this.users.has(data[0]!)
        ? Promise.resolve({ code: 0, data: Buffer.from(this.users.get(data[0]!)!.name.padEnd(16, '\0'), 'latin1') })
        : answer(0xcc);
    if (number === 0x45) user(data[0]!).name = text(1);
    if (number === 0x47 && data[1] === 2) user(data[0]! & 0x3f).password = text(2);
    if (number === 0x47 && data[1] === 1) user(data[0]!).enabled = true;
    if (number === 0x47 && data[1] === 3) return answer(user(data[0]! & 0x3f).password === text(2) ? 0 : 0x80);
    if (number === 0x43) user(data[1]!).privilege = data[2]!;
    return answer(0);
  }
  close(): void {}
}

test('a user of our own on the BMC, once', async () => {
  const bmc = new FakeBmc(10);
  const { controlPlane } = await begin({ bmc });
  for (const password of ['first', 'second']) {
    const put = command('put_bmc_user', { username: 'rackwright', password });
    controlPlane.order(put);
    assert.deepEqual((await controlPlane.finalReport(put.id)).result, {
      ipAddress: '10.77.0.62',
      mac: '52:54:00:01:02:03',
      channel: 2,
      userId: 4,
    });
    assert.deepEqual(bmc.users.get(4), { name: 'rackwright', password, enabled: true, privilege: 4 });
  }
  assert.equal(bmc.users.size, 3);
  assert.ok(!JSON.stringify([controlPlane.reports, controlPlane.logLines]).includes('second'));
});

test('no BMC, a full BMC', async () => {
  const without = await begin();
  const first = command('put_bmc_user', { username: 'rackwright', password: 'x' });
  without.controlPlane.order(first);
  assert.equal((await without.controlPlane.finalReport(first.id)).error?.code, 'bmc-not-present');
  const full = await begin({ bmc: new FakeBmc(3) });
  const second = command('put_bmc_user', { username: 'rackwright', password: 'x' });
  full.controlPlane.order(second);
  assert.equal((await full.controlPlane.finalReport(second.id)).error?.code, 'bmc-refused');
});

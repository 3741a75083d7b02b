import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../core/base/clock.ts';
import { burninDisk } from '../../deploy-agent/agent/steps/burnin-disk.ts';
import type { StepContext } from '../../deploy-agent/agent/steps/step.ts';
import { createFileDisk, fileDisk, fileDisks, type FileDisksOptions } from './file-disks.ts';

const folder = mkdtempSync(join(tmpdir(), 'rackwright-burnin-'));
after(() => rmSync(folder, { recursive: true }));
const SIZE = 32 * 2 ** 20;

async function burn(serial: string, options: FileDisksOptions, planned = { serial, sizeBytes: SIZE }) {
  const disk = fileDisk(join(folder, serial), serial, SIZE);
  await createFileDisk(disk);
  const context = { disks: fileDisks([disk], options), clock: systemClock, signal: new AbortController().signal, progress() {}, log() {} };
  return burninDisk.run({ disks: [planned], seconds: 0.001 }, context as unknown as StepContext);
}

test('a good disk passes, with what it did', async () => {
  const [result] = (await burn('GOOD', {})) as { serial: string; bytes: number; megabytesPerSecond: number }[];
  assert.equal(result!.serial, 'GOOD');
  assert.ok(result!.bytes >= 4 * 2 ** 20 && result!.megabytesPerSecond > 0);
});

test('a disk that lies is named', () =>
  assert.rejects(burn('LIAR', { corruptRead: (_offset, bytes) => void (bytes[100]! ^= 1) }), /LIAR does not keep what is written to it/));

test('a disk that fails is named', () => assert.rejects(burn('DYING', { failWrite: () => true }), /DYING: EIO/));

test('a disk that is not in the plan is not touched', () =>
  assert.rejects(burn('OTHER', {}, { serial: 'WANTED', sizeBytes: SIZE }), /WANTED/));

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { InventoryDisk } from '../../protocol.ts';
import { describeFailure } from '../control/agent-failure.ts';
import { linuxDisks } from './linux-disks.ts';

test('a disk that does not take bytes fails as a disk, at the write and at the flush', async () => {
  const disk = await linuxDisks.open({ device: '/dev/full' } as InventoryDisk);
  for (const work of [() => disk.write(0, Buffer.alloc(512)), () => disk.flush()])
    await assert.rejects(work(), (error) => {
      const { code, message } = describeFailure(error);
      assert.equal(code, 'disk-write');
      assert.match(message, /^\/dev\/full did not take what was written: E/);
      return true;
    });
  await disk.close();
});

test('a disk that can not be opened any more has vanished, whatever the kernel calls it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rackwright-disk-'));
  const device = join(directory, 'disk');
  writeFileSync(device, Buffer.alloc(512));
  const disk = await linuxDisks.open({ device, serial: 'S1' } as InventoryDisk);
  await assert.rejects(disk.read(0, 1024), (error) => describeFailure(error).code === 'internal');
  rmSync(device);
  for (const work of [() => disk.read(0, 1024), () => disk.zero(0, 512)])
    await assert.rejects(work(), (error) => {
      const { code, message } = describeFailure(error);
      assert.equal(code, 'disk-not-found');
      assert.match(message, /vanished while it was in use: /);
      return true;
    });
  await disk.close();
  rmSync(directory, { recursive: true });
});

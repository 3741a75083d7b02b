import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InventoryDisk } from '../../protocol.ts';
import { describeFailure } from '../control/agent-failure.ts';
import { linuxDisks } from './linux-disks.ts';

test('a disk that does not take bytes fails as a disk, at the write and at the flush', async () => {
  const disk = await linuxDisks.open({ device: '/dev/full' } as InventoryDisk);
  for (const work of [disk.write(0, Buffer.alloc(512)), disk.flush()])
    await assert.rejects(work, (error) => {
      const { code, message } = describeFailure(error);
      assert.equal(code, 'disk-write');
      assert.match(message, /^\/dev\/full did not take what was written: E/);
      return true;
    });
  await disk.close();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { firstUsableLba, lastUsableLba } from './gpt-codec.ts';
import { layOutPartitions, partitionDevice, type LayoutRequest, type PartitionLayout } from './partition-layout-policy.ts';
import type { PartitionRequest } from './protocol.ts';

const GIB = 2 ** 30;
const REQUEST: PartitionRequest = { swapMib: 0, ephemeralMib: 0, ephemeralFormat: 'ext4', preserveEphemeral: false };
let guids = 0;
const newGuid = () => `00000000-0000-4000-8000-${String((guids += 1)).padStart(12, '0')}`;

const layOut = (request: Partial<PartitionRequest>, more: Partial<LayoutRequest> = {}) =>
  layOutPartitions({
    request: { ...REQUEST, ...request },
    bootMode: 'bios',
    diskBytes: 20 * GIB,
    blockBytes: 512,
    current: undefined,
    newGuid,
    ...more,
  });

const laidOut = (...args: Parameters<typeof layOut>): PartitionLayout => {
  const layout = layOut(...args);
  if ('reason' in layout) return assert.fail(layout.reason);
  return layout;
};

const told = ({ table }: PartitionLayout) =>
  table.partitions.map(({ name, firstLba, lastLba }) => `${name} ${((lastLba - firstLba + 1) * table.blockBytes) / 2 ** 20}`);

const TABLE: readonly [what: string, Partial<PartitionRequest>, Partial<LayoutRequest>, readonly string[]][] = [
  ['BIOS, all for the root but a config drive', {}, {}, ['bios 1', 'root 20412']],
  ['UEFI', { rootMib: 4096 }, { bootMode: 'uefi' }, ['efi 550', 'root 4096']],
  [
    'the whole list',
    { rootMib: 4096, swapMib: 512, ephemeralMib: 2048 },
    { bootMode: 'uefi' },
    ['efi 550', 'ephemeral 2048', 'swap 512', 'root 4096'],
  ],
  ['blocks of 4 KiB', { rootMib: 4096, swapMib: 512 }, { blockBytes: 4096 }, ['bios 1', 'swap 512', 'root 4096']],
];

for (const [what, request, more, wanted] of TABLE)
  test(`partitions of a partition image: ${what}`, () => assert.deepEqual(told(laidOut(request, more)), wanted));

test('what does not fit is said with its numbers', () => {
  const layout = layOut({ rootMib: 30 * 1024, swapMib: 512 });
  assert.match('reason' in layout ? layout.reason : '', /need 31234 MiB \(bios 1, ephemeral 0, swap 512, root 30720\), the disk has 20479/);
});

test('an ephemeral partition is kept with its name and place when that is asked for, and a move of it is refused', () => {
  const sizes = { rootMib: 4096, ephemeralMib: 2048 };
  const first = laidOut(sizes);
  const before = first.table.partitions.find(({ name }) => name === 'ephemeral')!;
  const again = laidOut({ ...sizes, preserveEphemeral: true }, { current: first.table });
  assert.equal(again.isEphemeralKept, true);
  assert.deepEqual(
    again.table.partitions.find(({ name }) => name === 'ephemeral'),
    before,
  );
  assert.equal(laidOut(sizes, { current: first.table }).isEphemeralKept, false);
  assert.equal(laidOut({ ...sizes, preserveEphemeral: true }).isEphemeralKept, false, 'a first deployment has nothing to keep');
  const moved = layOut({ rootMib: 4096, ephemeralMib: 1024, preserveEphemeral: true }, { current: first.table });
  assert.match('reason' in moved ? moved.reason : '', /to be preserved is at blocks \d+ to \d+/);
});

test('partitions never overlap and never leave the disk', () => {
  const mib = fc.integer({ min: 0, max: 8192 });
  fc.assert(
    fc.property(
      mib,
      mib,
      mib,
      fc.integer({ min: 1, max: 40 * 1024 }),
      fc.constantFrom('bios' as const, 'uefi' as const),
      fc.constantFrom(512, 4096),
      (rootMib, swapMib, ephemeralMib, diskMib, bootMode, blockBytes) => {
        const request = { swapMib, ephemeralMib, ...(rootMib === 0 ? {} : { rootMib }) };
        const layout = layOut(request, { diskBytes: diskMib * 2 ** 20 + 4096, bootMode, blockBytes });
        if ('reason' in layout) return true;
        const { table } = layout;
        let next = firstUsableLba(table);
        for (const { firstLba, lastLba } of table.partitions) {
          if (firstLba < next || lastLba < firstLba) return false;
          next = lastLba + 1;
        }
        return next - 1 <= lastUsableLba(table);
      },
    ),
  );
});

test('a partition has a device of its own', () => {
  assert.deepEqual(
    ['/dev/sda', '/dev/nvme0n1', '/dev/md127'].map((device) => partitionDevice(device, 3)),
    ['/dev/sda3', '/dev/nvme0n1p3', '/dev/md127p3'],
  );
});

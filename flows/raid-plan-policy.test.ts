import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StorageController } from '../bmc/storage.ts';
import { planRaid, raidConfigOf, type LogicalDisk } from './raid-plan-policy.ts';

const GIB = 1024 ** 3;
const drive = (id: string, gib: number, more = {}) =>
  ({ id, name: `Drive ${id}`, serial: `S${id}`, sizeBytes: gib * GIB, media: 'ssd', bus: 'sata', ...more }) as const;
const controller = (more: Partial<StorageController> = {}): StorageController => ({
  id: 'RAID.1',
  name: 'Controller',
  raidTypes: ['RAID0', 'RAID1', 'RAID5', 'RAID10'],
  drives: [
    drive('a', 100),
    drive('b', 100),
    drive('c', 400),
    drive('d', 400),
    drive('e', 400),
    drive('h', 900, { media: 'hdd', bus: 'sas' }),
  ],
  volumes: [],
  managesVolumes: true,
  ...more,
});

const cases: readonly [string, readonly LogicalDisk[], readonly object[] | RegExp][] = [
  ['the smallest pair that does', [{ raid_level: '1', size_gb: 50 }], [{ raidType: 'RAID1', sizeBytes: 50 * GIB, drives: ['a', 'b'] }]],
  ['a larger one when it must be', [{ raid_level: '1', size_gb: 200 }], [{ raidType: 'RAID1', sizeBytes: 200 * GIB, drives: ['c', 'd'] }]],
  [
    'all there is',
    [{ raid_level: '5', size_gb: 'MAX', disk_type: 'ssd', number_of_physical_disks: 5 }],
    [{ raidType: 'RAID5', drives: ['a', 'b', 'c', 'd', 'e'] }],
  ],
  [
    'those of a fixed size choose first',
    [
      { raid_level: '0', size_gb: 'MAX', number_of_physical_disks: 1 },
      { raid_level: '1', size_gb: 100, volume_name: 'root' },
    ],
    [
      { raidType: 'RAID1', sizeBytes: 100 * GIB, drives: ['a', 'b'], name: 'root' },
      { raidType: 'RAID0', drives: ['c'] },
    ],
  ],
  [
    'spinning disks only',
    [{ raid_level: '0', size_gb: 10, disk_type: 'hdd' }],
    [{ raidType: 'RAID0', sizeBytes: 10 * GIB, drives: ['h'] }],
  ],
  [
    'named drives, by serial',
    [{ raid_level: '1', size_gb: 10, controller: 'RAID.1', physical_disks: ['Sd', 'Se'] }],
    [{ raidType: 'RAID1', sizeBytes: 10 * GIB, drives: ['d', 'e'] }],
  ],
  [
    'RAID 1+0 takes pairs',
    [{ raid_level: '1+0', size_gb: 200 }],
    [{ raidType: 'RAID10', sizeBytes: 200 * GIB, drives: ['a', 'b', 'c', 'd'] }],
  ],
  ['a level that the controller lacks', [{ raid_level: '6', size_gb: 10 }], /No controller .* RAID 6/],
  ['too large', [{ raid_level: '1', size_gb: 5000 }], /No free drives .* 5000 GiB/],
  [
    'twice the same drives',
    [
      { raid_level: '5', size_gb: 700 },
      { raid_level: '5', size_gb: 700 },
    ],
    /No free drives/,
  ],
  ['a controller that is not there', [{ raid_level: '1', size_gb: 3, controller: 'X' }], /No controller/],
];
for (const [story, disks, wanted] of cases)
  test(story, () => {
    const plan = planRaid(disks, [controller()]);
    if (wanted instanceof RegExp) assert.match('problem' in plan ? plan.problem : 'no problem', wanted);
    else
      assert.deepEqual(
        'volumes' in plan ? plan.volumes : plan,
        wanted.map((each) => ({ controller: 'RAID.1', ...each })),
      );
  });

test('drives of volumes that stay are not free, unless sharing is asked for', () => {
  const used = controller({
    drives: [drive('a', 100), drive('b', 100)],
    volumes: [{ id: '1', name: 'v', raidType: 'RAID1', sizeBytes: 50 * GIB, drives: ['a', 'b'] }],
  });
  assert.ok('problem' in planRaid([{ raid_level: '1', size_gb: 10 }], [used]));
  assert.ok('volumes' in planRaid([{ raid_level: '1', size_gb: 10, share_physical_disks: true }], [used]));
  assert.deepEqual(raidConfigOf([used], 'now').logical_disks, [{ id: '1', name: 'v', controller: 'RAID.1', size_gb: 50, raid_level: '1' }]);
});

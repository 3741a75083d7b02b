import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../core/base/json.ts';
import type { InventoryDisk } from './protocol.ts';
import { planArrays } from './software-raid-policy.ts';

const GIB = 2 ** 30;
const disk = (name: string, more: Partial<InventoryDisk> = {}): InventoryDisk => ({
  name,
  device: `/dev/${name}`,
  sizeBytes: 100 * GIB,
  serial: name.toUpperCase(),
  rotational: false,
  bus: 'sata',
  logicalBlockBytes: 512,
  canDiscard: false,
  ...more,
});
const four = ['sda', 'sdb', 'sdc', 'sdd'].map((name) => disk(name));
const mirror = { size_gb: 'MAX', raid_level: '1', controller: 'software' };
const plan = (wishes: JsonObject[], disks: readonly InventoryDisk[] = four) => {
  const made = planArrays({ logical_disks: wishes }, disks);
  return 'problem' in made
    ? made.problem
    : made.arrays.map(({ members, ...array }) => ({ ...array, members: members.map(({ name }) => name).join(' ') }));
};

test('one array has all disks that fit', () => {
  assert.deepEqual(plan([mirror]), [{ name: '0', level: '1', members: 'sda sdb sdc sdd' }]);
  assert.deepEqual(plan([{ ...mirror, raid_level: '1+0', volume_name: 'root' }]), [
    { name: 'root', level: '10', members: 'sda sdb sdc sdd' },
  ]);
  assert.deepEqual(plan([{ ...mirror, number_of_physical_disks: 2, size_gb: 10 }]), [
    { name: '0', level: '1', members: 'sda sdb', memberKib: 10 * 2 ** 20 },
  ]);
  assert.deepEqual(plan([{ ...mirror, raid_level: '0', size_gb: 10, number_of_physical_disks: 2 }]), [
    { name: '0', level: '0', members: 'sda sdb', memberKib: 5 * 2 ** 20 },
  ]);
  const mixed = [disk('sda', { rotational: true }), ...four.slice(1)];
  assert.deepEqual(plan([{ ...mirror, disk_type: 'ssd' }], mixed), [{ name: '0', level: '1', members: 'sdb sdc sdd' }]);
});

test('several arrays name their disks', () => {
  const [a, b] = [
    { ...mirror, physical_disks: ['/dev/sdc', '/dev/sda'] },
    { ...mirror, physical_disks: [{ serial: 'SDB' }, { size: '>= 50' }] },
  ];
  assert.deepEqual(plan([a, b]), [
    { name: '0', level: '1', members: 'sdc sda' },
    { name: '1', level: '1', members: 'sdb sdd' },
  ]);
});

for (const [what, wishes, reason] of [
  ['no controller', [{ size_gb: 'MAX', raid_level: '1' }], /controller "software" only/],
  ['RAID 5', [{ ...mirror, raid_level: '5' }], /raid_level 5 is not made/],
  ['two that would share', [mirror, mirror], /each needs its physical_disks/],
  ['sharing', [{ ...mirror, share_physical_disks: true }], /share_physical_disks/],
  ['a disk twice', [{ ...mirror, physical_disks: ['/dev/sda', '/dev/sda'] }], /no disk matches/],
  ['too few', [{ ...mirror, raid_level: '1+0', number_of_physical_disks: 3 }], /needs 4 disks/],
  ['too many wanted', [{ ...mirror, number_of_physical_disks: 9 }], /9 disks are asked for/],
  ['too large', [{ ...mirror, size_gb: 200 }], /does not fit/],
  ['a name that is none', [{ ...mirror, volume_name: 'a b' }], /volume_name/],
] as const)
  test(`refused: ${what}`, () => {
    assert.match(String(plan([...wishes] as JsonObject[])), reason);
  });

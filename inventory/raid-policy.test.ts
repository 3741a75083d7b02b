import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDelay } from './fake-hardware.ts';
import { checkRaidConfig } from './raid-policy.ts';

test('a wish for RAID: what is wrong with it', () => {
  const disk = { raid_level: '1', size_gb: 100 };
  for (const good of [{}, { logical_disks: [disk] }, { logical_disks: [{ ...disk, size_gb: 'MAX', is_root_volume: true }] }])
    assert.equal(checkRaidConfig(good), undefined);
  const bad: readonly [object, RegExp][] = [
    [{ logical_disks: [] }, /list of 1 to/],
    [{ logical_disks: 5 }, /list of 1 to/],
    [{ logical_disks: [null] }, /not an object/],
    [{ other: [] }, /only logical_disks/],
    [{ logical_disks: [{ size_gb: 1 }] }, /needs raid_level/],
    [{ logical_disks: [{ ...disk, raid_level: '7' }] }, /raid_level is wrong/],
    [{ logical_disks: [{ ...disk, colour: 1 }] }, /no property colour/],
    [{ logical_disks: [{ ...disk, physical_disks: ['a'] }] }, /needs controller/],
    [
      {
        logical_disks: [
          { ...disk, is_root_volume: true },
          { ...disk, is_root_volume: true },
        ],
      },
      /more than one/,
    ],
  ];
  for (const [config, reason] of bad) assert.match(checkRaidConfig(config as Record<string, unknown>)!, reason);
});

test('a delay of fake hardware', () => {
  assert.equal(parseDelay(undefined, 0.5), 0);
  assert.equal(parseDelay('2', 0.5), 2000);
  assert.equal(parseDelay('1,3', 0.5), 2000);
  for (const wrong of ['x', '3,1', '-1', '1,2,3', '99999']) assert.equal(parseDelay(wrong, 0), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../core/base/json.ts';
import type { InventoryDisk } from './protocol.ts';
import { chooseRootDevice } from './root-device-policy.ts';

const GIB = 2 ** 30;
const disk = (name: string, sizeGib: number, more: Partial<InventoryDisk> = {}): InventoryDisk => ({
  name,
  device: `/dev/${name}`,
  sizeBytes: sizeGib * GIB,
  serial: `S-${name}`,
  rotational: false,
  bus: 'scsi',
  logicalBlockBytes: 512,
  canDiscard: true,
  ...more,
});
const disks = [
  disk('sda', 2),
  disk('sdb', 100, { model: 'Big Fast SSD', vendor: 'ATA', wwn: '0x5000c50012345678', hctl: '1:0:0:0', rotational: true }),
  disk('sdc', 50, { model: 'small ssd', byPath: '/dev/disk/by-path/pci-0000:00:1f.2-ata-3' }),
  disk('nvme0n1', 50.5),
];

const table: readonly (readonly [JsonObject, string | RegExp])[] = [
  [{}, 'sdc'],
  [{ size: 50 }, 'sdc'],
  [{ size: '= 60' }, 'sdb'],
  [{ size: '>= 51' }, 'sdb'],
  [{ size: '< 10' }, 'sda'],
  [{ size: '<= 50' }, 'sda'],
  [{ size: '!= 50', rotational: false }, 'sda'],
  [{ size: '<or> 100 <or> 200' }, 'sdb'],
  [{ model: 'BIG fast ssd' }, 'sdb'],
  [{ model: '<in> fast' }, 'sdb'],
  [{ model: '<all-in> ssd small' }, 'sdc'],
  [{ model: '<or> nothing <or> small ssd' }, 'sdc'],
  [{ model: 's!= big fast ssd' }, 'sdc'],
  [{ serial: 's> S-sdb' }, 'sdc'],
  [{ vendor: 'ata' }, 'sdb'],
  [{ wwn: '5000C50012345678' }, 'sdb'],
  [{ rotational: true }, 'sdb'],
  [{ rotational: 'no', size: '> 50' }, /no disk matches/],
  [{ hctl: '1:0:0:0' }, 'sdb'],
  [{ name: '/dev/nvme0n1' }, 'nvme0n1'],
  [{ name: 's== /dev/sdc' }, 'sdc'],
  [{ by_path: '/dev/disk/by-path/pci-0000:00:1f.2-ata-3' }, 'sdc'],
  [{ size: 'huge' }, /cannot be understood/],
  [{ rotational: 'perhaps' }, /cannot be understood/],
  [{ colour: 'red' }, /unknown root device hint colour/],
  [{ size: ['1'] }, /must be a text/],
];

for (const [hints, expected] of table) {
  test(`${JSON.stringify(hints)} chooses ${String(expected)}`, () => {
    const choice = chooseRootDevice(disks, hints);
    if (typeof expected === 'string') assert.equal('disk' in choice ? choice.disk.name : choice.error, expected);
    else assert.match('error' in choice ? choice.error : choice.disk.name, expected);
  });
}

test('without a big enough disk or without serials there is a reason', () => {
  assert.match((chooseRootDevice([disks[0]!], {}) as { error: string }).error, /at least 4 GiB.*\/dev\/sda/);
  const { serial: _, ...anonymous } = disks[1]!;
  assert.ok('error' in chooseRootDevice([anonymous], {}));
});

test('any hints give a disk or a reason', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('size', 'model', 'serial', 'wwn', 'rotational', 'name', 'x'),
        fc.oneof(fc.string(), fc.integer(), fc.boolean()),
      ),
      (hints) => {
        const choice = chooseRootDevice(disks, hints);
        assert.ok('disk' in choice || choice.error.length > 0);
      },
    ),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type GptTable, GPT_TYPE_LINUX } from '../../gpt-codec.ts';
import type { InventoryDisk } from '../../protocol.ts';
import { byPathName, parseBus, parseWwn } from './block-devices.ts';
import { placeConfigDrive } from './configdrive-place-policy.ts';
import { findPlannedDisk } from './planned-disk-policy.ts';
import { chooseSamples, SAMPLE_BYTES } from './samples-policy.ts';
import { decodeAtaSmart, decodeNvmeHealth } from './smart-codec.ts';
import { metadataRanges } from './wipe.ts';

const disk = (name: string, more: Partial<InventoryDisk> = {}): InventoryDisk => ({
  name,
  device: `/dev/${name}`,
  sizeBytes: 1000,
  serial: name,
  rotational: false,
  bus: 'scsi',
  logicalBlockBytes: 512,
  canDiscard: false,
  ...more,
});

test('the guard finds one disk or says why not', () => {
  const disks = [
    disk('sda', { wwn: '0x5000' }),
    disk('sdb'),
    disk('nvme0n1', { serial: 'N', sizeBytes: 10 }),
    disk('nvme0n2', { serial: 'N', sizeBytes: 20 }),
    disk('sdc', { serial: 'T' }),
    disk('sdd', { serial: 'T' }),
  ];
  const ask = (serial: string, sizeBytes: number, wwn?: string) => {
    const found = findPlannedDisk(disks, { serial, sizeBytes, ...(wwn ? { wwn } : {}) });
    return 'disk' in found ? found.disk.name : found.code;
  };
  assert.equal(ask('sda', 1000, 'naa.5000'), 'sda');
  assert.equal(ask(' sdb ', 1000, '0x77'), 'sdb');
  assert.equal(ask('sda', 1000, '0x77'), 'disk-not-in-plan');
  assert.equal(ask('sda', 999), 'disk-not-in-plan');
  assert.equal(ask('N', 20), 'nvme0n2');
  assert.equal(ask('T', 1000), 'disk-not-in-plan');
  assert.equal(ask('gone', 1000), 'disk-not-found');
  assert.equal(ask('', 1000), 'step-arguments');
});

test('names, buses and WWNs from the device tree', () => {
  const sata = '/sys/devices/pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sda';
  const nvme = '/sys/devices/pci0000:00/0000:00:03.0/nvme/nvme0/nvme0n1';
  const virtio = '/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda';
  assert.deepEqual(
    [sata, nvme, virtio].map((path) => parseBus(path)),
    ['sata', 'nvme', 'virtio'],
  );
  assert.equal(byPathName(sata), '/dev/disk/by-path/pci-0000:00:1f.2-ata-3');
  assert.equal(byPathName(nvme), '/dev/disk/by-path/pci-0000:00:03.0-nvme-1');
  assert.equal(byPathName(virtio), '/dev/disk/by-path/pci-0000:00:02.0');
  assert.equal(parseWwn('naa.5000C50012345678'), '0x5000c50012345678');
  assert.equal(parseWwn('t10.ATA     QEMU HARDDISK'), undefined);
  assert.equal(parseWwn('eui.0000000000000000'), undefined);
});

test('wiped ranges stay on the disk and do not overlap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 20 }), (blocks) => {
      const ranges = metadataRanges(blocks * 512, 512);
      let end = 0;
      for (const range of ranges) {
        assert.ok(range.offset >= end && range.length > 0 && range.offset % 512 === 0);
        end = range.offset + range.length;
      }
      assert.equal(end, blocks * 512);
    }),
  );
});

test('samples lie in their ranges, and both ends are among them', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          offset: fc.nat(1000).map((n) => n * SAMPLE_BYTES),
          length: fc.integer({ min: 1, max: 500 }).map((n) => n * SAMPLE_BYTES),
        }),
        { minLength: 1, maxLength: 4 },
      ),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (ranges, unit) => {
        const samples = chooseSamples(ranges, () => unit, 16);
        assert.ok(samples.length >= 1 && samples.length <= 16);
        for (const sample of samples)
          assert.ok(ranges.some((range) => sample >= range.offset && sample + SAMPLE_BYTES <= range.offset + range.length));
        assert.ok(samples.includes(ranges[0]!.offset));
      },
    ),
  );
});

test('the config drive goes to the end, replaces itself and respects what is there', () => {
  const table: GptTable = {
    diskGuid: 'd',
    blockBytes: 512,
    diskBlocks: 100_000,
    entryCount: 128,
    partitions: [{ number: 1, type: GPT_TYPE_LINUX, guid: 'g', firstLba: 2048, lastLba: 40_959, attributes: 0n, name: 'root' }],
  };
  const first = placeConfigDrive(table, 64 * 2 ** 20, 70_000, 'c');
  assert.ok('partition' in first);
  assert.equal(first.partition.number, 2);
  assert.equal(first.partition.firstLba % 2048, 0);
  const again = placeConfigDrive(first.table, 64 * 2 ** 20, 70_000, 'c');
  assert.deepEqual(again, first);
  assert.ok('reason' in placeConfigDrive(table, 21 * 2 ** 20, 2 ** 20, 'c'));
});

test('health of devices', () => {
  const nvme = Buffer.alloc(512);
  nvme.writeUInt16LE(313, 1);
  nvme.writeUInt32LE(1234, 128);
  assert.deepEqual(decodeNvmeHealth(nvme), { healthy: true, temperatureCelsius: 40, powerOnHours: 1234 });
  const ata = Buffer.alloc(512);
  ata.set([9, 0, 0, 100, 100, 0x10, 0x27, 0, 0, 0, 0], 2);
  ata.set([194, 0, 0, 64, 50, 36, 0, 0, 0, 0, 0], 14);
  assert.deepEqual(decodeAtaSmart(ata, true), { healthy: false, temperatureCelsius: 36, powerOnHours: 10_000 });
  assert.equal(decodeAtaSmart(Buffer.alloc(10), false), undefined);
});

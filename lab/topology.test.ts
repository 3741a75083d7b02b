import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declareRack, RACK_MACHINES_MAX } from './topology.ts';

test('the same seed gives the same rack, another seed another', () => {
  assert.deepEqual(declareRack({ machines: 5, seed: 3 }), declareRack({ machines: 5, seed: 3 }));
  assert.notDeepEqual(declareRack({ machines: 5, seed: 3 }), declareRack({ machines: 5, seed: 4 }));
  assert.deepEqual(declareRack({ machines: 2, seed: 3 }).machines, declareRack({ machines: 5, seed: 3 }).machines.slice(0, 2));
});

test('three kinds of machines, in turns', () => {
  const kinds = declareRack({ machines: 4, seed: 1 }).machines.map((each) => [
    each.firmware,
    each.bmc.protocols.join('+'),
    each.disks[0]!.bus,
  ]);
  assert.deepEqual(kinds, [
    ['bios', 'ipmi', 'virtio'],
    ['uefi', 'redfish', 'nvme'],
    ['bios', 'ipmi+redfish', 'ahci'],
    ['bios', 'ipmi', 'virtio'],
  ]);
});

test('nothing that names a machine is there twice', () => {
  const { machines } = declareRack({ machines: RACK_MACHINES_MAX, seed: 9 });
  const unique = (values: readonly (string | number)[]) => assert.equal(new Set(values).size, values.length);
  unique(machines.map((each) => each.identity.uuid));
  unique(machines.flatMap((each) => [each.identity.serial, each.identity.boardSerial, each.identity.chassisSerial, each.disks[0]!.serial]));
  unique(machines.flatMap((each) => [...each.nics.map((nic) => nic.mac), each.bmc.mac]));
  unique(machines.flatMap((each) => each.nics.map((nic) => nic.switchPort)));
  unique(machines.map((each) => each.bmc.address));
  for (const { bmc } of machines) assert.ok(Number(bmc.address.split('.')[3]) < 255 && bmc.password.length <= 16);
});

test('a rack has some machines, and not too many', () => {
  for (const machines of [0, -1, 1.5, RACK_MACHINES_MAX + 1, NaN]) assert.throws(() => declareRack({ machines, seed: 1 }), RangeError);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../../core/base/malformed.ts';
import { decodeLldp } from './lldp-codec.ts';

const tlv = (type: number, value: Buffer) => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE((type << 9) | value.length);
  return Buffer.concat([head, value]);
};
const header = Buffer.from('0180c200000e02000000000188cc', 'hex');
const frame = Buffer.concat([
  header,
  tlv(1, Buffer.from('040200000000aa', 'hex')),
  tlv(2, Buffer.from('\x05Ethernet1/7')),
  tlv(3, Buffer.from([0, 120])),
  tlv(4, Buffer.from('to rack 1')),
  tlv(5, Buffer.from('leaf-1')),
  tlv(127, Buffer.from('0080c2010064', 'hex')),
  tlv(0, Buffer.alloc(0)),
  Buffer.alloc(20),
]);

test('a switch port tells who it is', () => {
  assert.deepEqual(decodeLldp(frame), {
    chassisId: '02:00:00:00:00:aa',
    portId: 'Ethernet1/7',
    portDescription: 'to rack 1',
    systemName: 'leaf-1',
    vlan: 100,
  });
});

test('network addresses as identifiers', () => {
  const other = Buffer.concat([
    header,
    tlv(1, Buffer.from('05010a4d0001', 'hex')),
    tlv(2, Buffer.from('03020000000001', 'hex')),
    tlv(0, Buffer.alloc(0)),
  ]);
  assert.deepEqual(decodeLldp(other), { chassisId: '10.77.0.1', portId: '02:00:00:00:00:01' });
});

test('cut and random frames never throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat(frame.length).map((length) => frame.subarray(0, length)),
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([header, bytes])),
      ),
      (bytes) => {
        decodeLldp(bytes);
      },
    ),
  );
  assert.ok(isMalformed(decodeLldp(frame.subarray(0, 20))));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { createKcsVmReader, encodeKcsVmControl, encodeKcsVmMessage, VM_CONTROL } from './kcs-vm-codec.ts';

test('messages survive the trip in any pieces, escapes included', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(255), fc.integer({ min: 1, max: 9 }), (data, id, pieceBytes) => {
      const message = { kind: 'message' as const, id, netFn: 0x0a, lun: 2, command: 0xa0, data: Buffer.from(data) };
      const wire = Buffer.concat([encodeKcsVmControl(VM_CONTROL.version, 0xaa), encodeKcsVmMessage(message)]);
      const read = createKcsVmReader();
      const frames = Array.from({ length: Math.ceil(wire.length / pieceBytes) }, (_each, at) =>
        read(wire.subarray(at * pieceBytes, (at + 1) * pieceBytes)),
      ).flat();
      assert.deepEqual(frames, [{ kind: 'control', command: VM_CONTROL.version, value: 0xaa }, message]);
    }),
  );
});

test('known bytes: Get Device ID as QEMU sends it, and a damaged one', () => {
  const wire = Buffer.from([0x01, 0x18, 0x01, 0xe6, 0xa0]);
  assert.deepEqual(createKcsVmReader()(wire), [{ kind: 'message', id: 1, netFn: 6, lun: 0, command: 1, data: Buffer.alloc(0) }]);
  assert.deepEqual(encodeKcsVmControl(VM_CONTROL.version, 0xa0), Buffer.from([0xff, 0xaa, 0xb0, 0xa1]), 'an escaped byte');
  wire[2] = 2;
  assert.ok(isMalformed(createKcsVmReader()(wire)[0]));
});

test('no bytes make the reader throw or grow', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => void createKcsVmReader()(bytes)));
});

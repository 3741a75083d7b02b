import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../../core/base/malformed.ts';
import { decodeSmbios, memoryDevices, smbiosText, smbiosUuid } from './smbios-codec.ts';

const structure = (type: number, fields: Buffer, ...strings: string[]) =>
  Buffer.concat([
    Buffer.from([type, 4 + fields.length, type, 0]),
    fields,
    Buffer.from(strings.length > 0 ? `${strings.join('\0')}\0\0` : '\0\0', 'latin1'),
  ]);

const system = Buffer.concat([Buffer.from([1, 2, 0, 3]), Buffer.from('33221100554477668899aabbccddeeff', 'hex')]);
const memory = (size: number, extended = 0) => {
  const fields = Buffer.alloc(36);
  fields.writeUInt16LE(size, 8);
  fields[12] = 1;
  fields[14] = 0x1a;
  fields.writeUInt16LE(3200, 17);
  fields.set([2, 3, 0, 4], 19);
  fields.writeUInt32LE(extended, 24);
  return structure(17, fields, 'DIMM A1', 'Samsung', 'ABC123', 'M393A');
};
const table = Buffer.concat([
  structure(1, system, 'Dell Inc.', 'PowerEdge', 'SN42'),
  memory(16384),
  memory(0x7fff, 65536),
  memory(0),
  structure(127, Buffer.alloc(0)),
]);

test('system and memory of a table', () => {
  const structures = decodeSmbios(table);
  assert.ok(!isMalformed(structures));
  const [first] = structures;
  assert.equal(smbiosText(first, 4), 'Dell Inc.');
  assert.equal(smbiosText(first, 6), undefined);
  assert.equal(smbiosText(first, 7), 'SN42');
  assert.equal(smbiosUuid(first), '00112233-4455-6677-8899-aabbccddeeff');
  assert.deepEqual(memoryDevices(structures), [
    {
      locator: 'DIMM A1',
      sizeBytes: 16 * 2 ** 30,
      type: 'DDR4',
      speedMtps: 3200,
      manufacturer: 'Samsung',
      serial: 'ABC123',
      partNumber: 'M393A',
    },
    {
      locator: 'DIMM A1',
      sizeBytes: 64 * 2 ** 30,
      type: 'DDR4',
      speedMtps: 3200,
      manufacturer: 'Samsung',
      serial: 'ABC123',
      partNumber: 'M393A',
    },
  ]);
});

test('texts that vendors leave in place of values are no values', () => {
  for (const text of ['To Be Filled By O.E.M.', 'Not Specified', 'Default string', '0000000', ' ']) {
    const structures = decodeSmbios(structure(3, Buffer.from([0, 0, 0, 1]), text));
    assert.ok(!isMalformed(structures));
    assert.equal(smbiosText(structures[0], 7), undefined, text);
  }
});

test('cut and random tables never throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
        fc.nat(table.length).map((length) => table.subarray(0, length)),
      ),
      (bytes) => {
        const structures = decodeSmbios(bytes);
        if (!isMalformed(structures))
          memoryDevices(structures).concat(structures.map((one) => ({ locator: smbiosUuid(one) ?? '', sizeBytes: 0 })));
      },
    ),
  );
});

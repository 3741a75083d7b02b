import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recognize, virtualSizeOf, whyRefused } from './image-format-policy.ts';

/** qcow2 version 3: magic, version, backing file offset and size, …, virtual size at 24, incompatible features at 72. */
function qcow2({ backing = 0n, features = 0n, size = 1n << 30n } = {}): Buffer {
  const head = Buffer.alloc(512);
  head.write('QFI\xfb', 0, 'latin1');
  head.writeUInt32BE(3, 4);
  head.writeBigUInt64BE(backing, 8);
  head.writeBigUInt64BE(size, 24);
  head.writeBigUInt64BE(features, 72);
  return head;
}
const vmdk = (type: string) => Buffer.from(`# Disk DescriptorFile\nversion=1\ncreateType="${type}"\nRW 1 FLAT "/etc/shadow" 0\n`);
const iso = () => {
  const head = Buffer.alloc(34_000);
  head.write('CD001', 32_769);
  return head;
};
const gpt = () => {
  const head = Buffer.alloc(1024);
  head.write('EFI PART', 512);
  return head;
};
const noise = Buffer.from('nobody knows what this is');

test('an image is what it says, or is refused with what it is', () => {
  const cases: readonly (readonly [head: Buffer, disk: string, why: RegExp | undefined])[] = [
    [qcow2(), 'qcow2', undefined],
    [qcow2(), 'raw', /content is qcow2, but the image says that it is raw/],
    [qcow2({ backing: 104n }), 'qcow2', /backing file/],
    [qcow2({ features: 4n }), 'qcow2', /data in another file/],
    [vmdk('monolithicSparse'), 'vmdk', undefined],
    [vmdk('monolithicFlat'), 'vmdk', /monolithicFlat/],
    [vmdk('monolithicFlat'), 'raw', /content is vmdk/],
    [iso(), 'iso', undefined],
    [iso(), 'raw', undefined],
    [gpt(), 'raw', undefined],
    [gpt(), 'qcow2', /content is gpt/],
    [noise, 'raw', undefined],
    [noise, 'qcow2', undefined],
    [Buffer.alloc(0), 'qcow2', undefined],
    [qcow2().subarray(0, 40), 'qcow2', /cut off/],
  ];
  for (const [head, disk, why] of cases) {
    const told = whyRefused(head, disk, 'bare');
    if (why === undefined) assert.equal(told, undefined, disk);
    else assert.match(told ?? '', why);
  }
  assert.equal(whyRefused(qcow2({ backing: 1n }), 'qcow2', 'ova'), undefined, 'inside a container');
});

test('the size that a guest sees', () => {
  assert.equal(virtualSizeOf(qcow2({ size: 5n << 30n }), 'qcow2'), 5 * 2 ** 30);
  assert.equal(virtualSizeOf(noise, recognize(noise)), undefined);
});

test('no bytes break it', () => {
  const magic = fc.constantFrom('', 'QFI\xfb', 'KDMV', 'conectix', 'vhdxfile', '# Disk DescriptorFile', 'LUKS\xba\xbe', 'QED\0');
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 600 }), fc.constantFrom('raw', 'qcow2', 'vmdk', 'vhd', null), (start, rest, disk) => {
      const head = Buffer.concat([Buffer.from(start, 'latin1'), rest]);
      whyRefused(head, disk, 'bare');
      virtualSizeOf(head, recognize(head));
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planImage } from './image-plan-policy.ts';

const sha256 = 'a'.repeat(64);

test('a name on the boot server, its compression told by its ending', () => {
  const plan = planImage({
    image_source: 'debian-1.raw.zst',
    image_os_hash_algo: 'sha256',
    image_os_hash_value: sha256,
    image_disk_size: 1000,
  });
  assert.deepEqual(plan, {
    args: {
      url: 'debian-1.raw.zst',
      format: 'raw',
      compression: 'zstd',
      checksum: sha256,
      checksumAlgorithm: 'sha256',
      diskSizeBytes: 1000,
    },
  });
});

test('a URL with a query, qcow2, and the checksum by its length', () => {
  const plan = planImage({ image_source: 'https://images.test/a/b.qcow2?x=1', image_checksum: 'B'.repeat(32) });
  assert.ok('args' in plan);
  assert.deepEqual([plan.args['format'], plan.args['compression'], plan.args['checksumAlgorithm']], ['qcow2', 'none', 'md5']);
});

test('a partition image: by its type, or by a kernel and a ramdisk beside it; sizes in MiB', () => {
  const image = { image_source: 'root.raw', image_checksum: sha256 };
  const partitionsOf = (info: Record<string, string | number>) => {
    const plan = planImage({ ...image, ...info });
    return 'args' in plan ? plan.args['partitions'] : assert.fail(plan.problem);
  };
  const nothingAround = { swapMib: 0, ephemeralMib: 0, ephemeralFormat: 'ext4', preserveEphemeral: false };
  assert.equal(partitionsOf({}), undefined);
  assert.equal(partitionsOf({ image_type: 'whole-disk', kernel: 'k', ramdisk: 'r' }), undefined);
  assert.deepEqual(partitionsOf({ image_type: 'partition' }), nothingAround);
  assert.deepEqual(partitionsOf({ kernel: 'k', ramdisk: 'r', root_gb: '10' }), { ...nothingAround, rootMib: 10_240 });
  assert.deepEqual(
    partitionsOf({ image_type: 'partition', swap_mb: 512, ephemeral_gb: 2, ephemeral_format: 'vfat', preserve_ephemeral: 'True' }),
    { swapMib: 512, ephemeralMib: 2048, ephemeralFormat: 'vfat', preserveEphemeral: true },
  );
});

const refusals: readonly [string, Record<string, string>, RegExp][] = [
  ['an unknown type', { image_source: 'a.raw', image_checksum: sha256, image_type: 'tape' }, /image_type/],
  ['a size that is no number', { image_source: 'a.raw', image_checksum: sha256, image_type: 'partition', root_gb: 'big' }, /root_gb/],
  [
    'a file system that nobody makes',
    { image_source: 'a.raw', image_checksum: sha256, image_type: 'partition', ephemeral_format: 'ntfs' },
    /ntfs/,
  ],
  ['no source', {}, /image_source is missing/],
  ['no checksum', { image_source: 'a.raw' }, /no image_checksum/],
  [
    'a checksum of another length',
    { image_source: 'a.raw', image_os_hash_algo: 'sha512', image_os_hash_value: sha256 },
    /no sha512 checksum/,
  ],
  ['a scheme that nobody serves', { image_source: 'ftp://x/a.raw', image_checksum: sha256 }, /scheme/],
  ['a format that nobody writes', { image_source: 'a.vmdk', image_checksum: sha256, image_disk_format: 'vmdk' }, /vmdk/],
];
for (const [name, info, reason] of refusals) {
  test(`refused before anything is touched: ${name}`, () => {
    const plan = planImage(info);
    assert.ok('problem' in plan);
    assert.match(plan.problem, reason);
  });
}

test('a file of an image store keeps its path, which is its checksum', () => {
  const sha512 = 'ab'.repeat(64);
  const plan = planImage({
    image_source: `ab/${sha512}`,
    image_os_hash_algo: 'sha512',
    image_os_hash_value: sha512,
    image_disk_format: 'qcow2',
  });
  assert.ok('args' in plan);
  assert.deepEqual([plan.args['url'], plan.args['format'], plan.args['compression']], [`ab/${sha512}`, 'qcow2', 'none']);
});

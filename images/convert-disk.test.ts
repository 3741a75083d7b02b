import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { runCommand } from '../deploy-agent/native-command.ts';
import { convertDisk, type DiskFormat } from './convert-disk.ts';

const work = mkdtempSync(join(tmpdir(), 'rackwright-convert-'));
after(() => rmSync(work, { recursive: true, force: true }));
const at = (name: string) => join(work, name);
const { signal } = new AbortController();
const qemuImg = (...args: string[]) => runCommand('qemu-img', args);

/** Every variant that qemu-img writes and that is taken in: what it is, and how it is asked for. */
const VARIANTS: readonly (readonly [format: DiskFormat, ...options: string[]])[] = [
  ['qcow2', '-O', 'qcow2', '-o', 'compat=0.10'],
  ['qcow2', '-O', 'qcow2', '-o', 'cluster_size=512'],
  ['qcow2', '-O', 'qcow2', '-c'],
  ['qcow2', '-O', 'qcow2', '-c', '-o', 'compression_type=zstd,cluster_size=2M'],
  ['qcow2', '-O', 'qcow2', '-o', 'preallocation=metadata'],
  ['vmdk', '-O', 'vmdk', '-o', 'subformat=monolithicSparse'],
  ['vmdk', '-O', 'vmdk', '-o', 'subformat=streamOptimized'],
  ['vhd', '-O', 'vpc', '-o', 'subformat=fixed,force_size=on'],
  ['vhd', '-O', 'vpc', '-o', 'subformat=dynamic,force_size=on'],
];
const SECTOR = 512;
/** Data here and there on a disk that is mostly holes. */
const disks = fc.record({
  sectors: fc.integer({ min: 1, max: 20_000 }),
  pieces: fc.array(fc.record({ start: fc.nat(20_000), length: fc.integer({ min: 1, max: 300 }), isNoise: fc.boolean() }), { maxLength: 6 }),
});

async function makeDisk({ sectors, pieces }: { sectors: number; pieces: readonly { start: number; length: number; isNoise: boolean }[] }) {
  const file = await open(at('disk.raw'), 'w');
  await file.truncate(sectors * SECTOR);
  for (const { start, length, isNoise } of pieces.filter((piece) => piece.start < sectors)) {
    const bytes = Math.min(length, sectors - start) * SECTOR;
    await file.write(isNoise ? randomBytes(bytes) : Buffer.alloc(bytes, 7), 0, bytes, start * SECTOR);
  }
  await file.close();
  return readFile(at('disk.raw'));
}

test('whatever qemu-img writes becomes the disk that it was made of, and back again', async () => {
  const runs = fc.asyncProperty(disks, fc.constantFrom(...VARIANTS), async (disk, [format, ...options]) => {
    const bytes = await makeDisk(disk);
    await qemuImg('convert', '-f', 'raw', ...options, at('disk.raw'), at('disk.packed'));
    const { diskBytes } = await convertDisk({ file: at('disk.packed'), from: format, output: at('disk.out'), to: 'raw', signal });
    const got = await readFile(at('disk.out'));
    assert.equal(got.length, diskBytes);
    assert.ok(got.subarray(0, bytes.length).equals(bytes), options.join(' '));
    assert.ok(
      got.subarray(bytes.length).every((byte) => byte === 0),
      'what a format rounds up is empty',
    );
    if (format === 'vhd') return;
    await convertDisk({ file: at('disk.raw'), from: 'raw', output: at('disk.back'), to: format, signal });
    await qemuImg('compare', '-f', 'raw', '-F', format, at('disk.raw'), at('disk.back'));
  });
  await fc.assert(runs, { numRuns: 20 });
});

test('a disk of holes takes no room', async () => {
  await qemuImg('create', '-f', 'qcow2', at('wide.qcow2'), '40G');
  const { diskBytes } = await convertDisk({ file: at('wide.qcow2'), from: 'qcow2', output: at('wide.raw'), to: 'raw', signal });
  assert.equal(diskBytes, 40 * 2 ** 30);
  assert.ok((await stat(at('wide.raw'))).blocks * 512 < 2 ** 20);
});

test('what names other files, hides something or is broken is refused by name, and leaves nothing', async () => {
  await writeFile(at('secret'), 'root:x:0:0');
  await qemuImg('create', '-f', 'qcow2', '-F', 'raw', '-b', at('secret'), at('backed.qcow2'), '1M');
  await qemuImg('create', '-f', 'qcow2', '-o', `data_file=${at('outside')},data_file_raw=on`, at('outside.qcow2'), '1M');
  await qemuImg(
    'create',
    '-f',
    'qcow2',
    '--object',
    'secret,id=s,data=abc',
    '-o',
    'encrypt.format=aes,encrypt.key-secret=s',
    at('locked.qcow2'),
    '1M',
  );
  await qemuImg('create', '-f', 'qcow2', at('past.qcow2'), '1M');
  await qemuImg('snapshot', '-c', 'before', at('past.qcow2'));
  await qemuImg('create', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', at('flat.vmdk'), '1M');
  await qemuImg('create', '-f', 'vpc', at('child.vhd'), '1M');
  const child = await readFile(at('child.vhd'));
  child.writeUInt32BE(4, 60);
  await writeFile(at('child.vhd'), child);
  // An extent without a disk is a descriptor in disguise: QEMU would open whatever it names.
  await qemuImg('create', '-f', 'vmdk', at('empty.vmdk'), '1M');
  const empty = await readFile(at('empty.vmdk'));
  empty.writeBigUInt64LE(0n, 12);
  await writeFile(at('empty.vmdk'), empty);
  const vast = await readFile(at('past.qcow2'));
  vast.writeUInt32BE(0, 60);
  vast.writeBigUInt64BE(2n ** 60n, 24);
  await writeFile(at('vast.qcow2'), vast);
  await writeFile(at('noise.qcow2'), randomBytes(4096));
  for (const [name, from, why] of [
    ['backed.qcow2', 'qcow2', /backing file/],
    ['outside.qcow2', 'qcow2', /data in another file/],
    ['locked.qcow2', 'qcow2', /encrypted/],
    ['past.qcow2', 'qcow2', /1 internal snapshots/],
    ['flat.vmdk', 'vmdk', /monolithicFlat/],
    ['empty.vmdk', 'vmdk', /no disk of its own/],
    ['child.vhd', 'vhd', /difference to another file/],
    ['vast.qcow2', 'qcow2', /no usable qcow2|bytes/],
    ['noise.qcow2', 'qcow2', /no usable qcow2/],
  ] as const) {
    await assert.rejects(convertDisk({ file: at(name), from, output: at('refused.raw'), to: 'raw', signal }), why, name);
    assert.ok(!readdirSync(work).includes('refused.raw'), name);
  }
});

test('one that is told to stop stops, and leaves nothing', async () => {
  await qemuImg('create', '-f', 'qcow2', '-o', 'preallocation=falloc', at('large.qcow2'), '300M');
  const stop = new AbortController();
  const converted = convertDisk({ file: at('large.qcow2'), from: 'qcow2', output: at('stopped.raw'), to: 'raw', signal: stop.signal });
  stop.abort(new Error('enough'));
  await assert.rejects(converted, /enough/);
  assert.ok(!readdirSync(work).includes('stopped.raw'));
});

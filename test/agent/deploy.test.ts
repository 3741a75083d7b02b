import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeBootOption, decodeBootOrder } from '../../deploy-agent/agent/firmware/boot-option-codec.ts';
import { decodeGptEntries, decodeGptHeader } from '../../deploy-agent/gpt-codec.ts';
import { runCommand } from '../../deploy-agent/native-command.ts';
import type { AgentReport, AgentStepName, EraseReceipt, WriteImageArgs, WriteImageResult } from '../../deploy-agent/protocol.ts';
import { buildConfigDrive, encodeConfigDrive } from '../../images/configdrive-build.ts';
import { FakeControlPlane, type Identity, makeIdentity } from './fake-control-plane.ts';
import { createFileDisk, type FileDisk, fileDisk, fileDisks, type FileDisksOptions } from './file-disks.ts';
import { makeGptImage } from './gpt-image.ts';
import { ImageServer } from './image-server.ts';
import { FakeFirmware, startMachine } from './machine.ts';

const MIB = 2 ** 20;
const DISK_BYTES = 64 * MIB;

const RAW = makeGptImage();
const digest = (bytes: Buffer, algorithm = 'sha256') => createHash(algorithm).update(bytes).digest('hex');

let work: string;
let identity: Identity;
let images: ImageServer;
let commands = 0;
/** What a failed test leaves running. */
const leftovers: (() => Promise<void>)[] = [];

before(async () => {
  work = await mkdtemp(join(tmpdir(), 'rackwright-agent-'));
  identity = await makeIdentity();
  images = new ImageServer();
  await images.start();
});
after(async () => {
  for (const end of leftovers) await end();
  await images.kill();
  await rm(work, { recursive: true, force: true });
});

async function makeDisk(serial: string, sizeBytes = DISK_BYTES): Promise<FileDisk> {
  const disk = fileDisk(join(work, `${serial}.disk`), serial, sizeBytes);
  await createFileDisk(disk);
  return disk;
}

interface Bench {
  perform(step: AgentStepName, args: object): Promise<AgentReport>;
  /** Lets the session end by its own last step. */
  stop(): Promise<void>;
}

async function start(disks: readonly FileDisk[], options: FileDisksOptions = {}, firmware = new FakeFirmware('bios')): Promise<Bench> {
  const controlPlane = new FakeControlPlane(identity);
  await controlPlane.start();
  commands += 1;
  const machine = startMachine({
    controlPlane,
    journalFile: join(work, `journal-${commands}.json`),
    disks: fileDisks(disks, options),
    firmware,
    imageBase: images.url,
  });
  const end = () => {
    machine.close();
    return controlPlane.kill();
  };
  leftovers.push(end);
  const perform = (step: AgentStepName, args: object) => {
    commands += 1;
    const id = `command-${commands}`;
    controlPlane.order({ id, step, args: JSON.parse(JSON.stringify(args)), timeoutSeconds: 60 });
    return controlPlane.finalReport(id);
  };
  return {
    perform,
    async stop() {
      await perform('sync_and_stop', {});
      assert.equal(await machine.ended, 'stopped');
      await end();
    },
  };
}

const planned = (disk: FileDisk) => ({ serial: disk.facts.serial!, sizeBytes: disk.facts.sizeBytes });

function offer(name: string, bytes: Buffer, disk: FileDisk, more: Partial<WriteImageArgs> = {}): WriteImageArgs {
  images.files.set(`/${name}`, bytes);
  return {
    url: `/${name}`,
    format: 'raw',
    compression: 'none',
    checksum: digest(bytes),
    checksumAlgorithm: 'sha256',
    sizeBytes: bytes.length,
    diskSizeBytes: RAW.length,
    disk: planned(disk),
    ...more,
  };
}

async function assertImageOnDisk(disk: FileDisk): Promise<void> {
  const content = await readFile(disk.path);
  // All but the two tables is as in the image, zeros included.
  assert.ok(content.subarray(34 * 512, RAW.length - 33 * 512).equals(RAW.subarray(34 * 512, RAW.length - 33 * 512)));
  assert.equal(content[0], 0x90);
  const primary = decodeGptHeader(content.subarray(512, 1024));
  assert.ok(!isMalformed(primary));
  assert.equal(primary.otherLba, disk.facts.sizeBytes / 512 - 1);
  const backup = decodeGptHeader(content.subarray(content.length - 512));
  assert.ok(!isMalformed(backup) && !isMalformed(decodeGptEntries(backup, content.subarray(backup.entriesLba * 512))));
}

/** Neither end of the disk holds a partition table any more. */
async function assertNotBootable(disk: FileDisk): Promise<void> {
  const content = await readFile(disk.path);
  assert.ok(content.subarray(0, MIB).equals(Buffer.alloc(MIB)));
  assert.ok(content.subarray(content.length - MIB).equals(Buffer.alloc(MIB)));
}

const packings: readonly (readonly [WriteImageArgs['compression'], (bytes: Buffer) => Promise<Buffer> | Buffer])[] = [
  ['none', (bytes) => bytes],
  ['gzip', (bytes) => gzipSync(bytes, { level: 1 })],
  // Two frames one after the other, as parallel packers write them.
  ['zstd', (bytes) => Buffer.concat([zstdCompressSync(bytes.subarray(0, 7 * MIB)), zstdCompressSync(bytes.subarray(7 * MIB))])],
  ['xz', (bytes) => runCommand('xz', ['-0', '-c'], { input: bytes })],
];

test("raw images of every packing arrive whole, with the partition table at the disk's end", async () => {
  const disk = await makeDisk('PACK1');
  const machine = await start([disk]);
  for (const [compression, pack] of packings) {
    await createFileDisk(disk);
    const report = await machine.perform(
      'write_image',
      offer(`raw.${compression}`, await pack(RAW), disk, {
        compression,
        ...(compression === 'gzip' ? { checksumAlgorithm: 'md5', checksum: digest(await pack(RAW), 'md5') } : {}),
      }),
    );
    assert.equal(report.status, 'succeeded', JSON.stringify(report.error));
    const result = report.result as unknown as WriteImageResult;
    assert.equal(result.verified, true);
    assert.equal(result.imageBytes, RAW.length);
    assert.ok(result.writtenBytes < 6 * MIB);
    await assertImageOnDisk(disk);
  }
  await machine.stop();
});

test('qcow2 images made by qemu-img, plain and with packed clusters, parked on the disk and in memory', async () => {
  await writeFile(join(work, 'image.raw'), RAW);
  for (const [serial, options, diskBytes] of [
    ['QCOW1', [], DISK_BYTES],
    ['QCOW2', ['-c'], DISK_BYTES],
    ['QCOW3', ['-c', '-o', 'compression_type=zstd'], 24 * MIB],
  ] as const) {
    await runCommand('qemu-img', ['convert', '-O', 'qcow2', ...options, join(work, 'image.raw'), join(work, 'image.qcow2')]);
    const disk = await makeDisk(serial, diskBytes);
    const machine = await start([disk]);
    const report = await machine.perform(
      'write_image',
      offer('image.qcow2', await readFile(join(work, 'image.qcow2')), disk, { format: 'qcow2' }),
    );
    assert.equal(report.status, 'succeeded', JSON.stringify(report.error));
    await assertImageOnDisk(disk);
    await machine.stop();
  }
});

test('a dropped connection and a restarted server cost no byte', async () => {
  const disk = await makeDisk('DROP1');
  const machine = await start([disk]);
  images.ranges.length = 0;
  images.behaviour = { breakAfterBytes: 6 * MIB };
  let breaks = 0;
  images.onBreak = () => {
    breaks += 1;
    // The second break is the server's death.
    if (breaks === 2) void images.kill().then(() => setTimeout(() => void images.start(), 300));
  };
  const report = await machine.perform('write_image', offer('dropped', RAW, disk));
  images.behaviour = {};
  images.onBreak = () => {};
  assert.equal(report.status, 'succeeded', JSON.stringify(report.error));
  assert.ok(images.ranges.slice(1).every((range) => range !== undefined));
  await assertImageOnDisk(disk);
  await machine.stop();
});

test('a server that ignores ranges is read again from its beginning', async () => {
  const disk = await makeDisk('RANGE1');
  const machine = await start([disk]);
  images.behaviour = { breakAfterBytes: 6 * MIB, ignoreRange: true };
  images.onBreak = () => (images.behaviour = { ignoreRange: true });
  const report = await machine.perform('write_image', offer('ranges', RAW, disk));
  images.behaviour = {};
  images.onBreak = () => {};
  assert.equal(report.status, 'succeeded', JSON.stringify(report.error));
  await assertImageOnDisk(disk);
  await machine.stop();
});

test('bad images end with a named cause and a disk that cannot boot', async () => {
  const disk = await makeDisk('BAD1');
  const machine = await start([disk]);
  const packed = zstdCompressSync(RAW, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  const damaged = Buffer.from(packed);
  damaged.fill(0x55, packed.length >> 1, (packed.length >> 1) + 64);
  const expectFailure = async (code: string, args: WriteImageArgs) => {
    const report = await machine.perform('write_image', args);
    assert.equal(report.error?.code, code, JSON.stringify(report));
    assert.ok(report.error.advice.length > 0);
    await assertNotBootable(disk);
  };
  await expectFailure('image-checksum', offer('bad', RAW, disk, { checksum: digest(Buffer.from('other')) }));
  await expectFailure('image-checksum', offer('bad', damaged, disk, { compression: 'zstd', checksum: digest(packed) }));
  await expectFailure('image-format', offer('bad', damaged, disk, { compression: 'zstd' }));
  await expectFailure('image-format', offer('bad', RAW, disk, { format: 'qcow2' }));
  await expectFailure('image-short', offer('bad', RAW.subarray(0, 9 * MIB), disk, { sizeBytes: RAW.length, checksum: digest(RAW) }));
  await expectFailure('image-unreachable', offer('bad', RAW, disk, { url: '/nowhere' }));
  images.behaviour = { promiseMoreBytes: MIB };
  const { sizeBytes: _, ...unsized } = offer('bad', RAW, disk);
  await expectFailure('image-short', unsized);
  images.behaviour = {};
  await machine.stop();
});

test('the guard: wrong serial, wrong size, too small; the disks keep every byte', async () => {
  const disk = await makeDisk('GUARD1');
  const small = await makeDisk('GUARD2', 16 * MIB);
  const before = [digest(await readFile(disk.path)), digest(await readFile(small.path))];
  const machine = await start([disk, small]);
  const codes: (string | undefined)[] = [];
  for (const args of [
    offer('guard', RAW, disk, { disk: { serial: 'SOMEONE-ELSES', sizeBytes: DISK_BYTES } }),
    offer('guard', RAW, disk, { disk: { serial: 'GUARD1', sizeBytes: DISK_BYTES + 512 } }),
    offer('guard', RAW, small),
    { ...offer('guard', RAW, disk), disk: {} as never },
    offer('guard', RAW, disk, { format: 'vmdk' as never }),
  ]) {
    codes.push((await machine.perform('write_image', args)).error?.code);
  }
  assert.deepEqual(codes, ['disk-not-found', 'disk-not-in-plan', 'disk-too-small', 'step-arguments', 'step-arguments']);
  assert.deepEqual([digest(await readFile(disk.path)), digest(await readFile(small.path))], before);
  // Without a size in the record the writer itself finds out.
  const { diskSizeBytes: _, ...unsized } = offer('guard', RAW, small);
  assert.equal((await machine.perform('write_image', unsized)).error?.code, 'disk-too-small');
  await assertNotBootable(small);
  await machine.stop();
});

test('a disk that fails or lies is named', async () => {
  const disk = await makeDisk('LIAR1');
  const failing = await start([disk], { failWrite: (offset) => offset === 6 * MIB });
  assert.equal((await failing.perform('write_image', offer('liar', RAW, disk))).error?.code, 'disk-write');
  await failing.stop();
  const lying = await start([disk], {
    corruptRead: (offset, bytes) => void (offset >= 6 * MIB && offset < 7 * MIB && (bytes[100] = bytes[100]! ^ 1)),
  });
  const report = await lying.perform('write_image', offer('liar', RAW, disk));
  assert.equal(report.error?.code, 'disk-write');
  assert.match(report.error.message, /gives back other bytes/);
  await lying.stop();
});

test('config drive and boot entry: at the end of the disk, and the same when done twice', async () => {
  const disk = await makeDisk('CONF1');
  const firmware = new FakeFirmware('uefi');
  firmware.write('Boot0000', Buffer.from('0100000004005500490041007000700000007fff0400', 'hex'));
  firmware.write('BootOrder', Buffer.from([0, 0]));
  const machine = await start([disk], {}, firmware);
  assert.equal((await machine.perform('write_image', offer('conf', RAW, disk))).status, 'succeeded');
  const iso = buildConfigDrive({ metaData: { hostname: 'web1' }, userData: 'x'.repeat(1.5 * MIB) });
  for (const round of [1, 2]) {
    const report = await machine.perform('write_configdrive', { disk: planned(disk), configDrive: encodeConfigDrive(iso) });
    assert.equal(report.status, 'succeeded', JSON.stringify(report.error));
    const listed = (await runCommand('sfdisk', ['-d', disk.path])).toString();
    const line = listed.split('\n').filter((one) => one.includes('name="config-2"'));
    assert.equal(line.length, 1, `round ${round}\n${listed}`);
    const first = Number(/start=\s*(\d+)/.exec(line[0]!)![1]);
    assert.ok((await readFile(disk.path)).subarray(first * 512, first * 512 + iso.length).equals(iso));
    assert.match((await runCommand('sgdisk', ['-v', disk.path])).toString(), /No problems found/);
    assert.equal((await machine.perform('install_boot_entry', { disk: planned(disk) })).status, 'succeeded');
    assert.deepEqual(decodeBootOrder(firmware.read('BootOrder')), [1, 0]);
    const option = decodeBootOption(firmware.read('Boot0001')!);
    assert.ok(!isMalformed(option) && option.description === 'Rackwright');
  }
  assert.equal((await machine.perform('write_configdrive', { disk: planned(disk), configDrive: 'rubbish' })).error?.code, 'step-arguments');
  await machine.stop();
});

test('cleaning: the metadata wipe and the full erase leave receipts', async () => {
  const disk = await makeDisk('CLEAN1');
  const solid = fileDisk(join(work, 'solid.disk'), 'CLEAN2', DISK_BYTES, { rotational: false, canDiscard: true });
  await createFileDisk(solid);
  const machine = await start([disk, solid]);
  assert.equal((await machine.perform('write_image', offer('clean', RAW, disk))).status, 'succeeded');
  const wipe = await machine.perform('erase_devices_metadata', { disks: [planned(disk)] });
  const [receipt] = wipe.result as unknown as EraseReceipt[];
  assert.equal(receipt!.method, 'metadata-wipe');
  assert.equal(receipt!.samplesRead, receipt!.samplesZero);
  await assertNotBootable(disk);
  const content = await readFile(disk.path);
  assert.ok(content.subarray(10240 * 512, 10240 * 512 + MIB).equals(Buffer.alloc(MIB)), 'the start of the root partition');
  const erased = await machine.perform('erase_devices', { disks: [planned(disk), planned(solid)] });
  assert.deepEqual(
    (erased.result as unknown as EraseReceipt[]).map((one) => one.method),
    ['overwrite-zero', 'discard'],
  );
  assert.ok((await readFile(disk.path)).equals(Buffer.alloc(DISK_BYTES)));
  const wrong = await machine.perform('erase_devices_metadata', { disks: [planned(disk), { serial: 'X', sizeBytes: 1 }] });
  assert.equal(wrong.error?.code, 'disk-not-found');
  await machine.stop();
});

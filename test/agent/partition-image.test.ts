import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { LoaderTarget, PartitionHost } from '../../deploy-agent/agent/instance/partition-host.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeGptEntries, decodeGptHeader, type GptPartition } from '../../deploy-agent/gpt-codec.ts';
import { runCommand } from '../../deploy-agent/native-command.ts';
import type { AgentReport, AgentStepName, PartitionRequest } from '../../deploy-agent/protocol.ts';
import { FakeControlPlane, makeIdentity } from './fake-control-plane.ts';
import { createFileDisk, fileDisk, fileDisks, type FileDisk } from './file-disks.ts';
import { ImageServer } from './image-server.ts';
import { FakeFirmware, startMachine } from './machine.ts';

/* A partition image on disks that are files: the root is a real ext4 file system; other file systems and the loader are asked for by the names of their devices. */
const MIB = 2 ** 20;
const DISK_BYTES = 256 * MIB;
/** An EFI system partition alone takes 550 MiB. */
const UEFI_DISK_BYTES = 800 * MIB;
const REQUEST: PartitionRequest = { rootMib: 64, swapMib: 32, ephemeralMib: 48, ephemeralFormat: 'ext4', preserveEphemeral: false };

let work: string;
let images: ImageServer;
let root: Buffer;

before(async () => {
  work = await mkdtemp(join(tmpdir(), 'rackwright-partition-'));
  images = new ImageServer();
  await images.start();
  const file = join(work, 'root.img');
  await writeFile(file, '');
  await truncate(file, 16 * MIB);
  await runCommand('mke2fs', ['-q', '-t', 'ext4', '-L', 'rootfs', file]);
  root = await readFile(file);
  images.files.set('/root.img', root);
});
after(async () => {
  await images.kill();
  await rm(work, { recursive: true, force: true });
});

interface Asked extends PartitionHost {
  readonly formats: string[];
  readonly loaders: Omit<LoaderTarget, 'signal'>[];
}

const recordAsked = (): Asked => {
  const asked: Pick<Asked, 'formats' | 'loaders'> = { formats: [], loaders: [] };
  return {
    ...asked,
    format: async (device, fileSystem, label) => void asked.formats.push(`${device} ${fileSystem} ${label}`),
    async installLoader({ disk, root, efi }) {
      asked.loaders.push({ disk, root, efi });
      return { command: 'grub-install' };
    },
  };
};

async function perform(disk: FileDisk, mode: 'bios' | 'uefi', partitions: PartitionHost, steps: readonly [AgentStepName, object][]) {
  const controlPlane = new FakeControlPlane(await makeIdentity());
  await controlPlane.start();
  const machine = startMachine({
    controlPlane,
    journalFile: join(work, `${disk.facts.serial}-journal.json`),
    disks: fileDisks([disk]),
    firmware: new FakeFirmware(mode),
    partitions,
    imageBase: images.url,
  });
  try {
    const reports: AgentReport[] = [];
    for (const [at, [step, args]] of steps.entries()) {
      const id = `${disk.facts.serial}-${at}-${performance.now()}`;
      controlPlane.order({ id, step, args: JSON.parse(JSON.stringify(args)), timeoutSeconds: 60 });
      reports.push(await controlPlane.finalReport(id));
    }
    return reports;
  } finally {
    machine.close();
    await controlPlane.kill();
  }
}

const planned = (disk: FileDisk) => ({ serial: disk.facts.serial!, sizeBytes: disk.facts.sizeBytes });
const imageArgs = (disk: FileDisk, partitions: PartitionRequest, checksum = createHash('sha256').update(root).digest('hex')) => ({
  url: '/root.img',
  format: 'raw',
  compression: 'none',
  checksum,
  checksumAlgorithm: 'sha256',
  partitions,
  disk: planned(disk),
});

async function readPiece({ path }: FileDisk, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset).finally(() => file.close());
  return buffer;
}

async function partitionsOf(disk: FileDisk): Promise<GptPartition[]> {
  const header = decodeGptHeader(await readPiece(disk, 512, 512));
  if (isMalformed(header)) return [];
  const entries = decodeGptEntries(header, await readPiece(disk, 1024, 128 * 128));
  return isMalformed(entries) ? [] : entries;
}

test('a partition image gets its root, and around it what was asked for; then its own loader is installed', async () => {
  const disk = fileDisk(join(work, 'uefi.disk'), 'uefi', UEFI_DISK_BYTES);
  await createFileDisk(disk, 0);
  const asked = recordAsked();
  const [written, loader] = await perform(disk, 'uefi', asked, [
    ['write_image', imageArgs(disk, REQUEST)],
    ['install_bootloader', { disk: planned(disk) }],
  ]);
  assert.equal(written!.status, 'succeeded', JSON.stringify(written!.error));
  assert.equal(loader!.status, 'succeeded', JSON.stringify(loader!.error));
  const found = await partitionsOf(disk);
  assert.deepEqual(
    found.map(({ name }) => name),
    ['efi', 'ephemeral', 'swap', 'root'],
  );
  const at = found[3]!.firstLba * 512;
  assert.ok((await readPiece(disk, at, root.length)).equals(root), 'the root file system is there, byte for byte');
  assert.deepEqual(asked.formats, ['/dev/uefi1 vfat ESP', '/dev/uefi3 swap swap1', '/dev/uefi2 ext4 ephemeral0']);
  assert.deepEqual(asked.loaders, [{ disk: '/dev/uefi', root: '/dev/uefi4', efi: '/dev/uefi1' }]);
});

test('a rebuild keeps the ephemeral partition, also when the image turns out to be damaged', async () => {
  const disk = fileDisk(join(work, 'keep.disk'), 'keep', DISK_BYTES);
  await createFileDisk(disk, 0);
  await perform(disk, 'bios', recordAsked(), [['write_image', imageArgs(disk, REQUEST)]]);
  const ephemeral = (await partitionsOf(disk)).find(({ name }) => name === 'ephemeral')!;
  const [from, bytes] = [ephemeral.firstLba * 512, (ephemeral.lastLba - ephemeral.firstLba + 1) * 512];
  const content = Buffer.alloc(bytes, 0x77);
  const file = await open(disk.path, 'r+');
  await file.write(content, 0, bytes, from).finally(() => file.close());
  const asked = recordAsked();
  const keep = { ...REQUEST, preserveEphemeral: true };
  const [damaged, rebuilt] = await perform(disk, 'bios', asked, [
    ['write_image', imageArgs(disk, keep, 'ab'.repeat(32))],
    ['write_image', imageArgs(disk, keep)],
  ]);
  assert.equal(damaged!.error?.code, 'image-checksum');
  assert.equal(rebuilt!.status, 'succeeded', JSON.stringify(rebuilt!.error));
  assert.ok((await readPiece(disk, from, bytes)).equals(content));
  assert.ok(asked.formats.every((line) => !line.includes('ephemeral')));
});

test('partitions that do not fit are refused before anything is touched', async () => {
  const disk = fileDisk(join(work, 'small.disk'), 'small', 64 * MIB);
  await createFileDisk(disk);
  const before = await readFile(disk.path);
  const [report] = await perform(disk, 'bios', recordAsked(), [['write_image', imageArgs(disk, REQUEST)]]);
  assert.equal(report!.error?.code, 'disk-too-small');
  assert.match(report!.error!.message, /need 146 MiB/);
  assert.ok((await readFile(disk.path)).equals(before));
});

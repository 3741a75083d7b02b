import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeBootToken } from '../../core/base/boot-token-codec.ts';
import { systemClock } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import type { MachineEvent } from '../../core/base/machine-event.ts';
import { systemRandom } from '../../core/base/random.ts';
import { readImage, type Giving } from '../../deploy-agent/read-image.ts';
import { startBootPlane, type BootPlane } from '../../pxe/boot-plane.ts';

/** Machines that get one image at once, from a real boot server and from each other. */
const MIB = 2 ** 20;
const IMAGE = randomBytes(64 * MIB);
const SHA256 = createHash('sha256').update(IMAGE).digest('hex');
const SECRET = Buffer.alloc(32, 7);
const events: MachineEvent[] = [];
let directory: string;
let plane: BootPlane;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackwright-spread-'));
  await mkdir(join(directory, 'images'));
  await writeFile(join(directory, 'images/big.raw'), IMAGE);
  await writeFile(join(directory, 'images/small.raw'), IMAGE.subarray(0, MIB));
  const files = {
    agentKernel: '',
    agentRamdisk: '',
    agentCommandLine: '',
    ipxeDirectory: directory,
    imageDirectory: join(directory, 'images'),
  };
  plane = await startBootPlane({
    model: { version: 1, subnets: [], hosts: [], files, bootSecret: SECRET.toString('base64') },
    dataDirectory: join(directory, 'data'),
    httpPort: 0,
    tftpPort: 0,
    listenAddress: '127.0.0.1',
    recordEvent: (event) => events.push(event),
    storeLeases: async () => {},
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
});
after(async () => {
  await plane?.stop();
  await rm(directory, { recursive: true, force: true });
});

let machines = 0;
const get = (image: string, giving: Giving) => {
  machines += 1;
  const mac = `52:54:00:00:02:${machines.toString(16).padStart(2, '0')}`;
  const token = encodeBootToken({ mac, expiresAtMs: Date.now() + 60_000 }, SECRET);
  const url = new URL(`http://127.0.0.1:${plane.addresses().httpPort}/images/${token}/${image}`);
  return readImage({ url, giving, heldBytesMax: 32 * MIB });
};
const sentBytes = () => plane.metrics()['http.bytes'] ?? 0;

test('eight machines cost the server less than two copies, and each has the whole image', async () => {
  const before = sentBytes();
  const all = await Promise.all(Array.from({ length: 8 }, () => get('big.raw', 'well')));
  assert.deepEqual(new Set(all.map(({ sha256 }) => sha256)), new Set([SHA256]));
  assert.ok(sentBytes() - before < 2 * IMAGE.length, `${(sentBytes() - before) / IMAGE.length} copies`);
  const told = events.filter(({ kind }) => kind === 'http.spread');
  assert.equal(told.length, 8, 'the timeline of each says where its image came from');
  for (const { evidence } of told) assert.equal(Number(evidence?.['fromServer']) + Number(evidence?.['fromMachines']), IMAGE.length);
});

test('one that is slow and one that corrupts what it passes on spoil nobody’s image', async () => {
  const all = await Promise.all((['slowly', 'corrupt', 'well', 'well', 'well', 'well'] as const).map((giving) => get('big.raw', giving)));
  assert.deepEqual(new Set(all.map(({ sha256 }) => sha256)), new Set([SHA256]));
});

test('a small image is read whole from the server', async () => {
  const { sha256 } = await get('small.raw', 'well');
  assert.equal(sha256, createHash('sha256').update(IMAGE.subarray(0, MIB)).digest('hex'));
});

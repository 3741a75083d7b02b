import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { silentLogger } from '../../core/base/logger.ts';
import type { FlowDefinition } from '../../core/flow/flow-definition.ts';
import { runCommand } from '../../deploy-agent/native-command.ts';
import { imageReadyFlow } from '../../flows/image-ready-flow.ts';
import { readyImageStep } from '../../flows/ready-image-step.ts';
import { createWebSource } from '../../core/transfer/web-source.ts';
import type { ImageData } from '../../images/image-data-service.ts';
import { localImageStore } from '../../images/local-image-store.ts';
import { startDatabaseRig } from '../core/database-rig.ts';
import { begin, ended, makeEngine, step, until } from '../core/flow-rig.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** Images that machines can not take as they are: converted once, for all, near them; or when they are imported. */
const work = mkdtempSync(join(tmpdir(), 'rackwright-conversion-'));
const data = join(work, 'data');
const disk = Buffer.concat([randomBytes(300_000), Buffer.alloc(8 * 2 ** 20 - 300_000)]);
const qcow2 = join(work, 'disk.qcow2');
let serve: ServeProcess;
const start = () => startServe(data, { args: ['--config', join(work, 'serve.yaml')] });

before(async () => {
  await writeFile(join(work, 'disk.raw'), disk);
  await runCommand('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-c', join(work, 'disk.raw'), qcow2]);
  await writeFile(join(work, 'serve.yaml'), 'images: {convert_imports_to: raw}\n');
  serve = await start();
});
after(async () => {
  await serve?.kill('SIGTERM');
  rmSync(work, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: unknown) => serve.call(method, `/image/v2${path}`, body);
async function image(format: string): Promise<string> {
  const { body } = await call('POST', '/images', { name: 'i', disk_format: format, container_format: 'bare' });
  return String(body['id']);
}
async function send(id: string, place: 'file' | 'stage', bytes: Buffer): Promise<void> {
  const { status } = await fetch(`${serve.endpoint}/image/v2/images/${id}/${place}`, {
    method: 'PUT',
    headers: { ...serve.headers, 'content-type': 'application/octet-stream' },
    body: bytes as unknown as string,
  });
  assert.equal(status, 204);
}
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
const near = () => filesBelow(join(data, 'images-near'));
const cached = async () =>
  (await call('GET', '/cache')).body as unknown as { queued_images: string[]; cached_images: { image_id: string; size: number }[] };
const isCached = (id: string) =>
  until('the image to be near', async () => (await cached()).cached_images.find((one) => one.image_id === id));
async function audit(): Promise<unknown[]> {
  const { body } = await serve.call('GET', '/baremetal/v1/audit');
  return (body['checks'] as { found: unknown[] }[]).flatMap(({ found }) => found);
}

test('what is cached of a qcow2 image is its disk, packed; it is shared by images of the same bytes and goes with the last', async () => {
  const [one, other] = [await image('qcow2'), await image('qcow2')];
  for (const id of [one, other]) await send(id, 'file', await readFile(qcow2));
  assert.equal((await call('PUT', `/cache/${one}`)).status, 202);
  const { size } = await isCached(one);
  assert.ok((await isCached(other)).size > 0, 'the other has the same bytes');
  const [file, ...more] = near();
  assert.deepEqual(more, []);
  const packed = await readFile(file!);
  assert.equal(packed.length, size);
  assert.ok(zstdDecompressSync(packed).equals(disk));
  assert.ok(file!.endsWith(createHash('sha512').update(packed).digest('hex')));
  await until('staging to be empty', async () => readdirSync(join(data, 'images-staging')).length === 0);
  assert.deepEqual(await audit(), []);
  await call('DELETE', `/images/${one}`);
  assert.equal(near().length, 1);
  await call('DELETE', `/images/${other}`);
  assert.deepEqual(near(), []);
});

test('an import converts, and the image says what it is now', async () => {
  const id = await image('qcow2');
  await send(id, 'stage', await readFile(qcow2));
  await call('POST', `/images/${id}/import`, { method: { name: 'glance-direct' } });
  const shown = await until('the import', async () => {
    const { body } = await call('GET', `/images/${id}`);
    return body['status'] === 'active' && body;
  });
  const sha512 = createHash('sha512').update(disk).digest('hex');
  assert.deepEqual(
    [shown['disk_format'], shown['size'], shown['virtual_size'], shown['os_hash_value']],
    ['raw', disk.length, disk.length, sha512],
  );
  assert.deepEqual(readdirSync(join(data, 'images-staging')), []);
  await call('DELETE', `/images/${id}`);
});

test('killed while it converts, it leaves nothing half done', async () => {
  const large = join(work, 'large.raw');
  await writeFile(large, randomBytes(160 * 2 ** 20));
  await runCommand('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', large, join(work, 'large.qcow2')]);
  const id = await image('qcow2');
  await send(id, 'file', await readFile(join(work, 'large.qcow2')));
  await call('PUT', `/cache/${id}`);
  await until('bytes on their way', async () => readdirSync(join(data, 'images-staging')).some((name) => name.endsWith('.disk')));
  await serve.kill('SIGKILL');
  // What was queued is brought near by whoever starts next.
  serve = await start();
  await isCached(id);
  assert.equal(near().length, 1);
  await until('staging to be empty', async () => readdirSync(join(data, 'images-staging')).length === 0);
  assert.deepEqual(await audit(), []);
  await call('DELETE', '/cache');
  assert.deepEqual(near(), []);
});

test('twenty deployments of one image wait for one conversion, and learn when it can not be', async () => {
  const rig = await startDatabaseRig();
  try {
    const database = await rig.freshDatabase();
    const folder = join(work, 'flows');
    const store = localImageStore({ id: 'local', directory: join(folder, 'images') });
    const images: ImageData = {
      web: createWebSource([]),
      db: database.db,
      logger: silentLogger,
      stores: {
        all: [store],
        stagingDirectory: join(folder, 'staging'),
        near: localImageStore({ id: 'near', directory: join(folder, 'near') }),
      },
    };
    const plan = step('plan', async ({ input }) => ({ kind: 'done', patch: { ...input, image: { format: 'raw' } } }));
    const deploy: FlowDefinition = { kind: 'a.deploy', version: 1, steps: [plan, readyImageStep({ images })] };
    const engine = makeEngine(database, [deploy, imageReadyFlow(images)]);
    await mkdir(folder);
    await engine.start();
    for (const [bytes, isGood] of [
      [await readFile(qcow2), true],
      [(await readFile(qcow2)).fill(0xff, 65_536), false],
    ] as const) {
      const { source, id } = await stored(images, bytes, folder);
      const input = { rendition: { source, image: id } };
      const ids = await Promise.all(Array.from({ length: 20 }, () => begin(database, 'a.deploy', { input })));
      for (const each of ids) {
        const flow = await ended(database, each);
        assert.equal(flow.status, isGood ? 'succeeded' : 'failed', JSON.stringify(flow.error));
        if (!isGood) assert.equal(flow.error?.code, 'image-conversion');
      }
      const conversions = await database.db
        .selectFrom('flow')
        .select('status')
        .where('kind', '=', 'image.ready')
        .where('subject_id', '=', id)
        .execute();
      assert.ok(conversions.filter(({ status }) => status === 'succeeded').length <= 2, 'one makes it; a late one may look once more');
    }
    assert.equal(filesBelow(join(folder, 'near')).length, 1);
    assert.deepEqual(readdirSync(join(folder, 'staging')), []);
    await engine.stop();
  } finally {
    await rig.close();
  }
});

/** An image of these bytes, as an upload leaves it. */
async function stored({ db, stores }: ImageData, bytes: Buffer, folder: string): Promise<{ readonly source: string; readonly id: string }> {
  const source = createHash('sha512').update(bytes).digest('hex');
  const [file, id] = [join(folder, 'upload'), randomUUID()];
  await writeFile(file, bytes);
  await stores.all[0].put(source, file, { sizeBytes: bytes.length, signal: new AbortController().signal });
  await db.insertInto('image_blob').values({ store: 'local', sha512: source, size: bytes.length }).execute();
  await db
    .insertInto('image')
    .values({ id, status: 'active', disk_format: 'qcow2', container_format: 'bare', size: bytes.length, properties: '{}' })
    .execute();
  await db
    .insertInto('image_location')
    .values({ image_id: id, position: 0, store: 'local', sha512: source, url: null, metadata: '{}' })
    .execute();
  return { source, id };
}

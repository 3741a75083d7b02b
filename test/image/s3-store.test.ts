import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { s3ImageStore } from '../../images/s3-image-store.ts';
import { sha256, signRequest } from '../../images/s3/signature-codec.ts';
import { until } from '../core/flow-rig.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';
import { startS3Server, type S3Server } from './s3-server.ts';

/** Images in a bucket of an S3 server that others wrote (Swift's), beside a directory, and a store that is not there. */
const work = mkdtempSync(join(tmpdir(), 'rackwright-s3-'));
const credentialsFile = join(work, 'credentials');
let s3: S3Server;
let serve: ServeProcess;
const start = () => startServe(join(work, 'data'), { args: ['--config', join(work, 'serve.yaml')] });

before(async () => {
  s3 = await startS3Server();
  await writeFile(credentialsFile, `[default]\naws_access_key_id = ${s3.accessKey}\naws_secret_access_key = ${s3.secretKey}\n`);
  await bucket('PUT', '/images');
  const stores = [
    `{id: cloud, s3: {endpoint: "${s3.endpoint}", bucket: images, prefix: os/, credentials_file: "${credentialsFile}"}}`,
    `{id: near-by, directory: "${join(work, 'local')}"}`,
    `{id: gone, s3: {endpoint: "http://127.0.0.1:9", bucket: images, credentials_file: "${credentialsFile}"}}`,
  ];
  await writeFile(join(work, 'serve.yaml'), `images: {stores: [${stores.join(', ')}]}\n`);
  serve = await start();
});
after(async () => {
  await serve?.kill('SIGTERM');
  await s3?.close();
  rmSync(work, { recursive: true, force: true });
});

async function bucket(method: string, path: string): Promise<string> {
  const url = new URL(path, s3.endpoint);
  const credentials = { accessKeyId: s3.accessKey, secretAccessKey: s3.secretKey };
  const headers = signRequest({ method, url, headers: {}, bodySha256: sha256('') }, credentials, 'us-east-1', Date.now());
  const answer = await fetch(url, { method, headers });
  return answer.text();
}
const keys = async () => [...(await bucket('GET', '/images')).matchAll(/<Key>([^<]+)<\/Key>/g)].map((match) => match[1]);
const uploads = async () => [...(await bucket('GET', '/images?uploads')).matchAll(/<UploadId>/g)].length;

const call = (method: string, path: string, body?: unknown) => serve.call(method, `/image/v2${path}`, body);
async function image(): Promise<string> {
  const { body } = await call('POST', '/images', { name: 'i', disk_format: 'raw', container_format: 'bare' });
  return String(body['id']);
}
const send = (id: string, place: 'file' | 'stage', bytes: Buffer) =>
  fetch(`${serve.endpoint}/image/v2/images/${id}/${place}`, {
    method: 'PUT',
    headers: { ...serve.headers, 'content-type': 'application/octet-stream' },
    body: bytes as unknown as string,
  });
async function bytesOf(id: string, range?: string): Promise<Buffer> {
  const headers = { ...serve.headers, ...(range === undefined ? {} : { range }) };
  const answer = await fetch(`${serve.endpoint}/image/v2/images/${id}/file`, { headers });
  return Buffer.from(await answer.arrayBuffer());
}
const settled = (id: string, wanted: (shown: Record<string, unknown>) => boolean) =>
  until('the image to get there', async () => {
    const { body } = await call('GET', `/images/${id}`);
    return wanted(body) && body;
  });
const sha512 = (bytes: Buffer) => createHash('sha512').update(bytes).digest('hex');

test('a large image goes to the bucket in parts, and comes back whole and in ranges', async () => {
  const bytes = randomBytes(40_000_000);
  const id = await image();
  assert.equal((await send(id, 'file', bytes)).status, 204);
  assert.deepEqual([await keys(), await uploads()], [[`os/${sha512(bytes)}`], 0]);
  assert.ok((await bytesOf(id)).equals(bytes));
  assert.ok((await bytesOf(id, 'bytes=17000000-17000099')).equals(bytes.subarray(17_000_000, 17_000_100)));
  assert.equal((await call('GET', `/images/${id}`)).body['stores'], 'cloud');
  const { stores } = (await call('GET', '/info/stores/detail')).body as unknown as { stores: { id: string; type: string }[] };
  assert.deepEqual(
    stores.map((store) => [store.id, store.type]),
    [
      ['cloud', 's3'],
      ['near-by', 'file'],
      ['gone', 's3'],
    ],
  );
  await call('PUT', `/cache/${id}`);
  await until('the disk to be near', async () => (((await call('GET', '/cache')).body['cached_images'] ?? []) as unknown[]).length === 1);
  const near = readdirSync(join(work, 'data/images-near'), { recursive: true, withFileTypes: true }).find((entry) => entry.isFile())!;
  assert.ok(zstdDecompressSync(readFileSync(join(near.parentPath, near.name))).equals(bytes), 'machines take it from here');
  await call('DELETE', `/images/${id}`);
  assert.deepEqual(await keys(), []);
});

test('a copy in another store lets go of the first; the last one stays', async () => {
  const bytes = randomBytes(100_000);
  const id = await image();
  await send(id, 'file', bytes);
  assert.equal((await call('POST', `/images/${id}/import`, { method: { name: 'copy-image' }, stores: ['near-by'] })).status, 202);
  await settled(id, (shown) => shown['stores'] === 'cloud,near-by' && shown['os_glance_importing_to_stores'] === '');
  assert.equal((await call('DELETE', `/stores/cloud/${id}`)).status, 204);
  assert.deepEqual(await keys(), []);
  assert.ok((await bytesOf(id)).equals(bytes));
  assert.equal((await serve.call('DELETE', `/image/v2/stores/near-by/${id}`, undefined, { accept: 'application/json' })).status, 403);
});

test('a store that is not there fails an import, or is named when the others are enough', async () => {
  const bytes = randomBytes(50_000);
  const id = await image();
  await send(id, 'stage', bytes);
  const wanted = { method: { name: 'glance-direct' }, stores: ['cloud', 'gone', 'near-by'] };
  await call('POST', `/images/${id}/import`, wanted);
  const failed = await settled(id, (shown) => shown['status'] === 'queued');
  assert.equal(failed['os_glance_failed_import'], 'cloud,gone,near-by');
  assert.deepEqual(await keys(), [], 'what one had taken is gone again');
  await send(id, 'stage', bytes);
  await call('POST', `/images/${id}/import`, { ...wanted, all_stores_must_succeed: false });
  const shown = await settled(id, (each) => each['status'] === 'active' && each['os_glance_importing_to_stores'] === '');
  assert.deepEqual([shown['stores'], shown['os_glance_failed_import']], ['cloud,near-by', 'gone']);
  await call('DELETE', `/images/${id}`);
  assert.deepEqual(await keys(), []);
});

test('killed in the middle of an upload to the bucket, and sent again, it leaves nothing', async () => {
  const bytes = randomBytes(120_000_000);
  const id = await image();
  const lost = send(id, 'file', bytes).catch(() => undefined);
  await until('an upload in the bucket', async () => (await uploads()) === 1);
  await serve.kill('SIGKILL');
  await lost;
  assert.equal(await uploads(), 1);
  serve = await start();
  assert.equal((await call('GET', `/images/${id}`)).body['status'], 'queued');
  assert.equal((await send(id, 'file', bytes)).status, 204);
  assert.deepEqual([await keys(), await uploads()], [[`os/${sha512(bytes)}`], 0]);
  const { body } = await serve.call('GET', '/baremetal/v1/audit');
  const told = (body['checks'] as { check: string; found: string[]; error: string | null }[]).filter(({ check }) =>
    check.includes('image'),
  );
  assert.deepEqual(
    told.flatMap(({ found }) => found),
    [],
  );
});

test('a download goes on where a connection broke', async () => {
  const bytes = randomBytes(3_000_000);
  const ranges: string[] = [];
  const server = createServer((request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(200, { 'content-length': bytes.length }).end();
    const [from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range!)!.slice(1).map(Number);
    ranges.push(request.headers.range!);
    response.writeHead(206, { 'content-length': to! - from! + 1 });
    if (ranges.length < 3) response.write(bytes.subarray(from, from! + 700_000), () => response.destroy());
    else response.end(bytes.subarray(from, to! + 1));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const store = s3ImageStore({ id: 's', endpoint, bucket: 'images', prefix: '', region: 'r', credentialsFile });
  const chunks: Buffer[] = [];
  for await (const chunk of await store.open('a', { start: 0, end: bytes.length - 1 })) chunks.push(chunk as Buffer);
  assert.ok(Buffer.concat(chunks).equals(bytes));
  assert.equal(ranges.length, 3);
  server.close();
});

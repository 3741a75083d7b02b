import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type ServerResponse } from 'node:http';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** What several do with one image at the same time; and what Glance 25 (Debian 12) refuses. */
let serve: ServeProcess;
const data = mkdtempSync(join(tmpdir(), 'rackwright-image-races-'));
before(async () => {
  serve = await startServe(data);
});
after(async () => {
  await serve.kill('SIGTERM');
  rmSync(data, { recursive: true, force: true });
});

const UNTIL_MS_MAX = 60_000;
const call = (method: string, path: string, body?: unknown) =>
  serve.call(method, `/image/v2${path}`, body, {
    accept: 'application/json',
    ...(method === 'PATCH' ? { 'content-type': 'application/json' } : {}),
  });
async function image(): Promise<string> {
  return String((await call('POST', '/images', { name: 'an image', disk_format: 'raw', container_format: 'bare' })).body['id']);
}
const show = (id: string) => call('GET', `/images/${id}`);
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const giveUpAt = Date.now() + UNTIL_MS_MAX; !(await holds());) {
    assert.ok(Date.now() < giveUpAt, what);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
const headers = () => ({ ...serve.headers, 'content-type': 'application/octet-stream' });
const upload = (id: string, bytes: Buffer) =>
  fetch(`${serve.endpoint}/image/v2/images/${id}/file`, { method: 'PUT', headers: headers(), body: bytes as unknown as string });
const files = () => ['images', 'images-staging'].flatMap((folder) => filesOf(join(data, folder)));
const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
async function findings(): Promise<unknown> {
  const { body } = await serve.call('GET', '/baremetal/v1/audit?settling_seconds=0');
  return (body['checks'] as unknown as { found: string[] }[]).flatMap(({ found }) => found);
}

test('of ten uploads into one image at once one wins, whole, and nothing is left of the others', async () => {
  const id = await image();
  const all = Array.from({ length: 10 }, () => randomBytes(2_000_000));
  const statuses = await Promise.all(all.map(async (bytes) => (await upload(id, bytes)).status));
  assert.deepEqual(statuses.toSorted(), [204, ...Array.from({ length: 9 }, () => 409)]);
  const answer = await fetch(`${serve.endpoint}/image/v2/images/${id}/file`, { headers: serve.headers });
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(all[statuses.indexOf(204)]!));
  assert.equal(files().length, 1);
  assert.equal((await call('DELETE', `/images/${id}`)).status, 204);
  assert.deepEqual(files(), []);
});

test('deleted while it is uploaded: the upload is refused, and its bytes are gone', async () => {
  const id = await image();
  const sending = httpRequest(`${serve.endpoint}/image/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { ...headers(), 'content-length': '200000' },
  });
  const answered = once(sending, 'response');
  sending.write(Buffer.alloc(100_000));
  await until('it is saving', async () => (await show(id)).body['status'] === 'saving');
  assert.equal((await call('DELETE', `/images/${id}`)).status, 204);
  sending.end(Buffer.alloc(100_000));
  const [response] = (await answered) as [{ statusCode: number; resume(): void }];
  response.resume();
  assert.ok([404, 409, 410].includes(response.statusCode), String(response.statusCode));
  await until('no file is left', async () => files().length === 0);
  assert.deepEqual(await findings(), []);
});

test('deleted while it is downloaded: the download comes to its end, whole, and then the bytes are gone', async () => {
  const id = await image();
  const bytes = randomBytes(40_000_000);
  assert.equal((await upload(id, bytes)).status, 204);
  const answer = await fetch(`${serve.endpoint}/image/v2/images/${id}/file`, { headers: serve.headers });
  const reader = answer.body!.getReader();
  const parts = [(await reader.read()).value!];
  assert.equal((await call('DELETE', `/images/${id}`)).status, 204);
  assert.equal((await show(id)).status, 404);
  for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
  assert.ok(Buffer.concat(parts).equals(bytes));
  assert.deepEqual(files(), []);
});

test('deleted while it is imported: the import ends, and nothing is left', async () => {
  const held: ServerResponse[] = [];
  const web = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 200_000 });
    response.write(Buffer.alloc(1000));
    held.push(response);
  });
  await once(web.listen(0, '127.0.0.1'), 'listening');
  const id = await image();
  const uri = `http://127.0.0.1:${(web.address() as AddressInfo).port}/disk.raw`;
  assert.equal((await call('POST', `/images/${id}/import`, { method: { name: 'web-download', uri } })).status, 202);
  await until('the download began', async () => held.length > 0);
  assert.equal((await call('DELETE', `/images/${id}`)).status, 204);
  for (const response of held) response.end(Buffer.alloc(199_000));
  await until('no file is left', async () => files().length === 0);
  web.closeAllConnections();
  web.close();
  assert.deepEqual(await findings(), []);
});

test('orders, filters and definitions that are none are refused', async () => {
  for (const query of ['sort_dir=up', 'sort_key=name&sort_dir=up', 'changes-since=2020-01-01'])
    assert.equal((await call('GET', `/images?${query}`)).status, 400, query);
  const patched = await call('PATCH', `/images/${await image()}`, [{ op: 'replace', path: '/name', value: 'x' }]);
  assert.equal(patched.status, 415);
  assert.match(String(patched.headers.get('accept-patch')), /openstack-images-v2\.1-json-patch/);
  await call('POST', '/metadefs/namespaces', {
    namespace: 'MY',
    resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'hw_' }],
  });
  const object = (type: string) =>
    call('POST', '/metadefs/namespaces/MY/objects', { name: 'o', properties: { q: { title: 'Q', type } }, required: ['q'] });
  assert.equal((await object('bogus')).status, 400);
  assert.equal((await object('string')).status, 201);
  await call('POST', '/metadefs/namespaces/MY/properties', { name: 'p', title: 'P', type: 'string' });
  const { body } = await call('GET', '/metadefs/namespaces/MY?resource_type=OS::Glance::Image');
  assert.deepEqual(body['properties'], { hw_p: { name: 'p', title: 'P', type: 'string' } });
  const [shown] = body['objects'] as unknown as JsonObject[];
  assert.deepEqual([Object.keys(shown!['properties'] as object), shown!['required']], [['hw_q'], ['hw_q']]);
});

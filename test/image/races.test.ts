import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** What several do with one image at the same time. */
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

test('deleted while its bytes come from the web: nothing more is read, and what came is gone', async (t) => {
  const source = createServer((_request, response) => response.writeHead(200, { 'content-length': '200000' }).write(Buffer.alloc(100_000)));
  await once(source.listen(0, '127.0.0.1'), 'listening');
  t.after(() => source.close());
  const asked = once(source, 'request') as Promise<[unknown, ServerResponse]>;
  const id = await image();
  const uri = `http://127.0.0.1:${(source.address() as AddressInfo).port}/image`;
  assert.equal((await call('POST', `/images/${id}/import`, { method: { name: 'web-download', uri } })).status, 202);
  const [, response] = await asked;
  const left = once(response, 'close');
  await until('some of it is there', async () => files().length === 1);
  assert.equal((await call('DELETE', `/images/${id}`)).status, 204);
  await left;
  await until('no file is left', async () => files().length === 0);
  assert.deepEqual(await findings(), []);
});

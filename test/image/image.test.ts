import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** Images over HTTP: bytes that are kept once, uploads that stop half way, imports that outlive a process. */
let serve: ServeProcess;
const data = mkdtempSync(join(tmpdir(), 'rackwright-image-'));
before(async () => {
  serve = await startServe(data);
});
after(async () => {
  await serve.kill('SIGTERM');
  rmSync(data, { recursive: true, force: true });
});

const UNTIL_MS_MAX = 120_000;
const bytesHeaders = () => ({ ...serve.headers, 'content-type': 'application/octet-stream' });

async function image(fields: JsonObject = {}): Promise<string> {
  const { status, body } = await serve.call('POST', '/image/v2/images', {
    name: 'an image',
    disk_format: 'raw',
    container_format: 'bare',
    ...fields,
  });
  assert.equal(status, 201, JSON.stringify(body));
  return String(body['id']);
}
const show = async (id: string) => (await serve.call('GET', `/image/v2/images/${id}`)).body;
const upload = (id: string, bytes: Buffer) =>
  fetch(`${serve.endpoint}/image/v2/images/${id}/file`, { method: 'PUT', headers: bytesHeaders(), body: bytes as unknown as string });
const download = (id: string, headers: Record<string, string> = {}) =>
  fetch(`${serve.endpoint}/image/v2/images/${id}/file`, { headers: { ...serve.headers, ...headers } });

async function until(id: string, wanted: (shown: JsonObject) => boolean): Promise<JsonObject> {
  const giveUpAt = Date.now() + UNTIL_MS_MAX;
  for (;;) {
    const shown = await show(id);
    if (wanted(shown)) return shown;
    assert.ok(Date.now() < giveUpAt, `the image did not get there: ${JSON.stringify(shown)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Names of the files of bytes that the store has. */
const kept = () => {
  const root = join(data, 'images');
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
};

test('bytes come back as they were, whole and in part, and are kept once', async () => {
  const bytes = randomBytes(3_000_000);
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  const [one, other] = [await image(), await image()];
  assert.equal((await upload(one, bytes)).status, 204);
  assert.equal((await upload(other, bytes)).status, 204);
  const shown = await show(one);
  assert.deepEqual(
    [shown['status'], shown['size'], shown['checksum'], shown['os_hash_algo'], shown['os_hash_value'], shown['stores']],
    ['active', bytes.length, createHash('md5').update(bytes).digest('hex'), 'sha512', sha512, 'local'],
  );
  assert.deepEqual(kept(), [sha512]);
  assert.ok(Buffer.from(await (await download(one)).arrayBuffer()).equals(bytes));
  const part = await download(one, { range: 'bytes=1000000-1000009' });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get('content-range'), `bytes 1000000-1000009/${bytes.length}`);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(1_000_000, 1_000_010)));
  assert.equal((await download(one, { range: 'bytes=9000000-' })).status, 416);

  await serve.call('DELETE', `/image/v2/images/${one}`);
  assert.deepEqual(kept(), [sha512], 'the other image has them');
  await serve.call('DELETE', `/image/v2/images/${other}`);
  assert.deepEqual(kept(), []);
});

test('a file that lies about what it is, or names another file, is refused and leaves nothing', async () => {
  const backed = Buffer.alloc(1024);
  backed.write('QFI\xfb\0\0\0\x03', 0, 'latin1');
  backed.writeBigUInt64BE(500n, 8);
  for (const [format, why] of [
    ['raw', /qcow2/],
    ['qcow2', /backing file/],
  ] as const) {
    const id = await image({ disk_format: format });
    const refused = await upload(id, backed);
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), why);
    assert.equal((await show(id))['status'], 'queued');
  }
  assert.deepEqual(kept(), []);
});

test('a client that goes away in the middle leaves an image that can be sent again', async () => {
  const id = await image();
  const sending = httpRequest(`${serve.endpoint}/image/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { ...bytesHeaders(), 'content-length': '5000000' },
  });
  sending.on('error', () => undefined);
  sending.write(Buffer.alloc(100_000));
  await until(id, (shown) => shown['status'] === 'saving');
  sending.destroy();
  await until(id, (shown) => shown['status'] === 'queued');
  assert.equal((await upload(id, Buffer.from('at last'))).status, 204);
  assert.equal((await show(id))['status'], 'active');
});

test('a tenant sees its own, what is public and what is shared, and nothing of the others', async () => {
  const admin = (method: string, path: string, body?: unknown) => serve.call(method, `/v3${path}`, body);
  const roles = (await admin('GET', '/roles?name=member')).body['roles'] as { id: string }[];
  const tenant = async (name: string) => {
    const project = ((await admin('POST', '/projects', { project: { name } })).body['project'] as { id: string }).id;
    const user = ((await admin('POST', '/users', { user: { name, password: 'a long password' } })).body['user'] as { id: string }).id;
    await admin('PUT', `/projects/${project}/users/${user}/roles/${roles[0]!.id}`);
    const login = {
      auth: {
        identity: { methods: ['password'], password: { user: { id: user, password: 'a long password' } } },
        scope: { project: { id: project } },
      },
    };
    const answer = await fetch(`${serve.endpoint}/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(login),
    });
    const token = answer.headers.get('x-subject-token')!;
    const call = (method: string, path: string, body?: unknown, type = 'application/json') =>
      fetch(`${serve.endpoint}/image/v2${path}`, {
        method,
        headers: { 'x-auth-token': token, ...(body === undefined ? {} : { 'content-type': type }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    return { project, call };
  };
  const [anna, bob] = [await tenant('anna'), await tenant('bob')];
  const made = (await (await anna.call('POST', '/images', { name: 'secret', disk_format: 'raw', container_format: 'bare' })).json()) as {
    id: string;
  };
  const path = `/images/${made.id}`;
  const patch = (who: typeof anna, operations: unknown) =>
    who.call('PATCH', path, operations, 'application/openstack-images-v2.1-json-patch');
  for (const [method, under] of [
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/file'],
    ['GET', '/members'],
    ['POST', '/actions/deactivate'],
    ['PUT', '/tags/mine'],
  ] as const)
    assert.equal((await bob.call(method, `${path}${under}`)).status, 404, `${method} ${under}`);
  assert.equal((await patch(bob, [{ op: 'replace', path: '/name', value: 'mine' }])).status, 404);
  assert.equal(
    (await patch(anna, [{ op: 'replace', path: '/visibility', value: 'public' }])).status,
    403,
    'publishing is for administrators',
  );
  assert.equal((await patch(anna, [{ op: 'replace', path: '/owner', value: bob.project }])).status, 403);

  assert.equal((await anna.call('POST', `${path}/members`, { member: bob.project })).status, 200);
  assert.equal((await bob.call('GET', path)).status, 200, 'shared images can be looked at');
  assert.equal((await bob.call('DELETE', path)).status, 403);
  const listed = async () => ((await (await bob.call('GET', '/images')).json()) as { images: { id: string }[] }).images.map(({ id }) => id);
  assert.ok(!(await listed()).includes(made.id), 'and are listed when they were accepted');
  assert.equal((await bob.call('PUT', `${path}/members/${bob.project}`, { status: 'accepted' })).status, 200);
  assert.ok((await listed()).includes(made.id));
});

test('an import goes on after kill -9, and one from a place that does not answer says so', async () => {
  const bytes = randomBytes(200_000);
  let isSlow = true;
  const web: Server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    if (isSlow) response.write(bytes.subarray(0, 1000));
    else response.end(bytes);
  });
  await once(web.listen(0, '127.0.0.1'), 'listening');
  const uri = `http://127.0.0.1:${(web.address() as AddressInfo).port}/disk.raw`;
  const id = await image();
  assert.equal((await serve.call('POST', `/image/v2/images/${id}/import`, { method: { name: 'web-download', uri } })).status, 202);
  assert.equal((await show(id))['status'], 'importing');
  await serve.kill('SIGKILL');
  isSlow = false;
  serve = await startServe(data);
  const shown = await until(id, ({ status }) => status === 'active');
  assert.equal(shown['os_hash_value'], createHash('sha512').update(bytes).digest('hex'));
  web.closeAllConnections();
  web.close();

  const other = await image();
  await serve.call('POST', `/image/v2/images/${other}/import`, { method: { name: 'web-download', uri } });
  const failed = await until(other, (each) => each['os_glance_failed_import'] === 'local');
  assert.equal(failed['status'], 'queued');
  const { body } = await serve.call('GET', `/image/v2/images/${other}/tasks`);
  assert.match(JSON.stringify(body), /"status":"failure"/);
});

test('a location on a host that tenants must not reach through us is not read', async () => {
  const id = await image();
  const added = await fetch(`${serve.endpoint}/image/v2/images/${id}`, {
    method: 'PATCH',
    headers: { ...serve.headers, 'content-type': 'application/openstack-images-v2.1-json-patch' },
    body: JSON.stringify([{ op: 'add', path: '/locations/-', value: { url: 'http://169.254.169.254/latest/user-data', metadata: {} } }]),
  });
  assert.equal(added.status, 200);
  const answer = await download(id);
  assert.equal(answer.status, 502);
  assert.match(await answer.text(), /169\.254\.169\.254 may not be downloaded from/);
});

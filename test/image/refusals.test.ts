import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';

/** What Glance refuses is refused here too, not ignored. */
let serve: ServeProcess;
const data = mkdtempSync(join(tmpdir(), 'rackwright-image-refusals-'));
before(async () => {
  serve = await startServe(data);
});
after(async () => {
  await serve?.kill('SIGTERM');
  rmSync(data, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: unknown) => serve.call(method, `/image/v2${path}`, body, { accept: 'application/json' });

for (const query of ['sort_dir=up', 'sort_key=name&sort_dir=up', 'sort=name:up', 'changes-since=2026-01-01T00:00:00Z'])
  test(`a list with ${query}`, async () => assert.equal((await call('GET', `/images?${query}`)).status, 400));

test('a patch of another kind says which kinds there are', async () => {
  const id = String((await call('POST', '/images', { name: 'an image' })).body['id']);
  const { status, headers } = await call('PATCH', `/images/${id}`, []);
  assert.equal(status, 415);
  assert.match(headers.get('accept-patch')!, /application\/openstack-images-v2\.1-json-patch/);
});

test('properties of a namespace begin as those of the resource type do; one without a known type is refused', async () => {
  const cores = { title: 'Cores', type: 'integer' };
  const namespace = {
    namespace: 'CPU',
    resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'hw_' }, { name: 'OS::Nova::Flavor' }],
    properties: { cores },
    objects: [{ name: 'limits', required: ['quota'], properties: { quota: { title: 'Quota', type: 'string' } } }],
  };
  assert.equal((await call('POST', '/metadefs/namespaces', namespace)).status, 201);
  const names = async (query: string) => {
    const { body } = await call('GET', `/metadefs/namespaces/CPU${query}`);
    const [limits] = body['objects'] as unknown as { required: string[]; properties: object }[];
    return [body['properties'], limits!.properties].flatMap((some) => Object.keys(some as object)).concat(limits!.required);
  };
  assert.deepEqual(await names(''), ['cores', 'quota', 'quota']);
  assert.deepEqual(await names('?resource_type=OS::Glance::Image'), ['hw_cores', 'hw_quota', 'hw_quota']);
  assert.deepEqual(await names('?resource_type=OS::Nova::Flavor'), ['cores', 'quota', 'quota']);
  const bogus = { name: 'more', properties: { speed: { title: 'Speed', type: 'fast' } } };
  assert.equal((await call('POST', '/metadefs/namespaces/CPU/objects', bogus)).status, 400);
});

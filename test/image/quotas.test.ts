import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCloud, type Cloud, type Tenant } from '../identity/identity-rig.ts';

/** Unified limits of the service `image`: Identity says how much a project may have, and the images are counted in the transaction that makes them. */
let cloud: Cloud;
let ann: Tenant;
let serviceId: string;
before(async () => {
  cloud = await startCloud();
  ann = await cloud.tenant('ann', ['member']);
  const { body } = await cloud.call(cloud.admin, 'GET', '/services?type=image');
  serviceId = String((body as unknown as { services: { id: string }[] }).services[0]!.id);
});
after(() => cloud?.close());

/** Refusals are pages of HTML, as Glance's are. */
async function image(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${cloud.serve.endpoint}/image/v2${path}`, {
    method,
    headers: { 'x-auth-token': ann.token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}
const make = () => image('POST', '/images', { name: 'i', disk_format: 'raw', container_format: 'bare' });

async function register(resource_name: string, default_limit: number): Promise<string> {
  const limits = [{ service_id: serviceId, resource_name, default_limit }];
  const { status, body } = await cloud.call(cloud.admin, 'POST', '/registered_limits', { registered_limits: limits });
  assert.equal(status, 201, JSON.stringify(body));
  return (body as unknown as { registered_limits: { id: string }[] }).registered_limits[0]!.id;
}

test('of ten that make images at once three succeed, and the others are told why', async () => {
  await register('image_count_total', 3);
  const all = await Promise.all(Array.from({ length: 10 }, make));
  assert.deepEqual(all.map(({ status }) => status).sort(), [201, 201, 201, ...Array.from({ length: 7 }, () => 413)]);
  const refused = all.find(({ status }) => status === 413)!;
  assert.match(refused.text, /image_count_total is over limit of 3 due to current usage 3 and delta 1/);
  const { usage } = JSON.parse((await image('GET', '/info/usage')).text) as { usage: Record<string, { limit: number; usage: number }> };
  assert.deepEqual(usage['image_count_total'], { limit: 3, usage: 3 });
  assert.deepEqual(usage['image_size_total'], { limit: -1, usage: 0 });
});

test('a project has a limit of its own instead of the default', async () => {
  const limits = [{ project_id: ann.projectId, service_id: serviceId, resource_name: 'image_count_total', resource_limit: 4 }];
  assert.equal((await cloud.call(cloud.admin, 'POST', '/limits', { limits })).status, 201);
  assert.equal((await make()).status, 201);
  assert.equal((await make()).status, 413);
});

test('who is over the limit of bytes uploads no more, until something is deleted', async () => {
  await register('image_size_total', 1);
  const [first, second] = (JSON.parse((await image('GET', '/images')).text) as { images: { id: string }[] }).images.map(({ id }) => id);
  const upload = async (id: string, bytes: number) => {
    const answer = await fetch(`${cloud.serve.endpoint}/image/v2/images/${id}/file`, {
      method: 'PUT',
      headers: { 'x-auth-token': ann.token, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(bytes),
    });
    return answer.status;
  };
  assert.equal(await upload(first!, 3 * 2 ** 20), 204, 'how much it is nobody knows before');
  assert.equal(await upload(second!, 1), 413);
  assert.equal((await image('DELETE', `/images/${first}`)).status, 204);
  assert.equal(await upload(second!, 1), 204);
});

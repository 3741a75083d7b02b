import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startCloud, type Cloud, type Tenant } from '../identity/identity-rig.ts';

/** Additional properties that only some may see or change, over the Image API and over Compute's view of it. */
const work = mkdtempSync(join(tmpdir(), 'rackwright-protections-'));
let cloud: Cloud;
let ann: Tenant;

const FILE = `[^billing_]
create = admin
read = admin
update = admin
delete = admin
[^label$]
create = member
read = @
update = !
delete = admin
[.*]
create = @
read = @
update = @
delete = @
`;
before(async () => {
  writeFileSync(join(work, 'protections'), FILE);
  writeFileSync(join(work, 'serve.yaml'), `images: {property_protection_file: ${join(work, 'protections')}}\n`);
  cloud = await startCloud({ args: ['--config', join(work, 'serve.yaml')] });
  ann = await cloud.tenant('ann', ['member']);
});
after(async () => {
  await cloud?.close();
  rmSync(work, { recursive: true, force: true });
});

type Shown = Readonly<Record<string, unknown>>;
async function call(token: string, method: string, path: string, body?: unknown): Promise<{ status: number; body: Shown }> {
  const type = method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
  const answer = await fetch(`${cloud.serve.endpoint}${path}`, {
    method,
    headers: { 'x-auth-token': token, accept: 'application/json', ...(body === undefined ? {} : { 'content-type': type }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Shown) };
}
const patch = (token: string, id: string, ...operations: Shown[]) => call(token, 'PATCH', `/image/v2/images/${id}`, operations);
const listed = async (token: string, query: string) =>
  ((await call(token, 'GET', `/image/v2/images?${query}`)).body['images'] as unknown[]).length;

test('who may not see a property neither finds it, nor finds images by it, nor loses it', async () => {
  const make = (body: Shown) => call(ann.token, 'POST', '/image/v2/images', { name: 'i', ...body });
  assert.equal((await make({ billing_code: '7' })).status, 403);
  const made = await make({ label: 'mine', free: 'yes' });
  assert.equal(made.status, 201);
  const id = String(made.body['id']);
  assert.equal((await patch(cloud.admin, id, { op: 'add', path: '/billing_code', value: '7' })).status, 200);

  const seen = await call(ann.token, 'GET', `/image/v2/images/${id}`);
  assert.deepEqual([seen.body['label'], seen.body['billing_code']], ['mine', undefined]);
  assert.deepEqual([await listed(ann.token, 'billing_code=7'), await listed(cloud.admin, 'billing_code=7')], [0, 1]);
  const proxied = await call(ann.token, 'GET', `/compute/v2.1/images/${id}/metadata`);
  assert.deepEqual(proxied.body['metadata'], { label: 'mine', free: 'yes' });

  for (const [operation, status] of [
    [{ op: 'replace', path: '/billing_code', value: '8' }, 409],
    [{ op: 'add', path: '/billing_code', value: '8' }, 403],
    [{ op: 'replace', path: '/label', value: 'new' }, 403],
    [{ op: 'remove', path: '/label' }, 403],
    [{ op: 'replace', path: '/free', value: 'no' }, 200],
  ] as const)
    assert.equal((await patch(ann.token, id, operation)).status, status, JSON.stringify(operation));
  const all = { metadata: { label: 'mine' } };
  assert.equal((await call(ann.token, 'PUT', `/compute/v2.1/images/${id}/metadata`, all)).status, 200);
  const { body } = await call(cloud.admin, 'GET', `/image/v2/images/${id}`);
  assert.deepEqual([body['label'], body['free'], body['billing_code']], ['mine', undefined, '7']);
  assert.equal((await patch(cloud.admin, id, { op: 'replace', path: '/label', value: 'new' })).status, 403, 'what nobody may');
});

test('a file with mistakes, or with policies that nobody knows, stops the start and says why', async () => {
  for (const [text, format, why] of [
    ['[a]\ncreate = @\n', 'roles', /does not say who may read/],
    ['[a]\ncreate = nobody_knows\nread = @\nupdate = @\ndelete = @\n', 'policies', /policies that are not there: nobody_knows/],
  ] as const) {
    writeFileSync(join(work, 'wrong'), text);
    writeFileSync(
      join(work, 'wrong.yaml'),
      `images: {property_protection_file: ${join(work, 'wrong')}, property_protection_rule_format: ${format}}\n`,
    );
    await assert.rejects(startCloud({ args: ['--config', join(work, 'wrong.yaml')] }), why);
  }
});

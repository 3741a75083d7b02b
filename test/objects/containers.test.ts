import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, startObjectRig, type ObjectRig, type Tenant } from './object-rig.ts';

/** What holds for a whole container or account: metadata, quotas, versions. */
let rig: ObjectRig;
let anna: Tenant;
before(async () => {
  rig = await startObjectRig();
  anna = await rig.tenant('anna');
});
after(() => rig.close());

const head = async (path: string, ...names: string[]) => {
  const { headers } = await anna.send('HEAD', path);
  return names.map((name) => headers.get(name));
};

test('metadata is added to, taken away, and has an end', async () => {
  assert.equal((await anna.send('PUT', '/c', { headers: { 'x-container-meta-color': 'red', 'x-container-meta-size': 'xl' } })).status, 201);
  assert.equal((await anna.send('PUT', '/c', { headers: { 'x-container-meta-shape': 'round' } })).status, 202);
  assert.equal(
    (await anna.send('POST', '/c', { headers: { 'x-remove-container-meta-size': 'x', 'x-container-meta-shape': '' } })).status,
    204,
  );
  assert.deepEqual(await head('/c', 'x-container-meta-color', 'x-container-meta-size', 'x-container-meta-shape'), ['red', null, null]);
  const many = Object.fromEntries(Array.from({ length: 91 }, (_, at) => [`x-container-meta-m${at}`, 'v']));
  assert.equal((await anna.send('POST', '/c', { headers: many })).status, 400);
  assert.equal((await anna.send('PUT', `/${'c'.repeat(257)}`)).status, 400);
  assert.equal(
    (await anna.send('POST', '', { headers: { 'x-account-meta-greeting': Buffer.from('Grüße').toString('latin1') } })).status,
    204,
  );
  const [greeting] = await head('', 'x-account-meta-greeting');
  assert.equal(Buffer.from(greeting!, 'latin1').toString(), 'Grüße');
  assert.equal((await anna.send('POST', '', { headers: { 'x-account-meta-broken': 'a\u00ff' } })).status, 400);
});

test('what is not there is refused by name', async () => {
  for (const headers of [
    { 'x-container-sync-to': '//realm/cluster/AUTH_x/c' },
    { 'x-versions-enabled': 'true' },
    { 'x-storage-policy': 'gold' },
  ])
    assert.equal((await anna.send('PUT', '/never', { headers })).status, 400, JSON.stringify(headers));
  assert.equal((await anna.send('HEAD', '/never')).status, 404);
  assert.equal((await anna.send('PUT', '')).status, 405);
  assert.equal((await anna.send('DELETE', '')).status, 405);
});

test('quotas of a container hold exactly, however many write at once', async () => {
  await anna.send('PUT', '/few', { headers: { 'x-container-meta-quota-count': '5', 'x-container-meta-quota-bytes': '1000' } });
  const statuses = await Promise.all(
    Array.from({ length: 30 }, async (_, at) => (await anna.send('PUT', `/few/o${at}`, { body: 'x' })).status),
  );
  assert.equal(statuses.filter((status) => status === 201).length, 5);
  assert.ok(statuses.every((status) => status === 201 || status === 413));
  assert.deepEqual(await head('/few', 'x-container-object-count', 'x-container-bytes-used'), ['5', '5']);
  const [name] = (await anna.send('GET', '/few?limit=1')).text.split('\n');
  assert.equal((await anna.send('PUT', `/few/${name}`, { body: 'y'.repeat(997) })).status, 413);
  assert.equal((await anna.send('PUT', `/few/${name}`, { body: 'y'.repeat(996) })).status, 201);
  await eventually(rig.files, (files) => files.length === 5);
  assert.equal((await anna.send('POST', '/few', { headers: { 'x-container-meta-quota-bytes': 'many' } })).status, 400);
});

test('versions pile up, and come back one by one', async () => {
  await anna.send('PUT', '/old');
  assert.equal((await anna.send('PUT', '/stack', { headers: { 'x-versions-location': 'old' } })).status, 201);
  assert.deepEqual(await head('/stack', 'x-versions-location'), ['old']);
  for (const body of ['one', 'two', 'three']) await anna.send('PUT', '/stack/o', { body });
  const kept = (await anna.send('GET', '/old')).text.trim().split('\n');
  assert.equal(kept.length, 2);
  assert.match(kept[0]!, /^001o\/\d{10}\.\d{5}$/);
  assert.equal((await anna.send('GET', `/old/${kept[0]}`)).text, 'one');
  for (const body of ['three', 'two', 'one']) {
    assert.equal((await anna.send('GET', '/stack/o')).text, body);
    assert.equal((await anna.send('DELETE', '/stack/o')).status, 204);
  }
  assert.equal((await anna.send('DELETE', '/stack/o')).status, 404);
  assert.deepEqual([await head('/stack', 'x-container-bytes-used'), await head('/old', 'x-container-bytes-used')], [['0'], ['0']]);
});

test('a history keeps all, deletions too', async () => {
  await anna.send('PUT', '/past');
  await anna.send('PUT', '/present', { headers: { 'x-history-location': 'past' } });
  await anna.send('PUT', '/present/o', { body: 'one' });
  await anna.send('PUT', '/present/o', { body: 'two' });
  assert.equal((await anna.send('DELETE', '/present/o')).status, 204);
  assert.equal((await anna.send('GET', '/present/o')).status, 404);
  const kept = JSON.parse((await anna.send('GET', '/past?format=json')).text) as { bytes: number; content_type: string }[];
  assert.deepEqual(
    kept.map(({ bytes, content_type: type }) => [bytes, type.startsWith('application/x-deleted')]),
    [
      [3, false],
      [3, false],
      [0, true],
    ],
  );
  const both = { 'x-versions-location': 'past', 'x-history-location': 'past' };
  assert.equal((await anna.send('POST', '/present', { headers: both })).status, 400);
  await anna.send('POST', '/present', { headers: { 'x-history-location': 'nowhere' } });
  await anna.send('PUT', '/present/o', { body: 'one' });
  assert.equal((await anna.send('PUT', '/present/o', { body: 'two' })).status, 412, 'the container of the versions is not there');
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request, type ClientRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { eventually, startObjectRig, type ObjectRig, type Tenant } from './object-rig.ts';

/** What is left when clients and processes die, and whether the sums are true when many write at once. */
let rig: ObjectRig;
let anna: Tenant;
before(async () => {
  rig = await startObjectRig();
  anna = await rig.tenant('anna');
  await anna.send('PUT', '/c');
});
after(() => rig.close());

const sums = async () => {
  const { headers } = await anna.send('HEAD', '/c');
  return [Number(headers.get('x-container-object-count')), Number(headers.get('x-container-bytes-used'))];
};
/** Everything that the audit finds of objects. */
const found = async () => Object.entries(await rig.audit()).flatMap(([check, what]) => (/object|containers/.test(check) ? what : []));

/** Some of it is on the disk, and the rest does not come. */
async function startUpload(path: string): Promise<ClientRequest> {
  const before = rig.incoming().length;
  const sending = request(`${rig.serve().endpoint}/v1/${anna.account}${path}`, {
    method: 'PUT',
    headers: { 'x-auth-token': anna.token, 'content-length': String(50_000_000) },
  });
  sending.on('error', () => undefined);
  sending.write(randomBytes(4_000_000));
  await eventually(rig.incoming, (names) => names.length > before);
  return sending;
}

test('a client that goes away in the middle leaves nothing', async () => {
  await anna.send('PUT', '/c/half', { body: 'what was there' });
  (await startUpload('/c/half')).destroy();
  await eventually(rig.incoming, (names) => names.length === 0);
  assert.equal((await anna.send('GET', '/c/half')).text, 'what was there');
  assert.deepEqual(await sums(), [1, 14]);
  assert.equal(rig.files().length, 1);
});

test('two hundred uploads at once count exactly, and so do their ends', async () => {
  const already = await sums();
  const each = await Promise.all(
    Array.from({ length: 200 }, async (_, at) => (await anna.send('PUT', `/c/many/${at}`, { body: 'x'.repeat(at) })).status),
  );
  assert.ok(each.every((status) => status === 201));
  assert.deepEqual(await sums(), [already[0]! + 200, already[1]! + (199 * 200) / 2]);
  // The same name by many: the last one stays, the others' bytes go.
  await Promise.all(Array.from({ length: 20 }, async () => anna.send('PUT', '/c/many/0', { body: 'y'.repeat(7) })));
  assert.deepEqual(await sums(), [already[0]! + 200, already[1]! + (199 * 200) / 2 + 7]);
  await eventually(rig.files, (files) => files.length === already[0]! + 200);
  await Promise.all(Array.from({ length: 200 }, async (_, at) => anna.send('DELETE', `/c/many/${at}`)));
  assert.deepEqual(await sums(), already);
  await eventually(rig.files, (files) => files.length === already[0]!);
});

test('copies that cross do not stop each other', async () => {
  for (const name of ['x', 'y']) await anna.send('PUT', `/c/${name}`, { body: name });
  const crossing = Array.from({ length: 30 }, async (_, at) => {
    const [from, to] = at % 2 === 0 ? ['x', 'y'] : ['y', 'x'];
    return (await anna.send('COPY', `/c/${from}`, { headers: { destination: `c/${to}` } })).status;
  });
  const statuses = await Promise.all(crossing);
  assert.ok(
    statuses.every((status) => status === 201 || status === 409),
    statuses.join(),
  );
  for (const name of ['x', 'y']) assert.match((await anna.send('GET', `/c/${name}`)).text, /^[xy]$/);
  for (const name of ['x', 'y']) await anna.send('DELETE', `/c/${name}`);
});

test('kill -9 during uploads: what was answered is there, the rest left nothing', async () => {
  await Promise.all([startUpload('/c/a'), startUpload('/c/b')]);
  const answered: string[] = [];
  let isKilled = false;
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let at = 0; !isKilled; at += 1) {
      const name = `/c/kept/${writer}-${at}`;
      const reply = await anna.send('PUT', name, { body: name }).catch(() => undefined);
      if (reply?.status === 201) answered.push(name);
    }
  });
  await eventually(
    () => answered.length,
    (count) => count >= 100,
  );
  isKilled = true;
  await rig.restart('SIGKILL');
  await Promise.all(writers);
  for (const name of answered) assert.equal((await anna.send('GET', name)).text, name);
  await eventually(rig.incoming, (names) => names.length === 0);
  const list = (await anna.send('GET', '/c')).text.split('\n').filter((name) => name !== '');
  const bytes = list.reduce((sum, name) => sum + (name === 'half' ? 14 : name.length + 3), 0);
  assert.deepEqual(await sums(), [list.length, bytes]);
  await eventually(rig.files, (files) => files.length === list.length);
  assert.deepEqual(await found(), []);
});

test('the audit tells of a file that was taken away', async () => {
  const [file] = rig.files();
  const { rmSync, writeFileSync } = await import('node:fs');
  const path = `${rig.data}/objects/${file!.slice(0, 2)}/${file}`;
  rmSync(path);
  assert.deepEqual(await found(), [`${file}: a row without a file`]);
  writeFileSync(path, 'again');
  assert.deepEqual(await found(), []);
});

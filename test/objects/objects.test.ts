import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { eventually, startObjectRig, type ObjectRig, type Tenant } from './object-rig.ts';

/** What clients do with objects every day: bytes, metadata, conditions, parts, copies, lists. */
let rig: ObjectRig;
let anna: Tenant;
before(async () => {
  rig = await startObjectRig();
  anna = await rig.tenant('anna');
});
after(() => rig.close());

const md5 = (bytes: Buffer | string) => createHash('md5').update(bytes).digest('hex');
const container = async (name: string, headers: Record<string, string> = {}) =>
  assert.equal((await anna.send('PUT', `/${name}`, { headers })).status, 201);
const put = async (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  assert.equal((await anna.send('PUT', path, { body, headers })).status, 201, path);

test('bytes come back as they were, with what was said of them, until they are deleted', async () => {
  await container('c');
  const bytes = randomBytes(3_000_000);
  const made = await anna.send('PUT', '/c/folder/ä%20b.bin', {
    body: bytes,
    headers: { 'content-type': 'text/x-own', 'x-object-meta-color': 'red', 'content-disposition': 'inline', etag: md5(bytes) },
  });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.headers.get('etag'), md5(bytes));
  const got = await anna.send('GET', '/c/folder/ä%20b.bin');
  assert.ok(got.bytes.equals(bytes));
  assert.deepEqual(
    ['content-type', 'x-object-meta-color', 'content-disposition', 'etag', 'content-length', 'accept-ranges'].map((name) =>
      got.headers.get(name),
    ),
    ['text/x-own', 'red', 'inline', md5(bytes), String(bytes.length), 'bytes'],
  );
  assert.equal((await anna.send('POST', '/c/folder/ä%20b.bin', { headers: { 'x-object-meta-size': 'xl' } })).status, 202);
  const head = await anna.send('HEAD', '/c/folder/ä%20b.bin');
  assert.deepEqual(
    ['x-object-meta-color', 'x-object-meta-size', 'content-disposition', 'content-type', 'content-length'].map((name) =>
      head.headers.get(name),
    ),
    [null, 'xl', null, 'text/x-own', String(bytes.length)],
  );
  const used = await anna.send('HEAD', '/c');
  assert.deepEqual(
    ['x-container-object-count', 'x-container-bytes-used'].map((name) => used.headers.get(name)),
    ['1', String(bytes.length)],
  );
  assert.equal((await anna.send('DELETE', '/c')).status, 409, 'something is in it');
  assert.equal((await anna.send('DELETE', '/c/folder/ä%20b.bin')).status, 204);
  assert.equal((await anna.send('GET', '/c/folder/ä%20b.bin')).status, 404);
  assert.equal((await anna.send('DELETE', '/c')).status, 204);
  await eventually(rig.files, (files) => files.length === 0);
});

test('an upload that is not what it says it is leaves nothing', async () => {
  await container('wrong');
  assert.equal((await anna.send('PUT', '/wrong/o', { body: 'abc', headers: { etag: md5('abd') } })).status, 422);
  assert.equal((await anna.send('PUT', '/nowhere/o', { body: 'abc' })).status, 404);
  assert.equal((await anna.send('PUT', `/wrong/${'x'.repeat(1025)}`, { body: 'abc' })).status, 400);
  assert.equal((await anna.send('PUT', '/wrong/o', { body: 'abc', headers: { 'x-object-meta-a': 'y'.repeat(257) } })).status, 400);
  assert.equal((await anna.send('PUT', '/wrong/o', { body: 'abc', headers: { 'x-delete-at': '5' } })).status, 400);
  await put('/wrong/o', 'abc');
  assert.equal((await anna.send('PUT', '/wrong/o', { body: 'abd', headers: { 'if-none-match': '*' } })).status, 412);
  assert.equal((await anna.send('GET', '/wrong/o')).text, 'abc');
  assert.equal(rig.files().length, 1);
  assert.deepEqual(rig.incoming(), []);
  await anna.send('DELETE', '/wrong/o');
});

test('one part, several parts, none: ranges', async () => {
  await container('ranges');
  await put('/ranges/o', '0123456789');
  const range = async (value: string) => anna.send('GET', '/ranges/o', { headers: { range: value } });
  const one = await range('bytes=2-4');
  assert.deepEqual([one.status, one.text, one.headers.get('content-range')], [206, '234', 'bytes 2-4/10']);
  assert.equal((await range('bytes=-3')).text, '789');
  assert.equal((await range('bytes=7-')).text, '789');
  const beyond = await range('bytes=10-');
  assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, 'bytes */10']);
  const two = await range('bytes=0-1,8-9');
  const boundary = /boundary=(\w+)/.exec(two.headers.get('content-type')!)![1]!;
  assert.equal(two.status, 206);
  assert.deepEqual(
    two.text.split(`--${boundary}`).map((part) => part.split('\r\n\r\n')[1]),
    [undefined, '01\r\n', '89\r\n', undefined],
  );
  assert.equal(Number(two.headers.get('content-length')), two.bytes.length);
});

test('conditions: a client is told what it has already', async () => {
  await container('conditions');
  await put('/conditions/o', 'abc');
  const { headers } = await anna.send('HEAD', '/conditions/o');
  const [etag, modified] = [headers.get('etag')!, headers.get('last-modified')!];
  const ask = async (conditions: Record<string, string>) => (await anna.send('GET', '/conditions/o', { headers: conditions })).status;
  assert.equal(await ask({ 'if-none-match': etag }), 304);
  assert.equal(await ask({ 'if-none-match': `"${etag}"` }), 304);
  assert.equal(await ask({ 'if-match': 'other' }), 412);
  assert.equal(await ask({ 'if-match': `"${etag}"` }), 200);
  assert.equal(await ask({ 'if-modified-since': modified }), 304);
  assert.equal(await ask({ 'if-unmodified-since': modified }), 200);
  assert.equal(await ask({ 'if-unmodified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' }), 412);
});

test('copies share their bytes, which stay until the last is gone', async () => {
  await container('from');
  await container('to');
  // Files of earlier tests may be on their way out.
  const already = new Set(rig.files());
  const fresh = () => rig.files().filter((file) => !already.has(file));
  await put('/from/o', 'some bytes', { 'x-object-meta-color': 'red', 'content-type': 'text/plain' });
  const copied = await anna.send('COPY', '/from/o', { headers: { destination: 'to/p', 'x-object-meta-size': 'xl' } });
  assert.deepEqual([copied.status, copied.headers.get('x-copied-from')], [201, 'from/o'], copied.text);
  const pulled = await anna.send('PUT', '/to/q', {
    headers: { 'x-copy-from': '/from/o', 'x-fresh-metadata': 'true', 'content-length': '0' },
  });
  assert.equal(pulled.status, 201, pulled.text);
  assert.equal(fresh().length, 1);
  const [p, q] = [await anna.send('GET', '/to/p'), await anna.send('GET', '/to/q')];
  assert.deepEqual([p.text, p.headers.get('x-object-meta-color'), p.headers.get('x-object-meta-size')], ['some bytes', 'red', 'xl']);
  assert.deepEqual([q.text, q.headers.get('x-object-meta-color')], ['some bytes', null]);
  await anna.send('DELETE', '/from/o');
  await anna.send('DELETE', '/to/p');
  const part = await anna.send('PUT', '/to/part', { headers: { 'x-copy-from': '/to/q', range: 'bytes=5-' } });
  assert.equal(part.status, 201, part.text);
  assert.equal((await anna.send('GET', '/to/part')).text, 'bytes');
  assert.equal((await anna.send('GET', '/to/q')).text, 'some bytes');
  await anna.send('DELETE', '/to/q');
  await eventually(fresh, (files) => files.length === 1);
  assert.equal((await anna.send('COPY', '/from/o', { headers: { destination: 'to/x' } })).status, 404);
});

test('lists: folders by a delimiter, pages by a marker, both directions, three formats', async () => {
  await container('list');
  const names = ['a', 'b/1', 'b/2', 'b/c/3', 'b0', 'ä/x', 'z'];
  for (const name of names) await put(`/list/${encodeURIComponent(name)}`, name);
  const list = async (query: string) => (await anna.send('GET', `/list?${query}`)).text.split('\n').filter((name) => name !== '');
  assert.deepEqual(await list(''), ['a', 'b/1', 'b/2', 'b/c/3', 'b0', 'z', 'ä/x']);
  assert.deepEqual(await list('delimiter=/'), ['a', 'b/', 'b0', 'z', 'ä/']);
  assert.deepEqual(await list('delimiter=/&reverse=on'), ['ä/', 'z', 'b0', 'b/', 'a']);
  assert.deepEqual(await list('delimiter=/&prefix=b/'), ['b/1', 'b/2', 'b/c/']);
  assert.deepEqual(await list('delimiter=/&limit=2'), ['a', 'b/']);
  assert.deepEqual(await list('delimiter=/&limit=2&marker=b/'), ['b0', 'z']);
  assert.deepEqual(await list('delimiter=/&reverse=true&marker=b/'), ['a']);
  assert.deepEqual(await list('marker=b/1&end_marker=b0'), ['b/2', 'b/c/3']);
  assert.deepEqual(await list('prefix=b/&marker=b/1&limit=1'), ['b/2']);
  assert.deepEqual(await list('reverse=true&marker=b0&end_marker=a'), ['b/c/3', 'b/2', 'b/1']);
  assert.deepEqual(await list('path=b'), ['b/1', 'b/2']);
  assert.deepEqual(await list('path='), ['a', 'b0', 'z']);
  assert.deepEqual(await list('limit=0'), []);
  assert.equal((await anna.send('GET', '/list?limit=10001')).status, 412);
  const json = JSON.parse((await anna.send('GET', '/list?format=json&delimiter=/')).text) as Record<string, unknown>[];
  assert.deepEqual(json[1], { subdir: 'b/' });
  assert.deepEqual([json[0]!['name'], json[0]!['hash'], json[0]!['bytes']], ['a', md5('a'), 1]);
  const xml = (await anna.send('GET', '/list?delimiter=/', { headers: { accept: 'application/xml' } })).text;
  assert.match(xml, /<container name="list"><object><name>a<\/name>.*<subdir name="b\/"><name>b\/<\/name><\/subdir>/s);
  assert.equal((await anna.send('GET', '/list', { headers: { accept: 'image/png' } })).status, 406);
  const account = JSON.parse((await anna.send('GET', '?format=json&prefix=li')).text) as Record<string, unknown>[];
  assert.deepEqual([account[0]!['name'], account[0]!['count'], account[0]!['bytes']], ['list', 7, names.join('').length + 1]);
});

test('an object that expires is gone at once for readers, and soon for the sums', async () => {
  await container('short');
  const at = Math.floor(Date.now() / 1000) + 2;
  await put('/short/o', 'abc', { 'x-delete-at': String(at) });
  assert.equal((await anna.send('HEAD', '/short/o')).headers.get('x-delete-at'), String(at));
  const gone = await eventually(
    () => anna.send('GET', '/short/o'),
    ({ status }) => status === 404,
  );
  assert.equal(gone.status, 404);
  assert.equal((await anna.send('GET', '/short')).text, '');
  await eventually(
    async () => (await anna.send('HEAD', '/short')).headers.get('x-container-object-count'),
    (count) => count === '0',
  );
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startObjectRig, type ObjectRig, type Tenant } from './object-rig.ts';

/** Objects larger than one upload: dynamic and static ones, and archives that become many. */
let rig: ObjectRig;
let anna: Tenant;
before(async () => {
  rig = await startObjectRig();
  anna = await rig.tenant('anna');
  for (const name of ['parts', 'big']) await anna.send('PUT', `/${name}`);
  for (const [name, body] of Object.entries({ 'x/1': 'one ', 'x/2': 'two ', 'x/3': 'three' }))
    await anna.send('PUT', `/parts/${name}`, { body });
});
after(() => rig.close());

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const WHOLE = 'one two three';
const ETAG = `"${md5(['one ', 'two ', 'three'].map(md5).join(''))}"`;

test('a dynamic large object is whatever has the prefix now', async () => {
  const made = await anna.send('PUT', '/big/dynamic', { body: '', headers: { 'x-object-manifest': 'parts/x%2F' } });
  assert.equal(made.status, 201, made.text);
  const got = await anna.send('GET', '/big/dynamic');
  assert.deepEqual([got.text, got.headers.get('etag'), got.headers.get('x-object-manifest')], [WHOLE, ETAG, 'parts/x%2F']);
  assert.equal((await anna.send('GET', '/big/dynamic', { headers: { range: 'bytes=2-9' } })).text, WHOLE.slice(2, 10));
  assert.equal((await anna.send('HEAD', '/big/dynamic')).headers.get('content-length'), String(WHOLE.length));
  await anna.send('PUT', '/parts/x/4', { body: '!' });
  assert.equal((await anna.send('GET', '/big/dynamic')).text, `${WHOLE}!`);
  await anna.send('DELETE', '/parts/x/4');
  const copied = await anna.send('COPY', '/big/dynamic', { headers: { destination: 'big/plain' } });
  assert.deepEqual([copied.status, copied.headers.get('etag')], [201, md5(WHOLE)]);
  assert.equal((await anna.send('GET', '/big/plain')).headers.get('x-object-manifest'), null);
  assert.equal((await anna.send('PUT', '/big/bad', { body: '', headers: { 'x-object-manifest': 'parts' } })).status, 400);
});

const manifest = JSON.stringify([
  { path: '/parts/x/1', etag: md5('one '), size_bytes: 4 },
  { path: 'parts/x/2' },
  { path: '/parts/x/3', size_bytes: null, etag: null },
]);
const putStatic = (path: string, body: string, headers: Record<string, string> = {}) =>
  anna.send('PUT', `${path}?multipart-manifest=put`, { body, headers });

test('a static large object is its segments, as long as they are what they were', async () => {
  const made = await putStatic('/big/static', manifest, { 'x-object-meta-color': 'red' });
  assert.deepEqual([made.status, made.headers.get('etag')], [201, ETAG], made.text);
  const got = await anna.send('GET', '/big/static');
  assert.deepEqual(
    [got.text, got.headers.get('etag'), got.headers.get('x-static-large-object'), got.headers.get('x-object-meta-color')],
    [WHOLE, ETAG, 'True', 'red'],
  );
  assert.equal((await anna.send('GET', '/big/static', { headers: { range: 'bytes=3-4' } })).text, ' t');
  const listed = JSON.parse((await anna.send('GET', '/big?format=json&prefix=static')).text) as Record<string, unknown>[];
  assert.deepEqual([listed[0]!['bytes'], listed[0]!['slo_etag']], [WHOLE.length, ETAG]);
  const shown = JSON.parse((await anna.send('GET', '/big/static?multipart-manifest=get')).text) as Record<string, unknown>[];
  assert.deepEqual([shown[0]!['name'], shown[0]!['hash'], shown[0]!['bytes']], ['/parts/x/1', md5('one '), 4]);
  const raw = (await anna.send('GET', '/big/static?multipart-manifest=get&format=raw')).text;
  assert.equal((await putStatic('/big/again', raw)).headers.get('etag'), ETAG);
  await anna.send('PUT', '/parts/x/2', { body: 'TWO ' });
  assert.equal((await anna.send('GET', '/big/static')).status, 409);
  await anna.send('PUT', '/parts/x/2', { body: 'two ' });
  assert.equal((await anna.send('GET', '/big/static')).text, WHOLE);
});

test('parts of parts: ranges, manifests in manifests, bytes in the manifest', async () => {
  const nested = JSON.stringify([
    { path: '/big/static', range: '4-' },
    { data: Buffer.from(' and ').toString('base64') },
    { path: '/parts/x/1', range: '-4' },
  ]);
  const made = await putStatic('/big/nested', nested);
  assert.equal(made.status, 201, made.text);
  assert.equal((await anna.send('GET', '/big/nested')).text, 'two three and one ');
  assert.equal((await anna.send('GET', '/big/nested', { headers: { range: 'bytes=8-14' } })).text, 'e and o');
  const copied = await anna.send('COPY', '/big/nested?multipart-manifest=get', { headers: { destination: 'big/nested-too' } });
  assert.equal(copied.status, 201, copied.text);
  assert.equal((await anna.send('HEAD', '/big/nested-too')).headers.get('x-static-large-object'), 'True');
});

test('a manifest that can not be is refused with every reason', async () => {
  const refused = await putStatic(
    '/big/no',
    JSON.stringify([{ path: '/parts/x/1', etag: 'f'.repeat(32) }, { path: '/parts/nothing' }, { path: '/parts/x/1', size_bytes: 5 }]),
  );
  assert.equal(refused.status, 400);
  assert.match(refused.text, /\/parts\/x\/1, Etag Mismatch\n\/parts\/nothing, 404 Not Found\n\/parts\/x\/1, Size Mismatch/);
  for (const body of [
    '',
    '{}',
    '[]',
    '[7]',
    '[{"path": "/parts"}]',
    '[{"path": "/big/no"}]',
    '[{"path": "/parts/x/1", "size": 3}]',
    '[{"data": "%%%"}]',
  ])
    assert.equal((await putStatic('/big/no', body)).status, 400, body);
  assert.equal((await putStatic('/big/no', manifest, { etag: 'f'.repeat(32) })).status, 422);
});

test('a static large object goes with its segments when that is asked', async () => {
  const removed = await anna.send('DELETE', '/big/static?multipart-manifest=delete', { headers: { accept: 'application/json' } });
  assert.deepEqual(JSON.parse(removed.text), {
    'Number Deleted': 4,
    'Number Not Found': 0,
    'Response Status': '200 OK',
    'Response Body': '',
    Errors: [],
  });
  assert.equal((await anna.send('GET', '/parts')).text, '');
});

/** A ustar header and its bytes (POSIX.1-2017 pax, "ustar Interchange Format"). */
function tarred(name: string, body: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${Buffer.byteLength(body).toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write('0ustar\0', 156);
  header.write('00', 263);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return Buffer.concat([header, Buffer.from(body), Buffer.alloc((512 - (Buffer.byteLength(body) % 512)) % 512)]);
}

test('an archive becomes objects, many names go at once', async () => {
  const archive = Buffer.concat([
    tarred('one/a.txt', 'A'),
    tarred('./one/b/c', 'C'.repeat(1000)),
    tarred('two/d', ''),
    tarred('lonely', 'x'),
    Buffer.alloc(1024),
  ]);
  const made = await anna.send('PUT', '?extract-archive=tar', { body: archive, headers: { accept: 'application/json' } });
  const report = JSON.parse(made.text) as Record<string, unknown>;
  assert.deepEqual([made.status, report['Number Files Created'], report['Response Status'], report['Errors']], [200, 3, '201 Created', []]);
  assert.equal((await anna.send('GET', '/one/b/c')).text, 'C'.repeat(1000));
  assert.equal((await anna.send('HEAD', '/one/a.txt')).headers.get('content-type'), 'text/plain');
  const bad = await anna.send('PUT', '/one?extract-archive=tar', { body: Buffer.alloc(600, 7), headers: { accept: 'application/json' } });
  assert.equal((JSON.parse(bad.text) as Record<string, unknown>)['Response Status'], '400 Bad Request');
  assert.equal((await anna.send('PUT', '/one?extract-archive=tar.bz2', { body: archive })).status, 400);
  const gone = await anna.send('POST', '?bulk-delete', {
    body: 'one/a.txt\n/one/b%2Fc\none/nothing\none\ntwo\n',
    headers: { 'content-type': 'text/plain', accept: 'application/json' },
  });
  assert.deepEqual(JSON.parse(gone.text), {
    'Number Deleted': 3,
    'Number Not Found': 1,
    'Response Status': '400 Bad Request',
    'Response Body': '',
    Errors: [['two', '409 Conflict']],
  });
});

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startObjectRig, type ObjectRig, type Tenant } from './object-rig.ts';

/** Who may: tenants, lists of access, signed addresses, forms, web sites, scripts of other sites. */
let rig: ObjectRig;
let anna: Tenant;
let bob: Tenant;
before(async () => {
  rig = await startObjectRig();
  anna = await rig.tenant('anna');
  bob = await rig.tenant('bob');
  await anna.send('PUT', '/secret');
  await anna.send('PUT', '/secret/o', { body: 'mine' });
});
after(() => rig.close());

const asBob = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
  rig.anonymous(method, `/v1/${anna.account}${path}`, {
    headers: { 'x-auth-token': bob.token, ...headers },
    ...(body === undefined ? {} : { body }),
  });
const asNobody = (method: string, path: string, headers: Record<string, string> = {}) =>
  rig.anonymous(method, `/v1/${anna.account}${path}`, { headers });

test('another tenant gets nothing of an account, and hears not what is there', async () => {
  const places = ['', '/secret', '/secret/o', '/nothing', '/nothing/o'];
  for (const path of places)
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE', ...(path.endsWith('/o') ? ['COPY'] : [])]) {
      assert.equal((await asBob(method, path)).status, 403, `${method} ${path}`);
      assert.equal((await asNobody(method, path)).status, 401, `${method} ${path}`);
    }
  await bob.send('PUT', '/loot');
  const from = await bob.send('PUT', '/loot/o', {
    headers: { 'x-copy-from': '/secret/o', 'x-copy-from-account': anna.account, 'content-length': '0' },
  });
  assert.equal(from.status, 403);
  assert.equal(
    (await anna.send('COPY', '/secret/o', { headers: { destination: 'loot/o', 'destination-account': bob.account } })).status,
    403,
  );
  await bob.send('PUT', '/loot/manifest', { headers: { 'x-object-manifest': 'secret/o' } });
  assert.equal((await bob.send('GET', '/loot/manifest')).text, '', 'a manifest is about its own account');
  assert.equal((await anna.send('GET', '/secret')).text, 'o\n');
});

test('a reader reads, a reseller sets quotas, whoever has another role has no account', async () => {
  const reader = await rig.tenant('reader', 'reader');
  assert.equal((await reader.send('GET', '')).status, 204);
  assert.equal((await reader.send('PUT', '/c')).status, 403);
  const stranger = await rig.tenant('stranger', 'painter');
  assert.equal((await stranger.send('GET', '')).status, 403);
  const quota = { 'x-account-meta-quota-bytes': '10' };
  assert.equal((await anna.send('POST', '', { headers: quota })).status, 403);
  const reseller = await rig.tenant('reseller', 'ResellerAdmin');
  const set = (headers: Record<string, string>) =>
    rig.anonymous('POST', `/v1/${anna.account}`, { headers: { 'x-auth-token': reseller.token, ...headers } });
  assert.equal((await set(quota)).status, 204);
  assert.equal((await anna.send('PUT', '/secret/p', { body: 'too many bytes' })).status, 413);
  assert.equal((await anna.send('PUT', '/secret/p', { body: 'enough' })).status, 201);
  assert.equal((await anna.send('POST', '', { headers: { 'x-remove-account-meta-quota-bytes': 'x' } })).status, 403);
  assert.equal((await set({ 'x-remove-account-meta-quota-bytes': 'x' })).status, 204);
  await anna.send('DELETE', '/secret/p');
});

test('lists of access open a container to projects, users, roles and everybody', async () => {
  const allow = async (headers: Record<string, string>) => assert.equal((await anna.send('POST', '/secret', { headers })).status, 204);
  for (const grant of [`${bob.projectId}:${bob.userId}`, `*:${bob.userId}`, `${bob.projectId}:*`, '*:*', 'bob:bob', 'member']) {
    await allow({ 'x-container-read': grant });
    assert.equal((await asBob('GET', '/secret/o')).text, 'mine', grant);
    assert.equal((await asBob('GET', '/secret')).text, 'o\n', grant);
    assert.equal((await asBob('PUT', '/secret/p', {}, 'x')).status, 403, grant);
    assert.equal((await asNobody('GET', '/secret/o')).status, 401, grant);
  }
  await allow({ 'x-container-read': `${anna.projectId}:${bob.userId}`, 'x-container-write': `${bob.projectId}:*` });
  assert.equal((await asBob('GET', '/secret/o')).status, 403);
  assert.equal((await asBob('PUT', '/secret/p', {}, 'x')).status, 201);
  assert.equal((await asBob('DELETE', '/secret/p')).status, 204);
  assert.equal((await asBob('POST', '/secret', { 'x-container-read': '*:*' })).status, 403);
  await allow({ 'x-container-read': '.r:*', 'x-remove-container-write': 'x' });
  assert.equal((await asNobody('GET', '/secret/o')).text, 'mine');
  assert.equal((await asNobody('GET', '/secret')).status, 401, 'objects, not their list');
  await allow({ 'x-container-read': '.r:*,.rlistings' });
  assert.equal((await asNobody('GET', '/secret')).text, 'o\n');
  assert.equal((await asNobody('HEAD', '/secret')).headers.get('x-container-read'), null);
  await allow({ 'x-container-read': '.r:.example.com,.r:-bad.example.com' });
  assert.equal((await asNobody('GET', '/secret/o', { referer: 'https://www.example.com/page' })).status, 200);
  assert.equal((await asNobody('GET', '/secret/o', { referer: 'https://bad.example.com/' })).status, 401);
  assert.equal((await anna.send('POST', '/secret', { headers: { 'x-container-write': '.r:*' } })).status, 400);
  await allow({ 'x-container-read': '' });
  assert.equal((await asBob('GET', '/secret/o')).status, 403);
});

const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const signed = (method: string, path: string, key: string, { digest = 'sha256', expires = inAnHour(), prefix = '' } = {}) => {
  const full = `/v1/${anna.account}${path}`;
  const what = prefix === '' ? full : `prefix:/v1/${anna.account}/secret/${prefix}`;
  const signature = createHmac(digest, key).update(`${method}\n${expires}\n${what}`).digest('hex');
  return `${path}?temp_url_sig=${signature}&temp_url_expires=${expires}${prefix === '' ? '' : `&temp_url_prefix=${prefix}`}`;
};

test('a signed address opens one object, for one thing, for a time', async () => {
  await anna.send('POST', '', { headers: { 'x-account-meta-temp-url-key': 'account key' } });
  await anna.send('POST', '/secret', { headers: { 'x-container-meta-temp-url-key-2': 'container key' } });
  for (const digest of ['sha1', 'sha256', 'sha512']) {
    const got = await asNobody('GET', signed('GET', '/secret/o', 'account key', { digest }));
    assert.deepEqual([got.status, got.text], [200, 'mine'], digest);
    assert.match(got.headers.get('content-disposition')!, /^attachment; filename="o"/);
  }
  assert.equal((await asNobody('GET', signed('GET', '/secret/o', 'container key'))).text, 'mine');
  assert.equal((await asNobody('HEAD', signed('GET', '/secret/o', 'container key'))).status, 200);
  assert.equal((await asNobody('GET', signed('GET', '/secret/o', 'no key'))).status, 401);
  assert.equal((await asNobody('GET', signed('GET', '/secret/o', 'account key', { expires: 1000 }))).status, 401);
  assert.equal((await asNobody('PUT', signed('GET', '/secret/o', 'account key'))).status, 401);
  assert.equal((await asNobody('GET', signed('GET', '/secret/o', 'account key').replace('/o?', '/p?'))).status, 401);
  assert.equal((await asNobody('GET', signed('GET', '/secret/o', 'account key', { prefix: 'o' }))).text, 'mine');
  assert.equal((await asNobody('GET', signed('GET', '/secret/o', 'account key', { prefix: 'p' }))).status, 401);
  const copying = await asNobody('PUT', signed('PUT', '/secret/stolen', 'container key'), { 'x-copy-from': '/secret/o' });
  assert.equal(copying.status, 400);
  await anna.send('PUT', '/parts');
  await anna.send('PUT', '/parts/1', { body: 'part' });
  await anna.send('PUT', '/secret/whole', { headers: { 'x-object-manifest': 'parts/1' } });
  assert.equal((await asNobody('GET', signed('GET', '/secret/whole', 'account key'))).text, 'part');
  assert.equal((await asNobody('GET', signed('GET', '/secret/whole', 'container key'))).status, 403, 'the key of one container');
  await anna.send('DELETE', '/secret/whole');
});

test("a browser's form uploads what was signed, and not more", async () => {
  const post = async (changes: Record<string, string> = {}, files = ['hello']) => {
    const fields = { redirect: '', max_file_size: '100', max_file_count: '2', expires: String(inAnHour()), ...changes };
    const path = `/v1/${anna.account}/secret/form-`;
    const words = [path, fields.redirect, fields.max_file_size, fields.max_file_count, fields.expires];
    const signature = createHmac('sha1', 'account key').update(words.join('\n')).digest('hex');
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, signature, ...changes })) form.append(name, value);
    for (const [at, text] of files.entries()) form.append(`file${at}`, new Blob([text], { type: 'text/plain' }), `f${at}`);
    const response = await fetch(`${rig.serve().endpoint}${path}`, { method: 'POST', body: form, redirect: 'manual' });
    return { status: response.status, location: response.headers.get('location') };
  };
  assert.equal((await post({}, ['hello', 'world'])).status, 201);
  assert.equal((await anna.send('GET', '/secret/form-f1')).text, 'world');
  const sent = await post({ redirect: 'https://example.com/done' });
  assert.deepEqual([sent.status, sent.location], [303, 'https://example.com/done?status=201&message=']);
  assert.equal((await post({ signature: 'f'.repeat(40) })).status, 401);
  assert.equal((await post({ expires: '1000' })).status, 401);
  assert.equal((await post({}, ['a', 'b', 'c'])).status, 400);
  assert.equal((await post({ max_file_size: '3' })).status, 413);
  assert.deepEqual(rig.incoming(), []);
});

test('a container is a web site for who may read it', async () => {
  await anna.send('PUT', '/site', { headers: { 'x-container-read': '.r:*,.rlistings', 'x-container-meta-web-listings': 'true' } });
  for (const [name, body] of Object.entries({
    'index.html': 'home',
    'sub/index.html': 'below',
    'pics/a%20b.png': 'p',
    '404oops.html': 'lost',
  }))
    await anna.send('PUT', `/site/${name}`, { body });
  const listing = await asNobody('GET', '/site/');
  assert.match(listing.text, /<a href="\.\/pics\/">pics\/<\/a>/);
  assert.match((await asNobody('GET', '/site/pics/')).text, /<a href="\.\/a%20b\.png">a b\.png<\/a>/);
  await anna.send('POST', '/site', { headers: { 'x-container-meta-web-index': 'index.html', 'x-container-meta-web-error': 'oops.html' } });
  const bare = await asNobody('GET', '/site');
  assert.deepEqual([bare.status, bare.headers.get('location')], [301, `${rig.serve().endpoint}/v1/${anna.account}/site/`]);
  assert.equal((await asNobody('GET', '/site/')).text, 'home');
  assert.equal((await asNobody('GET', '/site/sub/')).text, 'below');
  assert.equal((await asNobody('GET', '/site/sub')).status, 301);
  const lost = await asNobody('GET', '/site/nowhere');
  assert.deepEqual([lost.status, lost.text], [404, 'lost']);
  assert.match((await anna.send('GET', '/site')).text, /^404oops\.html\n/, 'its owner uses the API');
  assert.equal((await anna.send('GET', '/site/', { headers: { 'x-web-mode': 'true' } })).text, 'home');
});

test("scripts of another site are answered where the container's owner said so", async () => {
  await anna.send('PUT', '/cors', {
    headers: { 'x-container-meta-access-control-allow-origin': 'https://a.example https://b.example', 'x-container-read': '.r:*' },
  });
  await anna.send('PUT', '/cors/o', { body: 'x', headers: { 'x-object-meta-color': 'red' } });
  const ask = (origin: string) =>
    asNobody('OPTIONS', '/cors/o', { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'x-auth-token' });
  const asked = await ask('https://b.example');
  assert.deepEqual(
    [asked.status, asked.headers.get('access-control-allow-origin'), asked.headers.get('access-control-allow-headers')],
    [200, 'https://b.example', 'x-auth-token'],
  );
  assert.equal((await ask('https://c.example')).status, 401);
  const got = await asNobody('GET', '/cors/o', { origin: 'https://a.example' });
  assert.equal(got.headers.get('access-control-allow-origin'), 'https://a.example');
  assert.match(got.headers.get('access-control-expose-headers')!, /x-object-meta-color/);
  assert.equal((await asNobody('GET', '/cors/o')).headers.get('access-control-allow-origin'), null);
});

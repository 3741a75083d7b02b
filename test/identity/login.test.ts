import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { passwordOf, startCloud, type Cloud, type Tenant } from './identity-rig.ts';

/** All the ways to sign in, over HTTP: what each gives, and what it does not. */
let cloud: Cloud;
let ann: Tenant;
before(async () => {
  cloud = await startCloud();
  ann = await cloud.tenant('ann', ['member']);
});
after(() => cloud?.close());

const check = (token: string) => cloud.call(cloud.admin, 'GET', '/auth/tokens', undefined, { 'x-subject-token': token });
const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1050 - (Date.now() % 1000)));

test('a password gives a token with scope, roles and catalog; it can be looked at and ended', async () => {
  const { status, body, headers } = await check(ann.token);
  assert.equal(status, 200);
  assert.equal(headers.get('x-subject-token'), ann.token);
  const token = body['token']!;
  assert.deepEqual(token['methods'], ['password']);
  assert.equal(token['project']!['id'], ann.projectId);
  assert.deepEqual((token['roles'] as unknown as { name: string }[]).map((role) => role.name).toSorted(), ['member', 'reader']);
  assert.deepEqual(
    (token['catalog'] as unknown as { type: string }[]).map((entry) => entry.type),
    ['baremetal', 'baremetal-introspection', 'compute', 'identity', 'image', 'network', 'object-store', 'placement'],
  );
  const short = await cloud.call(cloud.admin, 'GET', '/auth/tokens?nocatalog', undefined, { 'x-subject-token': ann.token });
  assert.equal(short.body['token']!['catalog'], undefined);
  const mine = await cloud.login(passwordOf({ id: ann.userId }, ann.password, { project: { id: ann.projectId } }));
  assert.equal((await cloud.call(mine, 'DELETE', '/auth/tokens', undefined, { 'x-subject-token': mine })).status, 204);
  assert.equal((await check(mine)).status, 404);
  assert.equal((await cloud.call(mine, 'GET', '/auth/projects')).status, 401);
});

test('a token is turned into one of another scope, of the same chain and end, and none of a scope without a role', async () => {
  const turn = (scope?: object | 'unscoped') =>
    cloud.call(undefined, 'POST', '/auth/tokens', {
      auth: { identity: { methods: ['token'], token: { id: ann.token } }, ...(scope ? { scope } : {}) },
    });
  const unscoped = await turn('unscoped');
  assert.equal(unscoped.status, 201);
  assert.equal(unscoped.body['token']!['project'], undefined);
  assert.deepEqual(unscoped.body['token']!['methods'], ['password', 'token']);
  const before = (await check(ann.token)).body['token']!;
  assert.equal(unscoped.body['token']!['expires_at'], before['expires_at']);
  assert.equal((unscoped.body['token']!['audit_ids'] as unknown as string[])[1], (before['audit_ids'] as unknown as string[])[0]);
  assert.equal((await turn({ system: { all: true } })).status, 401);
  assert.equal((await turn({ domain: { id: 'default' } })).status, 401);
  assert.equal((await turn({ project: { id: 'f'.repeat(32) } })).status, 401);
  assert.equal((await turn({ project: { id: ann.projectId }, domain: { id: 'default' } })).status, 400);
});

test('a role taken away, a user disabled, a password changed: tokens end at once', async () => {
  const bob = await cloud.tenant('bob', ['member']);
  assert.equal((await check(bob.token)).status, 200);
  assert.equal((await cloud.call(cloud.admin, 'PATCH', `/users/${bob.userId}`, { user: { enabled: false } })).status, 200);
  assert.equal((await check(bob.token)).status, 404);
  await cloud.call(cloud.admin, 'PATCH', `/users/${bob.userId}`, { user: { enabled: true } });
  await nextSecond();
  const again = await cloud.login(passwordOf({ id: bob.userId }, bob.password, { project: { id: bob.projectId } }));
  const roles = (await cloud.call(cloud.admin, 'GET', '/roles?name=member')).body['roles'] as unknown as { id: string }[];
  await cloud.call(cloud.admin, 'DELETE', `/projects/${bob.projectId}/users/${bob.userId}/roles/${roles[0]!.id}`);
  assert.equal((await check(again)).status, 404);
});

test('two wrong passwords pause a user for five seconds, also for the right one; nobody pauses the administrator', async () => {
  const eve = await cloud.tenant('eve', ['member']);
  const tryIt = async (password: string) =>
    (await cloud.call(undefined, 'POST', '/auth/tokens', { auth: passwordOf({ id: eve.userId }, password) })).status;
  assert.deepEqual([await tryIt('a'), await tryIt('b'), await tryIt(eve.password)], [401, 401, 401]);
  await new Promise((resolve) => setTimeout(resolve, 5100));
  assert.equal(await tryIt(eve.password), 201);
});

/** RFC 6238 with a secret of ours, reckoned here and not with the product's code. */
function passcode(secret: string): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', secret).update(counter).digest();
  return String((mac.readUInt32BE(mac.at(-1)! & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

test('who must show two things gets a receipt for one, and a token for both', async () => {
  const max = await cloud.tenant('max', ['member']);
  const options = { multi_factor_auth_enabled: true, multi_factor_auth_rules: [['password', 'totp']] };
  assert.equal((await cloud.call(cloud.admin, 'PATCH', `/users/${max.userId}`, { user: { options } })).status, 200);
  // RFC 6238's own secret, in base32.
  const credential = { user_id: max.userId, type: 'totp', blob: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' };
  assert.equal((await cloud.call(cloud.admin, 'POST', '/credentials', { credential })).status, 201);
  const auth = passwordOf({ id: max.userId }, max.password);
  const first = await cloud.call(undefined, 'POST', '/auth/tokens', { auth });
  assert.equal(first.status, 401);
  assert.deepEqual(first.body['required_auth_methods'], [['password', 'totp']]);
  assert.deepEqual(first.body['receipt']!['methods'], ['password']);
  const receipt = first.headers.get('openstack-auth-receipt')!;
  const totp = (code: string) => ({ auth: { identity: { methods: ['totp'], totp: { user: { id: max.userId, passcode: code } } } } });
  const wrong = await cloud.call(undefined, 'POST', '/auth/tokens', totp('000000'), { 'openstack-auth-receipt': receipt });
  assert.equal(wrong.status, 401);
  const right = await cloud.call(undefined, 'POST', '/auth/tokens', totp(passcode('12345678901234567890')), {
    'openstack-auth-receipt': receipt,
  });
  assert.equal(right.status, 201);
  assert.deepEqual(right.body['token']!['methods'], ['password', 'totp']);
});

test('an application credential: its roles and calls only, no second one of its own, gone with its user’s role', async () => {
  const body = { name: 'ci', roles: [{ name: 'reader' }], access_rules: [{ service: 'identity', path: '/v3/users/{id}', method: 'GET' }] };
  const path = `/users/${ann.userId}/application_credentials`;
  const made = await cloud.call(ann.token, 'POST', path, { application_credential: body });
  assert.equal(made.status, 201);
  const { id, secret } = made.body['application_credential'] as unknown as { id: string; secret: string };
  const auth = { identity: { methods: ['application_credential'], application_credential: { id, secret } } };
  const token = await cloud.login(auth);
  const seen = await check(token);
  assert.deepEqual(
    (seen.body['token']!['roles'] as unknown as { name: string }[]).map((role) => role.name),
    ['reader'],
  );
  assert.equal((await cloud.call(token, 'GET', `/users/${ann.userId}`)).status, 200);
  assert.equal((await cloud.call(token, 'GET', `/users/${ann.userId}/projects`)).status, 403);
  assert.equal((await cloud.call(token, 'POST', path, { application_credential: { name: 'more' } })).status, 403);
  assert.equal((await cloud.call(undefined, 'POST', '/auth/tokens', { auth: { ...auth, scope: { system: { all: true } } } })).status, 401);
  const listed = await cloud.call(ann.token, 'GET', path);
  assert.ok(!JSON.stringify(listed.body).includes(secret));
  assert.equal((await cloud.call(ann.token, 'DELETE', `${path}/${id}`)).status, 204);
  assert.equal((await check(token)).status, 404);
});

test('a trust: the trustee acts for the trustor, as often as allowed, and can not lend it further', async () => {
  const tom = await cloud.tenant('tom', ['member']);
  const trust = {
    trustor_user_id: ann.userId,
    trustee_user_id: tom.userId,
    project_id: ann.projectId,
    impersonation: true,
    roles: [{ name: 'member' }],
    remaining_uses: 1,
  };
  const made = await cloud.call(ann.token, 'POST', '/OS-TRUST/trusts', { trust });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const trustId = String(made.body['trust']!['id']);
  const use = () =>
    cloud.call(undefined, 'POST', '/auth/tokens', {
      auth: { identity: { methods: ['token'], token: { id: tom.token } }, scope: { 'OS-TRUST:trust': { id: trustId } } },
    });
  const used = await use();
  assert.equal(used.status, 201, JSON.stringify(used.body));
  assert.equal(used.body['token']!['user']!['id'], ann.userId);
  assert.equal(used.body['token']!['OS-TRUST:trust']!['trustee_user']!['id'], tom.userId);
  assert.equal((await use()).status, 403);
  const borrowed = used.headers.get('x-subject-token')!;
  assert.equal(
    (await cloud.call(borrowed, 'POST', '/auth/tokens', { auth: { identity: { methods: ['token'], token: { id: borrowed } } } })).status,
    403,
  );
  assert.equal(
    (await cloud.call(borrowed, 'POST', `/users/${ann.userId}/application_credentials`, { application_credential: { name: 'x' } })).status,
    403,
  );
  assert.equal((await cloud.call(ann.token, 'DELETE', `/OS-TRUST/trusts/${trustId}`)).status, 204);
  assert.equal((await check(borrowed)).status, 404);
});

test('a request signed with an EC2 key becomes a token; a changed one does not', async () => {
  const made = await cloud.call(ann.token, 'POST', `/users/${ann.userId}/credentials/OS-EC2`, { tenant_id: ann.projectId });
  const { access, secret } = made.body['credential'] as unknown as { access: string; secret: string };
  const params = { Action: 'Test', SignatureVersion: '2', SignatureMethod: 'HmacSHA256', AWSAccessKeyId: access };
  const query = Object.entries(params)
    .toSorted()
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const signature = createHmac('sha256', secret).update(`GET\nlocalhost\n/\n${query}`).digest('base64');
  const credentials = { access, signature, host: 'localhost:8773', verb: 'GET', path: '/', params };
  const right = await cloud.call(cloud.admin, 'POST', '/ec2tokens', { credentials });
  assert.equal(right.status, 200, JSON.stringify(right.body));
  assert.equal(right.body['token']!['user']!['id'], ann.userId);
  assert.equal((await cloud.call(cloud.admin, 'POST', '/ec2tokens', { credentials: { ...credentials, path: '/other' } })).status, 401);
  assert.equal((await cloud.call(ann.token, 'POST', '/ec2tokens', { credentials })).status, 403);
  const text = 'GET\n\n\nTue, 24 Nov 2026 04:00:00 GMT\n/bucket';
  const s3 = {
    access,
    token: Buffer.from(text).toString('base64url'),
    signature: createHmac('sha1', secret).update(text).digest('base64'),
  };
  assert.equal((await cloud.call(cloud.admin, 'POST', '/s3tokens', { credentials: s3 })).status, 200);
});

test('behind a proxy on this machine, links lead where clients come from', async () => {
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'cloud.example' };
  const { body } = await cloud.call(ann.token, 'GET', `/users/${ann.userId}`, undefined, forwarded);
  assert.equal(body['user']!['links']!['self'], `https://cloud.example/v3/users/${ann.userId}`);
  const version = await cloud.call(undefined, 'GET', '', undefined, forwarded);
  assert.equal((version.body['version']!['links'] as unknown as { href: string }[])[0]!.href, 'https://cloud.example/v3/');
});

test('a crowd that signs in at once gets in, one after the other', async () => {
  const auth = passwordOf({ id: ann.userId }, ann.password);
  const all = await Promise.all(Array.from({ length: 40 }, () => cloud.call(undefined, 'POST', '/auth/tokens', { auth })));
  assert.deepEqual([...new Set(all.map((reply) => reply.status))], [201]);
});

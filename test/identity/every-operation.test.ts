import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { identityOperations } from '../../api/identity-operations.ts';
import { passwordOf, startCloud, type Cloud, type Tenant } from './identity-rig.ts';

/** Over all operations, none left out: strangers, other tenants, and input that makes no sense. */
let cloud: Cloud;
let ann: Tenant;
let mallory: Tenant;
const ids: Record<string, string> = {};
before(async () => {
  cloud = await startCloud();
  ann = await cloud.tenant('ann', ['member']);
  mallory = await cloud.tenant('mallory', ['member']);
  Object.assign(ids, { user_id: ann.userId, project_id: ann.projectId, domain_id: 'default', region_id: 'RegionOne' });
  const group = await cloud.call(cloud.admin, 'POST', '/groups', { group: { name: 'staff' } });
  const credential = await cloud.call(ann.token, 'POST', '/credentials', { credential: { user_id: ann.userId, type: 'cert', blob: '{}' } });
  const role = await cloud.call(cloud.admin, 'GET', '/roles?name=member');
  const made = await cloud.call(ann.token, 'POST', `/users/${ann.userId}/application_credentials`, {
    application_credential: { name: 'a' },
  });
  ids['group_id'] = String(group.body['group']!['id']);
  ids['credential_id'] = String(credential.body['credential']!['id']);
  ids['application_credential_id'] = String(made.body['application_credential']!['id']);
  for (const name of ['role_id', 'prior_role_id', 'implied_role_id'])
    ids[name] = (role.body['roles'] as unknown as { id: string }[])[0]!.id;
});
after(() => cloud?.close());

const fill = (path: string, value: (name: string) => string) => path.replace(/:([a-z_0-9]+)/g, (_all, name: string) => value(name));
const real = (path: string) => fill(path, (name) => ids[name] ?? 'f'.repeat(32));
const named = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;

const bodyOf = ({ method }: { method: string }) => (method === 'GET' || method === 'HEAD' ? undefined : {});

/** What a member of another project may do: their own login, what is everyone's, and lists that show only what is theirs. */
const OPEN_TO_ALL = new Set([
  'GET /auth/projects',
  'GET /auth/domains',
  'GET /auth/system',
  'GET /auth/catalog',
  'GET /OS-FEDERATION/projects',
  'GET /OS-FEDERATION/domains',
  // Gone for everyone.
  'GET /auth/tokens/OS-PKI/revoked',
  'GET /OS-SIMPLE-CERT/ca',
  'GET /OS-SIMPLE-CERT/certificates',
  'GET /regions',
  'GET /regions/:region_id',
  'GET /registered_limits',
  'GET /registered_limits/:registered_limit_id',
  'GET /limits',
  'GET /limits/model',
  'GET /credentials',
  // The domain that one's project is in.
  'GET /domains/:domain_id',
]);

test('nobody gets anywhere without a token', async () => {
  const let_in: string[] = [];
  for (const operation of identityOperations.filter(({ open }) => !open)) {
    const { status } = await cloud.call(undefined, operation.method, real(operation.path), bodyOf(operation));
    if (status !== 401) let_in.push(`${named(operation)}: ${status}`);
  }
  assert.deepEqual(let_in, []);
});

test("a tenant neither sees nor touches what is another's: every operation, with real ids", async () => {
  const let_in: string[] = [];
  for (const operation of identityOperations.filter(({ open }) => !open)) {
    if (OPEN_TO_ALL.has(named(operation))) continue;
    const path = real(operation.path);
    const { status } = await cloud.call(mallory.token, operation.method, path, bodyOf(operation), {
      'x-subject-token': ann.token,
    });
    if (status !== 403 && status !== 404) let_in.push(`${named(operation)}: ${status}`);
  }
  assert.deepEqual(let_in, []);
});

test('lists that are open to all show only what is one’s own', async () => {
  const credentials = await cloud.call(mallory.token, 'GET', '/credentials');
  assert.deepEqual(credentials.body['credentials'], []);
  const projects = await cloud.call(mallory.token, 'GET', '/auth/projects');
  assert.deepEqual(
    (projects.body['projects'] as unknown as { id: string }[]).map((one) => one.id),
    [mallory.projectId],
  );
});

const NONSENSE: readonly unknown[] = [
  undefined,
  '',
  '{',
  'null',
  '[]',
  '"text"',
  {},
  '{"__proto__": {"admin": true}}',
  { unknown: { a: 1 } },
  JSON.stringify(Array.from({ length: 2000 }, () => [])),
];
/** For each noun of a body: values of every wrong kind. */
const WRONG: readonly unknown[] = [
  null,
  1,
  'x',
  [],
  {},
  { name: '' },
  { name: 1 },
  { name: 'n'.repeat(5000) },
  { name: "a'; drop table identity_user; --\u0000" },
  { id: { $ne: 1 } },
  { enabled: 'yes' },
];
const NOUNS = [
  'user project domain group role region service endpoint policy credential trust application_credential limit limits registered_limit registered_limits',
  'endpoint_group consumer mapping identity_provider protocol service_provider config tags roles auth',
].flatMap((names) => names.split(' '));

test('no operation answers nonsense with a 500, and every refusal has Keystone’s form', async () => {
  const broken: string[] = [];
  const bodies = [...NONSENSE, ...WRONG.map((value) => Object.fromEntries(NOUNS.map((noun) => [noun, value])))];
  const strange = ['%00', '..%2f..%2fetc', "'%20or%201=1", 'x'.repeat(300), '%F0%9F%92%A9', '-1', 'null'];
  for (const operation of identityOperations) {
    const withBody = !['GET', 'HEAD', 'DELETE'].includes(operation.method);
    const paths = operation.path.includes(':') ? strange.map((text) => fill(operation.path, () => text)) : [operation.path];
    // Ids of ours are left alone: the administrator may really delete.
    const calls = [
      ...paths.map((path) => [path, withBody ? {} : undefined] as const),
      ...(withBody ? bodies.map((body) => [fill(operation.path, () => 'f'.repeat(32)), body] as const) : []),
      ...(operation.method === 'GET'
        ? ['?limit=x', '?name[]=1&name=2', '?enabled=maybe&marker=%00', '?password_expires_at=x', '?since=never', '?%00=1'].map(
            (query) => [`${paths[0]}${query}`, undefined] as const,
          )
        : []),
    ];
    for (const [path, body] of calls) {
      const reply = await cloud.call(cloud.admin, operation.method, path, body);
      const told = reply.body['error'] as unknown as { code?: number; message?: string; title?: string } | undefined;
      if (reply.status >= 500) broken.push(`${operation.method} ${path} ${JSON.stringify(body)?.slice(0, 100)}: ${reply.status}`);
      else if (
        reply.status >= 400 &&
        operation.method !== 'HEAD' &&
        !(told?.code === reply.status && told.message && told.title) &&
        !operation.path.includes('OS-OAUTH2')
      )
        broken.push(`${operation.method} ${path}: ${reply.status} ${JSON.stringify(reply.body).slice(0, 200)}`);
    }
  }
  assert.deepEqual(broken.slice(0, 40), []);
});

test('tokens that are forged, cut, of another cloud, or absurd are no tokens', async () => {
  const other =
    'gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD7z89wY20ZMdYIv5Ujo321Nj3ioGzxruwKouXCeU3PS8BvX0VnMU4arzfXIuCwk-MsMe-MKzyohkPSLy86c-D650rNYfbjG8QTVPJmq80-Gqn-bFuyQhqtDmI63p6KjATw';
  const flipped = `${ann.token.slice(0, 40)}${ann.token[40] === 'A' ? 'B' : 'A'}${ann.token.slice(41)}`;
  for (const token of ['x', '', 'null', other, flipped, ann.token.slice(0, -4), 'g'.repeat(7000), "' or 1=1 --"]) {
    assert.equal((await cloud.call(token, 'GET', '/users')).status, 401, token.slice(0, 40));
    assert.equal(
      (await cloud.call(cloud.admin, 'GET', '/auth/tokens', undefined, { 'x-subject-token': token })).status,
      404,
      token.slice(0, 40),
    );
  }
});

test('a body past the limit is refused, a login of many methods or scopes too', async () => {
  const body = JSON.stringify({ user: { name: 'x', description: 'y'.repeat(3 * 2 ** 20) } });
  // Refused by its length alone: a client that is still sending may find the connection closed before it reads the answer.
  const huge = await cloud.call(cloud.admin, 'POST', '/users', body).then(
    ({ status }) => status,
    (error: Error) => (error.cause as NodeJS.ErrnoException).code,
  );
  assert.ok(huge === 413 || huge === 'EPIPE' || huge === 'ECONNRESET', String(huge));
  const methods = Array.from({ length: 1000 }, (_value, at) => `m${at}`);
  assert.equal((await cloud.call(undefined, 'POST', '/auth/tokens', { auth: { identity: { methods } } })).status, 401);
  const long = await cloud.call(undefined, 'POST', '/auth/tokens', { auth: passwordOf({ id: ann.userId }, 'p'.repeat(100_000)) });
  assert.equal(long.status, 401);
});

test('a method that a path does not have is not allowed, a path that is not there is not found', async () => {
  const wrong = await cloud.call(cloud.admin, 'PUT', '/users', {});
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get('allow'), 'GET, POST, HEAD');
  assert.equal((await cloud.call(cloud.admin, 'DELETE', '/auth/projects')).status, 405);
  const nowhere = await cloud.call(cloud.admin, 'GET', '/nothing/here');
  assert.equal(nowhere.status, 404);
  assert.equal(nowhere.body['error']!['title'] as unknown, 'Not Found');
});

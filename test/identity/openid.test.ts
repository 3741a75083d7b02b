import assert from 'node:assert/strict';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Provider from 'oidc-provider';
import { startCloud, type Cloud } from './identity-rig.ts';

/** Signing in by an OpenID provider that we did not write: in a browser, and with an access token. */
const DASHBOARD = 'https://dashboard.example/auth/websso/';
const folder = mkdtempSync(join(tmpdir(), 'rw-openid-'));
const client = { client_id: 'rackwright', client_secret: 'secret-of-the-client' };
const stranger = { client_id: 'stranger', client_secret: 'secret-of-a-stranger' };
let server: Server;
let issuer: string;
let cloud: Cloud;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function startProvider(port: number, redirectUri: string): void {
  issuer = `http://127.0.0.1:${port}`;
  const common = { grant_types: ['authorization_code'], response_types: ['code' as const], redirect_uris: [redirectUri] };
  const provider = new Provider(issuer, {
    clients: [
      { ...client, ...common },
      { ...stranger, ...common },
    ],
    claims: { openid: ['sub'], email: ['email'], profile: ['name', 'groups'] },
    features: { introspection: { enabled: true, allowedPolicy: () => true }, devInteractions: { enabled: true } },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@example.org`,
        name: `Person ${id}`,
        groups: id === 'lea' ? ['operators', 'staff'] : ['staff'],
      }),
    }),
    cookies: { keys: ['a-key-of-the-test'] },
  });
  server = createServer(provider.callback()).listen(port, '127.0.0.1');
}

before(async () => {
  const [providerPort, port] = [await freePort(), await freePort()];
  const callback = `http://127.0.0.1:${port}/v3/auth/OS-FEDERATION/identity_providers/corp/protocols/openid/websso/callback`;
  startProvider(providerPort, callback);
  const file = join(folder, 'rackwright.yaml');
  const openid = { issuer, ...client };
  const identity = { trusted_dashboards: [DASHBOARD], federation: [{ identity_provider: 'corp', protocol: 'openid', openid }] };
  writeFileSync(file, JSON.stringify({ identity }));
  cloud = await startCloud({ args: ['--listen', `127.0.0.1:${port}`, '--config', file] });
  const put = async (path: string, body: object) => {
    const reply = await cloud.call(cloud.admin, 'PUT', path, body);
    assert.equal(reply.status, 201, JSON.stringify(reply.body));
  };
  const group = await cloud.call(cloud.admin, 'POST', '/groups', { group: { name: 'operators' } });
  const groupId = String(group.body['group']!['id']);
  const roles = (await cloud.call(cloud.admin, 'GET', '/roles?name=member')).body['roles'] as unknown as { id: string }[];
  await cloud.call(cloud.admin, 'PUT', `/domains/default/groups/${groupId}/roles/${roles[0]!.id}`);
  const rules = [
    {
      local: [{ user: { name: '{0}', id: '{1}', email: '{2}' } }],
      remote: [{ type: 'OIDC-name' }, { type: 'OIDC-sub' }, { type: 'OIDC-email' }, { type: 'HTTP_OIDC_ISS', any_one_of: [issuer] }],
    },
    { local: [{ group: { id: groupId } }], remote: [{ type: 'OIDC-groups', any_one_of: ['operators'] }] },
  ];
  await put('/OS-FEDERATION/mappings/corp', { mapping: { rules } });
  await put('/OS-FEDERATION/identity_providers/corp', { identity_provider: { enabled: true, remote_ids: [issuer] } });
  await put('/OS-FEDERATION/identity_providers/corp/protocols/openid', { protocol: { mapping_id: 'corp' } });
});
after(async () => {
  await cloud?.close();
  server?.closeAllConnections();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A browser in small: keeps cookies for each host and path, follows redirects, fills in the provider's two forms. */
function newBrowser() {
  const jar = new Map<string, string>();
  const visit = async (url: string, form?: Record<string, string>): Promise<Response> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: cookie === '' ? {} : { cookie },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (value === '') jar.delete(name!);
      else jar.set(name!, value!);
    }
    return response;
  };
  return {
    visit,
    /** Signs in at the provider; the address at which the browser would come back. */
    async signIn(start: string, account: string, comesBackTo: string): Promise<string> {
      let next = start;
      for (let steps = 0; steps < 20; steps += 1) {
        const response = await visit(next);
        const location = response.headers.get('location');
        if (location !== null) {
          next = new URL(location, next).href;
          if (next.startsWith(comesBackTo)) return next;
          continue;
        }
        const page = await response.text();
        const action = new URL(/action="([^"]+)"/.exec(page)![1]!, next).href;
        const prompt = /name="prompt" value="([^"]+)"/.exec(page)![1]!;
        const sent = await visit(action, prompt === 'login' ? { prompt, login: account, password: 'x' } : { prompt });
        next = new URL(sent.headers.get('location')!, action).href;
      }
      throw new Error('the provider never sent the browser back');
    },
  };
}

const websso = (origin: string) =>
  `${cloud.serve.endpoint}/v3/auth/OS-FEDERATION/identity_providers/corp/protocols/openid/websso?origin=${encodeURIComponent(origin)}`;

async function signInToDashboard(account: string): Promise<string> {
  const browser = newBrowser();
  const back = await browser.signIn(websso(DASHBOARD), account, `${cloud.serve.endpoint}/v3/auth/OS-FEDERATION/identity_providers`);
  const page = await (await browser.visit(back)).text();
  assert.ok(page.includes(`action="${DASHBOARD}"`), page);
  return /name="token" value="([^"]+)"/.exec(page)![1]!;
}

test('a browser comes back from the provider with a token for the dashboard; groups follow the mapping', async () => {
  const token = await signInToDashboard('lea');
  const seen = (await cloud.call(cloud.admin, 'GET', '/auth/tokens', undefined, { 'x-subject-token': token })).body['token']!;
  assert.equal(seen['user']!['name'], 'Person lea');
  assert.deepEqual(seen['methods'], ['mapped']);
  assert.equal(seen['user']!['OS-FEDERATION']!['identity_provider']!['id'], 'corp');
  const scope = { domain: { id: 'default' } };
  const turned = await cloud.call(undefined, 'POST', '/auth/tokens', {
    auth: { identity: { methods: ['token'], token: { id: token } }, scope },
  });
  assert.equal(turned.status, 201, JSON.stringify(turned.body));
  const other = await signInToDashboard('kim');
  const refused = await cloud.call(undefined, 'POST', '/auth/tokens', {
    auth: { identity: { methods: ['token'], token: { id: other } }, scope },
  });
  assert.equal(refused.status, 401);
});

test('a dashboard that is not trusted, another browser, a used answer: no token', async () => {
  assert.equal((await fetch(websso('https://evil.example/'), { redirect: 'manual' })).status, 401);
  const browser = newBrowser();
  const back = await browser.signIn(websso(DASHBOARD), 'lea', `${cloud.serve.endpoint}/v3/auth/OS-FEDERATION/identity_providers`);
  assert.equal((await newBrowser().visit(back)).status, 401);
  assert.equal((await browser.visit(`${back}x`)).status, 401);
});

/** The code flow by hand, as a program with a client of its own does it. */
async function accessTokenOf(account: string, as: typeof client): Promise<string> {
  const redirect = `${cloud.serve.endpoint}/v3/auth/OS-FEDERATION/identity_providers/corp/protocols/openid/websso/callback`;
  const verifier = 'v'.repeat(50);
  const challenge = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(verifier))).toString('base64url');
  const query = {
    client_id: as.client_id,
    response_type: 'code',
    scope: 'openid email profile',
    redirect_uri: redirect,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  };
  const back = await newBrowser().signIn(`${issuer}/auth?${new URLSearchParams(query)}`, account, redirect);
  const code = new URL(back).searchParams.get('code')!;
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${as.client_id}:${as.client_secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

test('an access token of our client becomes a token; one of another client, or none at all, does not', async () => {
  const path = '/OS-FEDERATION/identity_providers/corp/protocols/openid/auth';
  const bearer = (token: string) => cloud.call(undefined, 'POST', path, undefined, { authorization: `Bearer ${token}` });
  const right = await bearer(await accessTokenOf('lea', client));
  assert.equal(right.status, 201, JSON.stringify(right.body));
  assert.equal(right.body['token']!['user']!['name'], 'Person lea');
  assert.equal((await bearer(await accessTokenOf('lea', stranger))).status, 401);
  assert.equal((await bearer('nonsense')).status, 401);
  assert.equal((await cloud.call(undefined, 'POST', path)).status, 401);
});

test('the same person is the same user; a disabled provider lets nobody in', async () => {
  const users = (await cloud.call(cloud.admin, 'GET', '/users?idp_id=corp')).body['users'] as unknown as { name: string }[];
  assert.deepEqual(users.map((user) => user.name).toSorted(), ['Person kim', 'Person lea']);
  await cloud.call(cloud.admin, 'PATCH', '/OS-FEDERATION/identity_providers/corp', { identity_provider: { enabled: false } });
  const path = '/OS-FEDERATION/identity_providers/corp/protocols/openid/auth';
  const refused = await cloud.call(undefined, 'POST', path, undefined, { authorization: `Bearer ${await accessTokenOf('lea', client)}` });
  assert.equal(refused.status, 403);
});

test('OAuth 2.0: an application credential as a client gets a bearer token that opens the cloud', async () => {
  const ann = await cloud.tenant('ann', ['member']);
  const made = await cloud.call(ann.token, 'POST', `/users/${ann.userId}/application_credentials`, {
    application_credential: { name: 'oauth' },
  });
  const { id, secret } = made.body['application_credential'] as unknown as { id: string; secret: string };
  const ask = (credentials: string, body: string) =>
    cloud.call(undefined, 'POST', '/OS-OAUTH2/token', body, {
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    });
  const right = await ask(`${id}:${secret}`, 'grant_type=client_credentials');
  assert.equal(right.status, 200, JSON.stringify(right.body));
  const bearer = { authorization: `Bearer ${String(right.body['access_token'])}` };
  assert.equal((await cloud.call(undefined, 'GET', `/users/${ann.userId}`, undefined, bearer)).status, 200);
  assert.equal((await ask(`${id}:wrong`, 'grant_type=client_credentials')).body['error'] as unknown, 'invalid_client');
  assert.equal((await ask(`${id}:${secret}`, 'grant_type=password')).body['error'] as unknown, 'unsupported_grant_type');
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { startServe, type ServeProcess } from '../serve/serve-process.ts';
import { passwordOf, startCloud, type Cloud } from './identity-rig.ts';

/** Two processes of one control plane, and clients that we did not write. */
const run = promisify(execFile);
let cloud: Cloud;
let second: ServeProcess;
before(async () => {
  cloud = await startCloud({ args: ['--enforce-scope'] });
  const socket = join(cloud.data, 'pg-run');
  const env = {
    DATABASE_URL: `postgres://rackwright@/postgres?host=${encodeURIComponent(socket)}`,
    RACKWRIGHT_SECRET_KEY: readFileSync(join(cloud.data, 'secret.key'), 'utf8').trim(),
  };
  second = await startServe(join(cloud.data, 'second'), { args: ['--role', 'api'], env });
});
after(async () => {
  await second?.kill('SIGTERM');
  await cloud?.close();
});

const askSecond = (token: string) =>
  fetch(`${second.endpoint}/v3/auth/tokens`, { headers: { 'x-auth-token': cloud.admin, 'x-subject-token': token } });

test('a token of one process is one of the other, and ends there too, at once', async () => {
  const ann = await cloud.tenant('ann', ['member']);
  assert.equal((await askSecond(ann.token)).status, 200);
  assert.equal((await askSecond(ann.token)).status, 200);
  await cloud.call(ann.token, 'DELETE', '/auth/tokens', undefined, { 'x-subject-token': ann.token });
  // The news goes through PostgreSQL: milliseconds, but not none.
  let status = 200;
  for (let tries = 0; tries < 100 && status === 200; tries += 1) {
    ({ status } = await askSecond(ann.token));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(status, 404);
});

test("openstack's own client reads clouds.yaml and openrc, and gets what they promise", async () => {
  const environment = { ...process.env, OS_CLIENT_CONFIG_FILE: join(cloud.data, 'clouds.yaml') };
  const { stdout } = await run(
    '/usr/bin/python3',
    ['-m', 'openstackclient.shell', '--os-cloud', 'rackwright', 'project', 'list', '-f', 'value', '-c', 'Name'],
    { env: environment },
  );
  assert.ok(stdout.split('\n').includes('admin'), stdout);
  const clouds = parseYaml(readFileSync(join(cloud.data, 'clouds.yaml'), 'utf8')) as {
    clouds: { rackwright: { auth: { auth_url: string } } };
  };
  assert.equal(clouds.clouds.rackwright.auth.auth_url, `${second.endpoint}/v3`.replace(second.endpoint, cloud.serve.endpoint));
  const printed = await run(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    join(import.meta.dirname, '../../cli/rackwright.ts'),
    'openrc',
    '--data',
    cloud.data,
  ]);
  const variables = Object.fromEntries(
    printed.stdout
      .trim()
      .split('\n')
      .map((line) => line.replace('export ', '').split(/=(.*)/s).slice(0, 2)),
  );
  const issued = await run('/usr/bin/python3', ['-m', 'openstackclient.shell', 'token', 'issue', '-f', 'json'], {
    env: { ...process.env, ...variables },
  });
  assert.ok((JSON.parse(issued.stdout) as { id: string }).id.startsWith('gAAAAA'));
});

test('with scope enforced a refusal tells an administrator which rule and which scope it wanted, and others nothing', async () => {
  const administrator = JSON.parse(readFileSync(join(cloud.data, 'administrator.json'), 'utf8')) as { password: string };
  const domain = await cloud.call(cloud.admin, 'POST', '/domains', { domain: { name: 'corp' } });
  const domainId = String(domain.body['domain']!['id']);
  const roles = (await cloud.call(cloud.admin, 'GET', '/roles?name=admin')).body['roles'] as unknown as { id: string }[];
  const me = (await cloud.call(cloud.admin, 'GET', '/auth/tokens', undefined, { 'x-subject-token': cloud.admin })).body['token']!['user']![
    'id'
  ];
  await cloud.call(cloud.admin, 'PUT', `/domains/${domainId}/users/${String(me)}/roles/${roles[0]!.id}`);
  const scoped = await cloud.login(
    passwordOf({ name: 'admin', domain: { id: 'default' } }, administrator.password, { domain: { id: domainId } }),
  );
  const refused = await cloud.call(scoped, 'GET', '/services');
  assert.equal(refused.status, 403);
  assert.equal(refused.headers.get('x-rackwright-policy'), 'identity:list_services: a token with system or project scope');
  const ann = await cloud.tenant('kim', ['member']);
  const plain = await cloud.call(ann.token, 'GET', '/services');
  assert.equal(plain.status, 403);
  assert.equal(plain.headers.get('x-rackwright-policy'), null);
});

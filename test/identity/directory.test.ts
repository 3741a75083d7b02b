import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { passwordOf, startCloud, type Cloud } from './identity-rig.ts';

/** A domain whose users are kept in OpenLDAP's slapd. */
const ROOT = 'cn=root,dc=example,dc=org';
const SECRET = 'directory-secret';
const folder = mkdtempSync(join(tmpdir(), 'rw-slapd-'));
let slapd: ChildProcess;
let port: number;
let cloud: Cloud;
let domainId: string;

const person = (id: string, name: string, more = '') => `
dn: uid=${id},ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: ${id}
cn: ${name}
sn: ${name}
mail: ${id}@example.org
userPassword: pw-${id}
${more}`;
const LDIF = `dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups
${person('lea', 'Lea (Ops)')}${person('kim', 'Kim')}${person('gone', 'Gone', 'employeeType: FALSE\n')}
dn: cn=operators,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: operators
description: who operates
member: uid=lea,ou=people,dc=example,dc=org
`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return free;
}

const answers = () =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false)).once('close', () => socket.destroy());
  });

async function startSlapd(): Promise<void> {
  port = await freePort();
  mkdirSync(join(folder, 'db'));
  const schemas = ['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`);
  const configuration = [
    ...schemas,
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    `pidfile ${folder}/pid`,
    'database mdb',
    'suffix "dc=example,dc=org"',
    `rootdn "${ROOT}"`,
    `rootpw ${SECRET}`,
    `directory ${folder}/db`,
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by users read by * none',
  ];
  writeFileSync(join(folder, 'slapd.conf'), `${configuration.join('\n')}\n`);
  writeFileSync(join(folder, 'tree.ldif'), LDIF);
  execFileSync('/usr/sbin/slapadd', ['-f', join(folder, 'slapd.conf'), '-l', join(folder, 'tree.ldif')]);
  slapd = spawn('/usr/sbin/slapd', ['-f', join(folder, 'slapd.conf'), '-h', `ldap://127.0.0.1:${port}`, '-d', '0'], { stdio: 'ignore' });
  for (let tries = 0; tries < 200 && !(await answers()); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
}

before(async () => {
  await startSlapd();
  cloud = await startCloud();
  const domain = await cloud.call(cloud.admin, 'POST', '/domains', { domain: { name: 'corp' } });
  domainId = String(domain.body['domain']!['id']);
  const ldap = {
    url: `ldap://127.0.0.1:${port}`,
    user: ROOT,
    password: SECRET,
    suffix: 'dc=example,dc=org',
    query_scope: 'sub',
    user_tree_dn: 'ou=people,dc=example,dc=org',
    user_id_attribute: 'uid',
    user_name_attribute: 'cn',
    user_enabled_attribute: 'employeeType',
    user_enabled_default: 'TRUE',
    group_tree_dn: 'ou=groups,dc=example,dc=org',
    group_name_attribute: 'cn',
  };
  const config = await cloud.call(cloud.admin, 'PUT', `/domains/${domainId}/config`, { config: { identity: { driver: 'ldap' }, ldap } });
  assert.equal(config.status, 201, JSON.stringify(config.body));
});
after(async () => {
  await cloud?.close();
  slapd?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const login = (name: string, password: string, scope?: object) =>
  cloud.call(undefined, 'POST', '/auth/tokens', { auth: passwordOf({ name, domain: { name: 'corp' } }, password, scope) });

test("the directory's password is shown to nobody", async () => {
  const shown = await cloud.call(cloud.admin, 'GET', `/domains/${domainId}/config`);
  assert.equal(shown.status, 200);
  assert.ok(!JSON.stringify(shown.body).includes(SECRET));
});

test('its users sign in with their own passwords; a wrong, an empty, a disabled one does not', async () => {
  assert.equal((await login('Kim', 'pw-kim')).status, 201);
  assert.equal((await login('Lea (Ops)', 'pw-lea')).status, 201);
  assert.equal((await login('Kim', 'pw-lea')).status, 401);
  assert.equal((await login('Kim', '')).status, 401);
  assert.equal((await login('Gone', 'pw-gone')).status, 401);
  assert.equal((await login('*', 'pw-kim')).status, 401);
  assert.equal((await login('Kim)(uid=*', 'pw-kim')).status, 401);
});

test('the domain lists them and their groups; a role of a group is a role of its members', async () => {
  const users = (await cloud.call(cloud.admin, 'GET', `/users?domain_id=${domainId}`)).body['users'] as unknown as {
    id: string;
    name: string;
    email: string;
    enabled: boolean;
  }[];
  assert.deepEqual(users.map((user) => [user.name, user.email, user.enabled]).toSorted(), [
    ['Gone', 'gone@example.org', false],
    ['Kim', 'kim@example.org', true],
    ['Lea (Ops)', 'lea@example.org', true],
  ]);
  const groups = (await cloud.call(cloud.admin, 'GET', `/groups?domain_id=${domainId}`)).body['groups'] as unknown as {
    id: string;
    name: string;
  }[];
  assert.deepEqual(
    groups.map((group) => group.name),
    ['operators'],
  );
  const members = (await cloud.call(cloud.admin, 'GET', `/groups/${groups[0]!.id}/users`)).body['users'] as unknown as { name: string }[];
  assert.deepEqual(
    members.map((user) => user.name),
    ['Lea (Ops)'],
  );
  const roles = (await cloud.call(cloud.admin, 'GET', '/roles?name=member')).body['roles'] as unknown as { id: string }[];
  await cloud.call(cloud.admin, 'PUT', `/domains/${domainId}/groups/${groups[0]!.id}/roles/${roles[0]!.id}`);
  assert.equal((await login('Lea (Ops)', 'pw-lea', { domain: { id: domainId } })).status, 201);
  assert.equal((await login('Kim', 'pw-kim', { domain: { id: domainId } })).status, 401);
});

test('it is only read', async () => {
  const made = await cloud.call(cloud.admin, 'POST', '/users', { user: { name: 'new', domain_id: domainId } });
  assert.equal(made.status, 403);
  const users = (await cloud.call(cloud.admin, 'GET', `/users?domain_id=${domainId}&name=Kim`)).body['users'] as unknown as {
    id: string;
  }[];
  assert.equal((await cloud.call(cloud.admin, 'PATCH', `/users/${users[0]!.id}`, { user: { enabled: false } })).status, 403);
});

test('without the directory its users can not sign in, all others can', async () => {
  slapd.kill();
  await new Promise((resolve) => slapd.once('exit', resolve));
  assert.equal((await login('Kim', 'pw-kim')).status, 503);
  assert.equal((await cloud.call(cloud.admin, 'GET', '/users?domain_id=default')).status, 200);
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Clock } from '../../core/base/clock.ts';
import { silentLogger } from '../../core/base/logger.ts';
import { createSealer } from '../../core/base/sealer-codec.ts';
import { queryAssignments } from '../../identity/assignment-list.ts';
import { effectiveRoles, grantRole, revokeRole, SYSTEM_TARGET } from '../../identity/assignment-service.ts';
import { authenticate } from '../../identity/authentication-service.ts';
import { bootstrapIdentity } from '../../identity/bootstrap-service.ts';
import { publishServices, readCatalog } from '../../identity/catalog-service.ts';
import { createGroup, addMember } from '../../identity/group-service.ts';
import { createIdentityContext, type IdentityContext } from '../../identity/identity-context.ts';
import { identitySettingsShape, type IdentitySettings } from '../../identity/identity-settings.ts';
import { createLimits, createRegisteredLimits, updateLimit } from '../../identity/limit-service.ts';
import { changePassword } from '../../identity/password-service.ts';
import { mustFindDomain, mustFindProject } from '../../identity/project-record.ts';
import { createProject, deleteDomain, deleteProject, updateProject } from '../../identity/project-service.ts';
import { roles, type RoleRecord } from '../../identity/role-record.ts';
import { createImplication, createRole, deleteRole } from '../../identity/role-service.ts';
import { rotateTokenKeysWhenDue } from '../../identity/token-key-service.ts';
import { checkToken } from '../../identity/token-service.ts';
import { createUser, updateUser } from '../../identity/user-service.ts';
import { startDatabaseRig, type DatabaseRig } from '../core/database-rig.ts';

/** The services with a clock of the test's: what a day or an hour does, and what follows from the tree of projects. */
const DAY_S = 86_400;
let rig: DatabaseRig;
before(async () => {
  rig = await startDatabaseRig();
});
after(() => rig?.close());

class TestClock implements Clock {
  now = Date.parse('2026-11-24T12:00:00Z');
  nowMs(): number {
    return this.now;
  }
  steadyMs(): number {
    return this.now;
  }
  async sleep(): Promise<void> {}
  passSeconds(seconds: number): void {
    this.now += seconds * 1000;
  }
}

interface World {
  readonly context: IdentityContext;
  readonly clock: TestClock;
  role(name: string): Promise<RoleRecord>;
  login(userId: string, password: string, projectId?: string): Promise<string>;
}

async function newWorld(settings: Partial<IdentitySettings> = {}): Promise<World> {
  const database = await rig.freshDatabase();
  const clock = new TestClock();
  const context = createIdentityContext({
    database,
    clock,
    sealer: createSealer(randomBytes(32)),
    settings: identitySettingsShape.parse(settings),
    logger: silentLogger,
  });
  await bootstrapIdentity(context, { username: 'admin', password: 'first' });
  return {
    context,
    clock,
    role: async (name) => (await roles.find<RoleRecord>(context.db, { name, domain_id: null }))!,
    async login(userId, password, projectId) {
      const identity = { methods: ['password'], password: { user: { id: userId, password } } };
      const scope = projectId === undefined ? {} : { scope: { project: { id: projectId } } };
      return (await authenticate(context, { auth: { identity, ...scope } })).text;
    },
  };
}

const status = (wanted: number) => (error: { status?: number }) => error.status === wanted;
const onProject = (userId: string, projectId: string, inherited = false) =>
  ({ actor_kind: 'user', actor_id: userId, target_kind: 'project', target_id: projectId, inherited }) as const;

test('a token ends with its hour; a service may use it a while longer', async () => {
  const { context, clock, login } = await newWorld({ allow_expired_window_seconds: 600 });
  const user = await createUser(context, { name: 'ann', password: 'pw' });
  const token = await login(user.id, 'pw');
  clock.passSeconds(3599);
  assert.equal((await checkToken(context, token)).actor.userId, user.id);
  clock.passSeconds(1);
  await assert.rejects(checkToken(context, token), status(404));
  assert.equal((await checkToken(context, token, { allowExpired: true })).actor.userId, user.id);
  clock.passSeconds(600);
  await assert.rejects(checkToken(context, token, { allowExpired: true }), status(404));
});

test('a token that was seen before is checked without the database, until anything of identity changes', async () => {
  const { context, login } = await newWorld();
  const user = await createUser(context, { name: 'ann', password: 'pw' });
  const token = await login(user.id, 'pw');
  await (await checkToken(context, token)).body(true);
  const away = { ...context, db: new Proxy(context.db, { get: () => assert.fail('a table was read') }) };
  const again = await checkToken(away, token);
  assert.match(await again.body(true), /"password"/);
  await createGroup(context, { name: 'any', domain_id: 'default' });
  await assert.rejects(checkToken(away, token), /a table was read/);
});

test('keys turn every day; a token opens through its life and its window, and not for ever', async () => {
  const { context, clock, login } = await newWorld({ token_expiration_seconds: 2 * DAY_S, allow_expired_window_seconds: 0 });
  const user = await createUser(context, { name: 'ann', password: 'pw' });
  const token = await login(user.id, 'pw');
  assert.equal(await rotateTokenKeysWhenDue(context), false);
  for (let day = 0; day < 2; day += 1) {
    clock.passSeconds(DAY_S - 10);
    await rotateTokenKeysWhenDue(context);
    clock.passSeconds(9);
    await checkToken(context, token);
    clock.passSeconds(1);
    assert.equal(await rotateTokenKeysWhenDue(context), true);
  }
  const fresh = await login(user.id, 'pw');
  assert.equal((await checkToken(context, fresh)).actor.userId, user.id);
});

test('passwords: an end, an age, a history, a first use, as the operator asks', async () => {
  const { context, clock, login } = await newWorld({
    password_expires_days: 30,
    minimum_password_age_days: 1,
    unique_last_password_count: 3,
  });
  const user = await createUser(context, { name: 'ann', password: 'one' });
  clock.passSeconds(31 * DAY_S);
  await assert.rejects(login(user.id, 'one'), /password is expired/);
  await changePassword(context, user.id, 'one', 'two');
  await login(user.id, 'two');
  await assert.rejects(changePassword(context, user.id, 'two', 'three'), /1 day\(s\) old/);
  clock.passSeconds(DAY_S);
  await assert.rejects(changePassword(context, user.id, 'two', 'one'), /identical to a previous/);
  await changePassword(context, user.id, 'two', 'three');
  const { context: strict, login: tryIt } = await newWorld({
    change_password_upon_first_use: true,
    password_regex: '^.{4,}$',
    password_regex_description: 'four or more',
  });
  await assert.rejects(createUser(strict, { name: 'bob', password: 'abc' }), /four or more/);
  const bob = await createUser(strict, { name: 'bob', password: 'given' });
  await assert.rejects(tryIt(bob.id, 'given'), /password is expired/);
  await changePassword(strict, bob.id, 'given', 'chosen');
  await tryIt(bob.id, 'chosen');
});

test('who does not come for ninety days is out, until let in again', async () => {
  const { context, clock, login } = await newWorld({ disable_user_account_days_inactive: 90 });
  const user = await createUser(context, { name: 'ann', password: 'pw' });
  clock.now = Date.now();
  await login(user.id, 'pw');
  clock.passSeconds(89 * DAY_S);
  await login(user.id, 'pw');
  clock.passSeconds(91 * DAY_S);
  await assert.rejects(login(user.id, 'pw'), /disabled/);
  await updateUser(context, user.id, { enabled: true });
  await login(user.id, 'pw');
});

test('a trust and an application credential end with their time, and tokens made from them no later', async () => {
  const { context, clock, login, role } = await newWorld();
  const { createApplicationCredential } = await import('../../identity/application-credential-service.ts');
  const user = await createUser(context, { name: 'ann', password: 'pw' });
  const project = await createProject(context, { name: 'p' });
  const member = await role('member');
  await grantRole(context, onProject(user.id, project.id), member.id);
  const ms = clock.now + 600_000;
  const request = { name: 'short', roleIds: [member.id], expiresAt: { ms, text: new Date(ms).toISOString() } };
  const { record, secret } = await createApplicationCredential(context, { userId: user.id, projectId: project.id }, request);
  const auth = { auth: { identity: { methods: ['application_credential'], application_credential: { id: record.id, secret } } } };
  const token = await authenticate(context, auth);
  assert.equal(token.payload.expiresAtMs, ms);
  clock.passSeconds(601);
  await assert.rejects(authenticate(context, auth), status(401));
  await assert.rejects(checkToken(context, token.text), status(404));
  await login(user.id, 'pw', project.id);
});

test('a role reaches as far as it says: groups, inheritance from a domain and a project, implied roles, never a domain’s own', async () => {
  const { context, role } = await newWorld();
  const user = await createUser(context, { name: 'ann' });
  const top = await createProject(context, { name: 'top' });
  const below = await createProject(context, { name: 'below', parent_id: top.id });
  const domain = await mustFindDomain(context.db, 'default');
  const rolesIn = async (project: typeof top) =>
    (await effectiveRoles(context.db, user.id, [group.id], { kind: 'project', project, domain })).map((one) => one.name).toSorted();
  const group = await createGroup(context, { name: 'staff', domain_id: 'default' });
  await addMember(context, group.id, user.id);
  const reader = await role('reader');
  const member = await role('member');
  await grantRole(context, onProject(user.id, top.id, true), member.id);
  assert.deepEqual(await rolesIn(top), []);
  assert.deepEqual(await rolesIn(below), ['member', 'reader']);
  await grantRole(
    context,
    { actor_kind: 'group', actor_id: group.id, target_kind: 'domain', target_id: 'default', inherited: true },
    reader.id,
  );
  assert.deepEqual(await rolesIn(top), ['reader']);
  const own = await createRole(context, { name: 'builder', domain_id: 'default' });
  await createImplication(context, own.id, (await role('manager')).id);
  await grantRole(context, onProject(user.id, top.id), own.id);
  assert.deepEqual(await rolesIn(top), ['manager', 'member', 'reader']);
  const all = await queryAssignments(context.db, { userId: user.id, projectId: below.id, effective: true, subtree: false });
  assert.ok(all.some((one) => one.viaGroup === group.id && one.viaTarget?.kind === 'domain'));
  assert.ok(all.some((one) => one.viaTarget?.id === top.id && one.viaRole === member.id));
  await revokeRole(context, onProject(user.id, top.id), own.id);
  assert.deepEqual(await rolesIn(top), ['reader']);
});

test('implications: none of admin, no circle; a domain’s role only in its domain and never on the system', async () => {
  const { context, role } = await newWorld();
  const [reader, member, admin] = [await role('reader'), await role('member'), await role('admin')];
  await assert.rejects(createImplication(context, reader.id, admin.id), status(403));
  await assert.rejects(createImplication(context, reader.id, member.id), status(403));
  const other = await createProject(context, { name: 'other', is_domain: true });
  const own = await createRole(context, { name: 'own', domain_id: other.id });
  const user = await createUser(context, { name: 'ann' });
  const project = await createProject(context, { name: 'p' });
  await assert.rejects(grantRole(context, onProject(user.id, project.id), own.id), status(403));
  await assert.rejects(
    grantRole(context, { actor_kind: 'user', actor_id: user.id, ...SYSTEM_TARGET, inherited: false }, own.id),
    status(403),
  );
  const fixed = await createRole(context, { name: 'fixed', options: { immutable: true } });
  await assert.rejects(deleteRole(context, fixed.id), status(403));
});

test('the tree: five deep, leaves first, no enabled below a disabled; a domain goes with all in it', async () => {
  const { context } = await newWorld();
  const domain = await createProject(context, { name: 'corp', is_domain: true });
  let parent = domain.id;
  const line: string[] = [];
  for (let depth = 0; depth < 5; depth += 1) {
    parent = (await createProject(context, { name: `level-${depth}`, parent_id: parent })).id;
    line.push(parent);
  }
  await assert.rejects(createProject(context, { name: 'too-deep', parent_id: parent }), status(403));
  await assert.rejects(deleteProject(context, line[0]!), status(403));
  await assert.rejects(updateProject(context, line[3]!, { enabled: false }), status(403));
  await assert.rejects(createProject(context, { name: 'level-0', parent_id: domain.id }), status(409));
  const user = await createUser(context, { name: 'kim', domain_id: domain.id });
  await assert.rejects(deleteDomain(context, domain.id), status(403));
  await updateProject(context, domain.id, { enabled: false });
  await deleteDomain(context, domain.id);
  await assert.rejects(mustFindProject(context.db, line[4]!), status(404));
  await assert.rejects(updateUser(context, user.id, { name: 'gone' }), status(404));
  await assert.rejects(deleteDomain(context, 'default'), status(403));
});

test('strict two-level limits: no child has more than its parent, by its own limit or by the default', async () => {
  const { context } = await newWorld({ limit_model: 'strict_two_level' });
  await publishServices(context, 'RegionOne', [{ type: 'compute', name: 'nova', url: 'http://127.0.0.1/compute' }]);
  const [service] = await readCatalog(context, 'u', null);
  const place = { service_id: service!.id, resource_name: 'cores' };
  await createRegisteredLimits(context, [{ ...place, default_limit: 10 }]);
  const parent = await createProject(context, { name: 'parent' });
  const child = await createProject(context, { name: 'child', parent_id: parent.id });
  await assert.rejects(createLimits(context, [{ ...place, project_id: child.id, resource_limit: 11 }]), status(403));
  const [above] = await createLimits(context, [{ ...place, project_id: parent.id, resource_limit: 20 }]);
  const [below] = await createLimits(context, [{ ...place, project_id: child.id, resource_limit: 15 }]);
  await assert.rejects(updateLimit(context, above!.id, { resource_limit: 14 }), status(403));
  await assert.rejects(updateLimit(context, below!.id, { resource_limit: -1 }), status(403));
  await assert.rejects(createLimits(context, [{ ...place, project_id: parent.id, resource_limit: 20 }]), status(409));
  await assert.rejects(createLimits(context, [{ ...place, resource_name: 'ram', project_id: parent.id, resource_limit: 1 }]), status(403));
});

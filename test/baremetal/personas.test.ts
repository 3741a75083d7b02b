import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { BAREMETAL_OPERATIONS } from '../../api/baremetal-operations.ts';
import { startRig, type Answer, type Rig } from './baremetal-rig.ts';

/**
 * Who sees and may do what: a node that project A owns and project B leases, a node of nobody's, and the personas of
 * Ironic's role-based access, with scope enforced and without. A stranger learns nothing, from no operation.
 */
const PROJECTS = ['owner', 'lessee', 'stranger'] as const;
const ROLES = ['admin', 'member', 'reader'] as const;
type Persona = `${(typeof PROJECTS)[number] | 'system'}-${(typeof ROLES)[number]}`;
/** In every text that belongs to A: no answer to a stranger may have it. */
const SECRET = 'only-for-a';

interface Cloud {
  readonly rig: Rig;
  readonly tokens: ReadonlyMap<Persona, string>;
  readonly projects: Readonly<Record<(typeof PROJECTS)[number], string>>;
  as(persona: Persona, method: string, path: string, body?: unknown): Promise<Answer>;
}

async function startCloud(args: readonly string[]): Promise<Cloud> {
  const rig = await startRig(args);
  const { endpoint } = rig.serve;
  const identity = async (method: string, path: string, body: unknown, token?: string) => {
    const response = await fetch(`${endpoint}/v3${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { 'x-auth-token': token }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return { body: (text === '' ? {} : JSON.parse(text)) as JsonObject, token: response.headers.get('x-subject-token') ?? '' };
  };
  const login = async (name: string, password: string, scope: object) =>
    (
      await identity('POST', '/auth/tokens', {
        auth: { identity: { methods: ['password'], password: { user: { name, password, domain: { id: 'default' } } } }, scope },
      })
    ).token;
  const [name, password] = Buffer.from(rig.serve.headers['authorization']!.split(' ')[1]!, 'base64').toString().split(':') as [
    string,
    string,
  ];
  const system = { system: { all: true } };
  const admin = await login(name, password, system);
  const create = async (noun: string, value: object) =>
    String(((await identity('POST', `/${noun}s`, { [noun]: value }, admin)).body[noun] as JsonObject)['id']);
  const roles = ((await identity('GET', '/roles', undefined, admin)).body['roles'] as JsonObject[]).map((role) => [
    role['name'],
    role['id'],
  ]);
  const roleId = Object.fromEntries(roles) as Record<string, string>;
  const tokens = new Map<Persona, string>();
  const projects: Record<string, string> = {};
  for (const project of [...PROJECTS, 'system'] as const) {
    if (project !== 'system') projects[project] = await create('project', { name: project, domain_id: 'default' });
    for (const role of ROLES) {
      const persona: Persona = `${project}-${role}`;
      const user = await create('user', { name: persona, password: 'Password-1', domain_id: 'default' });
      const at = project === 'system' ? 'system' : `projects/${projects[project]}`;
      await identity('PUT', `/${at}/users/${user}/roles/${roleId[role]}`, undefined, admin);
      tokens.set(persona, await login(persona, 'Password-1', project === 'system' ? system : { project: { id: projects[project] } }));
    }
  }
  return {
    rig,
    tokens,
    projects: projects as Cloud['projects'],
    as: (persona, method, path, body) =>
      rig.call(method, path, body, { headers: { authorization: '', 'x-auth-token': tokens.get(persona)! } }),
  };
}

interface Things {
  readonly node: string;
  readonly nobodys: string;
  readonly ids: Readonly<Record<string, string>>;
}

async function furnish({ rig, projects }: Cloud): Promise<Things> {
  const node = await rig.node('manageable', {
    name: `${SECRET}-node`,
    owner: projects.owner,
    lessee: projects.lessee,
    description: SECRET,
    extra: { note: SECRET },
    resource_class: SECRET,
  });
  const nobodys = await rig.node('available', { resource_class: 'free', description: SECRET });
  const create = async (path: string, body: object) => String((await rig.expect(201, 'POST', path, body))['uuid']);
  const extra = { note: SECRET };
  return {
    node,
    nobodys,
    ids: {
      ports: await create('/v1/ports', { node_uuid: node, address: '52:54:00:00:00:01', extra }),
      portgroups: await create('/v1/portgroups', { node_uuid: node, name: `${SECRET}-group`, extra }),
      'volume/connectors': await create('/v1/volume/connectors', { node_uuid: node, type: 'iqn', connector_id: SECRET }),
      'volume/targets': await create('/v1/volume/targets', { node_uuid: node, volume_type: SECRET, volume_id: '1', boot_index: 0 }),
      allocations: await create('/v1/allocations', { name: `${SECRET}-allocation`, resource_class: 'free', owner: projects.owner }),
      chassis: await create('/v1/chassis', { description: SECRET }),
      deploy_templates: await create('/v1/deploy_templates', {
        name: 'CUSTOM_SECRET',
        steps: [{ interface: 'deploy', step: 'deploy', args: {}, priority: 1 }],
        extra,
      }),
    },
  };
}

function fill(path: string, things: Things): string {
  const noun = /^\/(volume\/\w+|\w+)/.exec(path)![1]!;
  return path.replaceAll(/:(\w+)/g, (_all, name: string) => {
    if (name === 'node') return things.node;
    if (name === 'driver') return 'fake-hardware';
    return things.ids[noun] ?? 'word';
  });
}

const patch = [{ op: 'add', path: '/extra/x', value: '1' }];
const bodyOf = (method: string, path: string) =>
  method === 'PATCH' ? patch : method === 'GET' || method === 'DELETE' ? undefined : (bodies[path] ?? {});
const bodies: Readonly<Record<string, unknown>> = {
  '/nodes/:node/states/power': { target: 'power on' },
  '/nodes/:node/states/provision': { target: 'provide' },
  '/nodes/:node/vifs': { id: 'vif' },
  '/nodes/:node/traits': { traits: ['CUSTOM_X'] },
};

/** Operations whose result is nobody's in particular: what a logged-in reader may know. */
const OPEN_TO_PROJECTS = new Set([
  '/nodes',
  '/nodes/detail',
  '/ports',
  '/ports/detail',
  '/portgroups',
  '/portgroups/detail',
  '/allocations',
  '/runbooks',
  '/chassis/:chassis/nodes',
]);

async function strangersLearnNothing(cloud: Cloud, things: Things, personas: readonly Persona[]): Promise<void> {
  for (const persona of personas) {
    for (const { method, path } of BAREMETAL_OPERATIONS) {
      const what = `${persona}: ${method} ${path}`;
      const answer = await cloud.as(persona, method, `/v1${fill(path, things)}`, bodyOf(method, path));
      assert.ok(answer.status < 500, what);
      const text = JSON.stringify(answer.body);
      assert.ok(!text.includes(SECRET), `${what} told ${text}`);
      const isList = OPEN_TO_PROJECTS.has(path);
      if (path.includes('/:') && !isList) assert.ok([400, 403, 404].includes(answer.status), `${what}: ${answer.status}`);
      // A body that no node could take is refused before the node is looked for.
      if (path.startsWith('/nodes/:node')) assert.ok([400, 404].includes(answer.status), `${what}: ${answer.status}`);
      if (method === 'GET' && isList) assert.deepEqual(Object.values(answer.body)[0], [], what);
    }
  }
  await cloud.rig.expect(200, 'GET', `/v1/nodes/${things.node}`);
}

describe('scope enforced', () => {
  let cloud: Cloud;
  let things: Things;
  before(async () => {
    cloud = await startCloud(['--enforce-scope']);
    things = await furnish(cloud);
  });
  after(() => cloud.rig.stop());

  test('whoever is of another project learns and changes nothing, whatever the role', () =>
    strangersLearnNothing(cloud, things, ['stranger-admin', 'stranger-member', 'stranger-reader']));

  test('what each persona may do with its node', async () => {
    const { node } = things;
    const nodePath = `/v1/nodes/${node}`;
    const allowed: readonly [string, string, unknown, readonly Persona[]][] = [
      ['GET', nodePath, undefined, ['system-admin', 'system-member', 'system-reader', 'owner-admin', 'owner-member', 'owner-reader', 'lessee-admin', 'lessee-member', 'lessee-reader']],
      ['GET', `${nodePath}/states`, undefined, ['system-admin', 'system-member', 'system-reader', 'owner-admin', 'owner-member', 'owner-reader', 'lessee-admin', 'lessee-member', 'lessee-reader']],
      ['GET', `${nodePath}/history`, undefined, ['system-admin', 'system-member', 'system-reader', 'owner-admin', 'owner-member', 'owner-reader']],
      ['PATCH', nodePath, [{ op: 'add', path: '/extra/x', value: 1 }], ['system-admin', 'system-member', 'owner-admin', 'owner-member', 'lessee-admin', 'lessee-member']],
      ['PATCH', nodePath, [{ op: 'add', path: '/driver_info/x', value: 1 }], ['system-admin', 'system-member', 'owner-admin', 'owner-member']],
      ['PATCH', nodePath, [{ op: 'add', path: '/instance_info/x', value: 1 }], ['system-admin', 'system-member', 'owner-admin', 'owner-member', 'lessee-admin']],
      ['PATCH', nodePath, [{ op: 'replace', path: '/owner', value: cloud.projects.owner }], ['system-admin', 'system-member']],
      ['PATCH', nodePath, [{ op: 'replace', path: '/lessee', value: cloud.projects.lessee }], ['system-admin', 'system-member', 'owner-admin', 'owner-member']],
      ['PUT', `${nodePath}/maintenance`, {}, ['system-admin', 'system-member', 'owner-admin', 'owner-member', 'lessee-admin']],
      ['DELETE', `${nodePath}/maintenance`, undefined, ['system-admin', 'system-member', 'owner-admin', 'owner-member', 'lessee-admin']],
      ['PUT', `${nodePath}/traits/CUSTOM_X`, undefined, ['system-admin', 'system-member', 'owner-admin']],
      ['PUT', `${nodePath}/states/power`, { target: 'power off' }, ['system-admin', 'system-member', 'owner-admin', 'owner-member', 'lessee-admin', 'lessee-member']],
      ['GET', '/v1/chassis', undefined, ['system-admin', 'system-member', 'system-reader']],
      ['GET', '/v1/conductors', undefined, ['system-admin', 'system-member', 'system-reader']],
      ['POST', '/v1/chassis', {}, ['system-admin']],
      ['POST', '/v1/allocations', { resource_class: 'none' }, ['system-admin', 'system-member', 'owner-admin', 'owner-member', 'lessee-admin', 'lessee-member', 'stranger-admin', 'stranger-member']],
      ['POST', '/v1/nodes', { driver: 'fake-hardware' }, ['system-admin', 'owner-admin', 'lessee-admin', 'stranger-admin']],
    ]; // prettier-ignore
    for (const [method, path, body, personas] of allowed) {
      for (const persona of cloud.tokens.keys()) {
        const { status } = await cloud.as(persona, method, path, body);
        const isRefused = status === 403 || status === 404;
        assert.equal(!isRefused, personas.includes(persona), `${persona}: ${method} ${path} ${JSON.stringify(body)} → ${status}`);
      }
    }
  });

  test('a lessee reads the node without what only its owner may know', async () => {
    const { body } = await cloud.as('lessee-reader', 'GET', `/v1/nodes/${things.node}`);
    assert.match(JSON.stringify(body['driver_info']), /Redacted/);
    assert.match(String(body['last_error']), /Redacted/);
    assert.doesNotMatch(JSON.stringify((await cloud.as('owner-reader', 'GET', `/v1/nodes/${things.node}`)).body), /Redacted/);
  });

  test('a node that a project makes is its own', async () => {
    const made = await cloud.as('stranger-admin', 'POST', '/v1/nodes', { driver: 'fake-hardware', name: 'mine' });
    assert.equal(made.body['owner'], cloud.projects.stranger);
    assert.equal(
      (await cloud.as('stranger-admin', 'POST', '/v1/nodes', { driver: 'fake-hardware', owner: cloud.projects.owner })).status,
      400,
    );
    assert.equal((await cloud.as('stranger-member', 'DELETE', '/v1/nodes/mine')).status, 403);
    assert.equal((await cloud.as('owner-admin', 'DELETE', '/v1/nodes/mine')).status, 404);
    assert.equal((await cloud.as('stranger-admin', 'DELETE', '/v1/nodes/mine')).status, 204);
  });

  test('an administrator who is refused is told which rule and what it wants', async () => {
    const answer = await cloud.as('stranger-admin', 'POST', '/v1/chassis', {});
    assert.equal(answer.status, 403);
    assert.match(answer.headers.get('x-rackwright-policy') ?? '', /^baremetal:chassis:create: /);
    assert.equal((await cloud.as('stranger-reader', 'POST', '/v1/chassis', {})).headers.get('x-rackwright-policy'), null);
  });
});

describe('as by default: the admin of a project administers the cloud', () => {
  let cloud: Cloud;
  let things: Things;
  before(async () => {
    cloud = await startCloud([]);
    things = await furnish(cloud);
  });
  after(() => cloud.rig.stop());

  test('members and readers of other projects learn and change nothing', () =>
    strangersLearnNothing(cloud, things, ['stranger-member', 'stranger-reader']));

  test('admins of any project see and do all', async () => {
    const { body } = await cloud.as('stranger-admin', 'GET', '/v1/nodes');
    assert.equal((body['nodes'] as unknown[]).length, 2);
    assert.equal((await cloud.as('stranger-admin', 'PATCH', `/v1/nodes/${things.node}`, patch)).status, 200);
    assert.equal((await cloud.as('stranger-admin', 'POST', '/v1/chassis', {})).status, 201);
  });

  test('tokens of nobody, forged ones and none at all', async () => {
    for (const token of ['', 'x', 'gAAAAAB'.padEnd(200, 'A'), cloud.tokens.get('system-admin')!.slice(0, -3)]) {
      const answer = await cloud.rig.call('GET', '/v1/nodes', undefined, { headers: { authorization: '', 'x-auth-token': token } });
      assert.equal(answer.status, 401);
    }
  });
});

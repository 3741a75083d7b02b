import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BAREMETAL_OPERATIONS } from '../../api/baremetal-operations.ts';
import { faultOf, startRig, type Rig } from './baremetal-rig.ts';

/** Whatever is sent to whichever operation: an answer below 500, and a refusal in Ironic's form. */
let rig: Rig;
let node: string;
const made: Record<string, string> = {};

before(async () => {
  rig = await startRig();
  node = await rig.node('manageable', { name: 'victim' });
  const create = async (path: string, body: object) => String((await rig.expect(201, 'POST', path, body))['uuid']);
  made['chassis'] = await create('/v1/chassis', {});
  made['ports'] = await create('/v1/ports', { node_uuid: node, address: '52:54:00:00:00:01' });
  made['portgroups'] = await create('/v1/portgroups', { node_uuid: node, name: 'group' });
  made['deploy_templates'] = await create('/v1/deploy_templates', {
    name: 'CUSTOM_T',
    steps: [{ interface: 'deploy', step: 'deploy', args: {}, priority: 1 }],
  });
  made['volume/connectors'] = await create('/v1/volume/connectors', { node_uuid: node, type: 'iqn', connector_id: 'iqn.x' });
  made['volume/targets'] = await create('/v1/volume/targets', { node_uuid: node, volume_type: 'iscsi', volume_id: '1', boot_index: 0 });
  made['runbooks'] = await create('/v1/runbooks', {
    name: 'CUSTOM_R',
    steps: [{ interface: 'deploy', step: 'erase_devices', args: {}, order: 1 }],
  });
  made['allocations'] = await create('/v1/allocations', { resource_class: 'none' });
});
after(() => rig.stop());

/** A path with real ids where there are some, else with the word. */
function fill(path: string, word?: string): string {
  const noun = /^\/(volume\/\w+|\w+)/.exec(path)![1]!;
  return path.replaceAll(/:(\w+)/g, (_all, name: string) => {
    if (word !== undefined) return encodeURIComponent(word);
    if (name === 'node') return node;
    if (name === 'driver') return 'fake-hardware';
    if (name === 'ident' || name === 'chassis' || name === 'allocation') return made[noun] ?? node;
    return 'word';
  });
}

const NUL = String.fromCharCode(0);
const LONE_SURROGATE = '\ud800';
const HOSTILE_WORDS = [
  'x',
  "' or 1=1 --",
  '../../etc/passwd',
  '%',
  NUL,
  LONE_SURROGATE.toWellFormed(),
  'ä',
  'a'.repeat(300),
  'b'.repeat(2000),
  '__proto__',
  'null',
  '00000000-0000-0000-0000-000000000000',
  '-1',
];
const WRONG_VALUES = [null, true, 0, -1, 1e308, 2 ** 53, '', 'x', NUL, LONE_SURROGATE, 'y'.repeat(5000), [], [[]], {}, { a: { b: [1] } }];
const KEYS = [
  'uuid', 'name', 'driver', 'driver_info', 'properties', 'instance_info', 'extra', 'resource_class', 'node_uuid', 'address', 'traits', 'steps',
  'target', 'configdrive', 'clean_steps', 'deploy_steps', 'rescue_password', 'timeout', 'enabled', 'boot_device', 'persistent', 'state', 'id', 'reason',
  'candidate_nodes', 'node', 'events', 'logical_disks', 'boot_index', 'volume_type', 'volume_id', 'connector_id', 'type', 'mode', 'pxe_enabled',
  'local_link_connection', 'portgroup_uuid', 'network_data', 'automated_clean', 'protected', 'chassis_uuid', 'instance_uuid', 'conductor_group', 'bar',
]; // prettier-ignore

async function mustBeCivil(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<void> {
  const what = `${method} ${path} ${JSON.stringify(body)?.slice(0, 200)}`;
  const answer = await rig.call(method, path, body, { headers });
  assert.ok(answer.status < 500, `${what} answered ${answer.status}`);
  if (answer.status < 400) return;
  assert.ok('error_message' in answer.body, `${what} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  assert.ok(faultOf(answer.body).length > 0, what);
}

/** Thousands of calls: some at a time. */
const AT_ONCE = 8;
async function all(calls: Iterable<() => Promise<void>>): Promise<void> {
  const waiting = [...calls];
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await next();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

const changes = (method: string) => method !== 'GET' && method !== 'DELETE';
const isStream = (path: string) => path === '/events';

test('hostile words in every place of every path', () =>
  all(
    BAREMETAL_OPERATIONS.filter((each) => each.path.includes(':')).flatMap(({ method, path }) =>
      HOSTILE_WORDS.map((word) => () => mustBeCivil(method, `/v1${fill(path, word)}`, changes(method) ? {} : undefined)),
    ),
  ));

test('hostile and unknown query arguments', () => {
  const words = ['', 'x', '-1', '1e99', "' or 1=1", NUL, 'a'.repeat(2000), '99999999999999999999', '00000000-0000-0000-0000-000000000000'];
  return all(
    BAREMETAL_OPERATIONS.filter((each) => each.method === 'GET' && !isStream(each.path)).flatMap(({ method, path, query }) =>
      [...query, 'nonsense'].flatMap((name) =>
        words.map((word) => () => mustBeCivil(method, `/v1${fill(path)}?${name}=${encodeURIComponent(word)}`)),
      ),
    ),
  );
});

test('bodies of the wrong type, and every key with every wrong value', () =>
  all(
    BAREMETAL_OPERATIONS.filter((each) => changes(each.method)).flatMap(({ method, path }) => {
      const keyed = KEYS.flatMap((key) => WRONG_VALUES.map((value) => ({ driver: 'fake-hardware', [key]: value })));
      return [...WRONG_VALUES, ...(method === 'PATCH' ? [] : keyed)].map((body) => () => mustBeCivil(method, `/v1${fill(path)}`, body));
    }),
  ));

test('patches of every field with every wrong value', () =>
  all(
    BAREMETAL_OPERATIONS.filter((each) => each.method === 'PATCH').flatMap(({ method, path }) =>
      KEYS.flatMap((key) =>
        [...WRONG_VALUES.map((value) => ({ op: 'add', value })), { op: 'replace', value: {} }, { op: 'remove' }].map(
          (operation) => () => mustBeCivil(method, `/v1${fill(path)}`, [{ path: `/${key}`, ...operation }]),
        ),
      ),
    ),
  ));

test('patches that are none', async () => {
  const wrong = [
    [{ op: 'test', path: '/extra' }],
    [{ op: 'add', path: 'extra', value: 1 }],
    [{ op: 'add', path: '/extra//a', value: 1 }],
    [{ op: 'add', path: '/extra/__proto__/x', value: 1 }],
    [{ op: 'add', path: '/constructor/prototype', value: 1 }],
    [{ op: 'replace', path: '/extra/none', value: 1 }],
    [{ op: 'remove', path: '/extra/none' }],
    [{ op: 'add', path: '/extra/a/b/c', value: 1 }],
    [{ op: 'add', path: '/uuid', value: node }],
    [{ op: 'add', path: '/provision_state', value: 'active' }],
    [{ op: 'add', path: '/extra' }],
    { op: 'add', path: '/extra/a', value: 1 },
    Array.from({ length: 5000 }, () => ({ op: 'add', path: '/extra/a', value: 1 })),
  ];
  for (const body of wrong) {
    const answer = await rig.call('PATCH', `/v1/nodes/${node}`, body);
    assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 200));
  }
});

test('bodies that are not JSON, too deep, or of another kind', async () => {
  const raw = async (body: string, type = 'application/json') => {
    const response = await fetch(`${rig.serve.endpoint}/baremetal/v1/nodes`, {
      method: 'POST',
      headers: { ...rig.serve.headers, 'content-type': type, 'x-openstack-ironic-api-version': 'latest' },
      body,
    });
    return { status: response.status, text: await response.text() };
  };
  for (const body of [
    '{',
    '"',
    'null',
    '[1',
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    '{"a":"\\u0000"}',
    '{"__proto__":{"driver":"x"}}',
    '\ufeff{}',
  ])
    assert.equal((await raw(body)).status, 400, body.slice(0, 50));
  assert.equal((await raw('a=b', 'application/x-www-form-urlencoded')).status, 400);
  assert.equal((await raw('{"driver":"fake-hardware"}', 'text/plain')).status, 201);
});

test('versions outside the range', async () => {
  for (const version of ['1.0', '1.9999', '2.1', '0', 'x', '1', '1.1.1', '-1.1', 'a'.repeat(3000)]) {
    const answer = await rig.call('GET', '/v1/nodes', undefined, { headers: { 'x-openstack-ironic-api-version': version } });
    assert.equal(answer.status, 406, version);
    assert.match(faultOf(answer.body), /supported version range/);
    assert.equal(answer.headers.get('x-openstack-ironic-api-minimum-version'), '1.1');
  }
});

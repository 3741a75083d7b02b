import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findCandidates, type CandidateRequest, type RequestGroup } from './allocation-candidates-policy.ts';
import { capacityOf, modelOf, SHARING_TRAIT, type Provider } from './placement-model.ts';
import { NO_FILTER } from './provider-filter-policy.ts';

interface Sketch {
  readonly parent?: string;
  readonly root?: string;
  readonly has?: Record<string, number>;
  readonly used?: Record<string, number>;
  readonly traits?: readonly string[];
  readonly aggregates?: readonly string[];
}

const provider = (uuid: string, { parent, root, has = {}, used = {}, traits = [], aggregates = [] }: Sketch): Provider => ({
  uuid,
  name: uuid,
  generation: 0,
  parentUuid: parent ?? null,
  rootUuid: root ?? parent ?? uuid,
  updatedAt: new Date(0),
  changed: '1',
  inventories: new Map(
    Object.entries(has).map(([name, total]) => [name, { total, reserved: 0, minUnit: 1, maxUnit: total, stepSize: 1, allocationRatio: 1 }]),
  ),
  used: new Map(Object.entries(used)),
  traits: new Set(traits),
  aggregates: new Set(aggregates),
});

const model = (sketches: Record<string, Sketch>) =>
  modelOf(new Map(Object.entries(sketches).map(([uuid, sketch]) => [uuid, provider(uuid, sketch)])));

const group = (resources: Record<string, number>, more: Partial<RequestGroup> = {}): RequestGroup => ({
  ...NO_FILTER,
  suffix: '',
  resources: new Map(Object.entries(resources)),
  ...more,
});

const ask = (groups: readonly RequestGroup[], more: Partial<CandidateRequest> = {}): CandidateRequest => ({
  groups,
  isolate: false,
  rootRequired: [],
  rootForbidden: [],
  sameSubtrees: [],
  limit: undefined,
  nested: true,
  ...more,
});

/** `host:VCPU=1 disk:DISK_GB=5`, sorted. */
const found = (sketches: Record<string, Sketch>, request: CandidateRequest) =>
  findCandidates(model(sketches), request)
    .map(({ allocations }) =>
      [...allocations]
        .map(([{ uuid }, classes]) => `${uuid}:${[...classes].map(([name, amount]) => `${name}=${amount}`).join(',')}`)
        .sort()
        .join(' '),
    )
    .sort();

const two: Record<string, Sketch> = {
  one: { has: { VCPU: 4, DISK_GB: 100 }, traits: ['CUSTOM_FAST'], aggregates: ['rack-1'] },
  two: { has: { VCPU: 8 }, used: { VCPU: 6 }, aggregates: ['rack-2'] },
};

test('one provider that has all of it', () => {
  assert.deepEqual(found(two, ask([group({ VCPU: 2 })])), ['one:VCPU=2', 'two:VCPU=2']);
  assert.deepEqual(found(two, ask([group({ VCPU: 3 })])), ['one:VCPU=3']);
  assert.deepEqual(found(two, ask([group({ VCPU: 1, DISK_GB: 10 })])), ['one:VCPU=1,DISK_GB=10']);
  assert.deepEqual(found(two, ask([group({ VCPU: 1 }, { required: [['CUSTOM_FAST']] })])), ['one:VCPU=1']);
  assert.deepEqual(found(two, ask([group({ VCPU: 1 }, { forbidden: ['CUSTOM_FAST'] })])), ['two:VCPU=1']);
  assert.deepEqual(found(two, ask([group({ VCPU: 1 }, { memberOf: [['rack-2', 'rack-3']] })])), ['two:VCPU=1']);
  assert.deepEqual(found(two, ask([group({ VCPU: 1 }, { forbiddenAggregates: ['rack-2'] })])), ['one:VCPU=1']);
  assert.deepEqual(found(two, ask([group({ VCPU: 1 }, { inTree: 'two' })])), ['two:VCPU=1']);
  assert.deepEqual(found(two, ask([group({ VCPU: 1 }, { inTree: 'nowhere' })])), []);
  assert.equal(found(two, ask([group({ VCPU: 1 })], { limit: 1 })).length, 1);
});

const tree: Record<string, Sketch> = {
  host: { has: { MEMORY_MB: 64 }, traits: ['CUSTOM_ROOT'] },
  numa0: { parent: 'host', has: { VCPU: 4 } },
  numa1: { parent: 'host', has: { VCPU: 4 }, traits: ['CUSTOM_AVX'] },
  nic0: { parent: 'numa0', root: 'host', has: { SRIOV_NET_VF: 2 } },
  nic1: { parent: 'numa1', root: 'host', has: { SRIOV_NET_VF: 2 } },
};

test('a tree gives together what no provider of it gives alone', () => {
  assert.deepEqual(found(tree, ask([group({ MEMORY_MB: 1, VCPU: 1 })])), [
    'host:MEMORY_MB=1 numa0:VCPU=1',
    'host:MEMORY_MB=1 numa1:VCPU=1',
  ]);
  assert.deepEqual(found(tree, ask([group({ MEMORY_MB: 1, VCPU: 1 }, { required: [['CUSTOM_AVX'], ['CUSTOM_ROOT']] })])), [
    'host:MEMORY_MB=1 numa1:VCPU=1',
  ]);
  assert.deepEqual(found(tree, ask([group({ MEMORY_MB: 1, VCPU: 1 })], { nested: false })), []);
  assert.deepEqual(found(tree, ask([group({ VCPU: 1 })], { rootForbidden: ['CUSTOM_ROOT'] })), []);
});

test('groups with suffixes: apart, together, in one subtree, and never more than there is', () => {
  const cpus = [group({ VCPU: 3 }, { suffix: '1' }), group({ VCPU: 3 }, { suffix: '2' })];
  assert.deepEqual(found(tree, ask(cpus)), ['numa0:VCPU=3 numa1:VCPU=3', 'numa0:VCPU=3 numa1:VCPU=3']);
  const small = [group({ VCPU: 1 }, { suffix: '1' }), group({ VCPU: 1 }, { suffix: '2' })];
  assert.equal(found(tree, ask(small)).length, 4);
  assert.equal(found(tree, ask(small, { isolate: true })).length, 2);
  const near = [group({ VCPU: 1 }, { suffix: '_cpu' }), group({ SRIOV_NET_VF: 1 }, { suffix: '_nic' })];
  assert.equal(found(tree, ask(near)).length, 4);
  assert.deepEqual(found(tree, ask(near, { sameSubtrees: [['_cpu', '_nic']] })), [
    'nic0:SRIOV_NET_VF=1 numa0:VCPU=1',
    'nic1:SRIOV_NET_VF=1 numa1:VCPU=1',
  ]);
});

test('a sharing provider serves the trees of its aggregates, and not a request for one tree', () => {
  const shared: Record<string, Sketch> = {
    'host-a': { has: { VCPU: 2 }, aggregates: ['rack'] },
    'host-b': { has: { VCPU: 2 } },
    san: { has: { DISK_GB: 100 }, traits: [SHARING_TRAIT], aggregates: ['rack'] },
  };
  assert.deepEqual(found(shared, ask([group({ VCPU: 1, DISK_GB: 5 })])), ['host-a:VCPU=1 san:DISK_GB=5']);
  assert.deepEqual(found(shared, ask([group({ DISK_GB: 5 })])), ['san:DISK_GB=5']);
  assert.deepEqual(found(shared, ask([group({ VCPU: 1, DISK_GB: 5 }, { inTree: 'host-a' })])), []);
  assert.deepEqual(found(shared, ask([group({ VCPU: 1 }), group({ DISK_GB: 5 }, { suffix: '_d' })])), ['host-a:VCPU=1 san:DISK_GB=5']);
});

test('whatever is asked, no candidate takes more than there is, and the limit holds', () => {
  const sketch = fc.record({ VCPU: fc.integer({ min: 1, max: 4 }), MEMORY_MB: fc.integer({ min: 1, max: 4 }) });
  const asked = fc.array(fc.record({ VCPU: fc.integer({ min: 1, max: 4 }) }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(sketch, { maxLength: 5 }), asked, fc.integer({ min: 1, max: 5 }), (have, wanted, limit) => {
      const providers = Object.fromEntries(have.map((has, at) => [`p${at}`, at % 2 === 1 ? { has, parent: `p${at - 1}` } : { has }]));
      const groups = wanted.map((resources, at) => group(resources, { suffix: at === 0 ? '' : String(at) }));
      const candidates = findCandidates(model(providers), ask(groups, { limit }));
      assert.ok(candidates.length <= limit);
      for (const { allocations } of candidates)
        for (const [one, classes] of allocations)
          for (const [name, amount] of classes) assert.ok(amount <= capacityOf(one.inventories.get(name)!));
    }),
  );
});

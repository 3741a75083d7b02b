import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { startPlacementRig, type PlacementRig } from './placement-rig.ts';

/** Placement over HTTP: claims that race, nodes that are inventory, answers that are never old. */
let rig: PlacementRig;
before(async () => {
  rig = await startPlacementRig();
});
after(() => rig.stop());

const candidatesOf = async (query: string) => {
  const body = await rig.expect(200, 'GET', `/allocation_candidates?${query}`);
  return (body['allocation_requests'] as { allocations: JsonObject }[]).flatMap(({ allocations }) => Object.keys(allocations));
};

test('two hundred claims on the last hundred: a hundred win, and the usage says so at once', async () => {
  const provider = await rig.provider({ VCPU: 100 });
  const statuses = await Promise.all(Array.from({ length: 200 }, () => rig.claim(randomUUID(), provider, { VCPU: 1 })));
  assert.equal(statuses.filter((status) => status === 204).length, 100);
  assert.equal(statuses.filter((status) => status === 409).length, 100);
  const { usages } = await rig.expect(200, 'GET', `/resource_providers/${provider}/usages`);
  assert.deepEqual(usages, { VCPU: 100 });
});

test('one consumer that is claimed for by many at once gets one claim', async () => {
  const provider = await rig.provider({ VCPU: 100 });
  const consumer = randomUUID();
  const statuses = await Promise.all(Array.from({ length: 10 }, () => rig.claim(consumer, provider, { VCPU: 3 })));
  assert.equal(statuses.filter((status) => status === 204).length, 1);
  const { usages } = await rig.expect(200, 'GET', `/resource_providers/${provider}/usages`);
  assert.deepEqual(usages, { VCPU: 3 });
  assert.equal(await rig.claim(consumer, provider, { VCPU: 4 }, 1), 204);
  assert.equal(await rig.claim(consumer, provider, { VCPU: 5 }, 1), 409);
});

test('what was written is in the next answer, whatever else is being read', async () => {
  const provider = await rig.provider({ CUSTOM_NOTHING: 1 }).catch(() => undefined);
  assert.equal(provider, undefined, 'a class that is not there');
  for (let round = 0; round < 20; round += 1) {
    const mine = await rig.provider({ DISK_GB: 10 });
    const [seen] = await Promise.all([
      candidatesOf('resources=DISK_GB:10'),
      candidatesOf('resources=DISK_GB:1'),
      candidatesOf('resources=DISK_GB:2'),
    ]);
    assert.ok(seen.includes(mine));
    assert.equal(await rig.claim(randomUUID(), mine, { DISK_GB: 1 }), 204);
    assert.ok(!(await candidatesOf('resources=DISK_GB:10')).includes(mine));
  }
});

test('a node is sellable when it is available, and only then', async () => {
  const baremetal = (method: string, path: string, body?: unknown) =>
    rig.serve.call(method, `/baremetal/v1${path}`, body, { 'x-openstack-ironic-api-version': 'latest' });
  const made = await baremetal('POST', '/nodes', { driver: 'fake-hardware', resource_class: 'gold.small' });
  const uuid = String(made.body['uuid']);
  await baremetal('PUT', `/nodes/${uuid}/traits/CUSTOM_SHINY`);
  const sellable = async () => (await candidatesOf('resources=CUSTOM_GOLD_SMALL:1&required=CUSTOM_SHINY')).includes(uuid);
  const reach = async (target: string, state: string) => {
    assert.equal((await baremetal('PUT', `/nodes/${uuid}/states/provision`, { target })).status, 202);
    for (;;) {
      const before = await stateOf();
      const isSold = await sellable();
      // What happened in between is anybody's guess.
      if ((await stateOf()) === before) assert.equal(isSold, before === 'available', before);
      if (before === state) return;
    }
  };
  const stateOf = async () => String((await baremetal('GET', `/nodes/${uuid}`)).body['provision_state']);
  assert.equal(await sellable(), false);
  await reach('manage', 'manageable');
  await reach('provide', 'available');
  assert.equal(await sellable(), true);
  await baremetal('PUT', `/nodes/${uuid}/maintenance`, { reason: 'a fan is loud' });
  assert.equal(await sellable(), false);
  await baremetal('DELETE', `/nodes/${uuid}/maintenance`);
  assert.equal(await sellable(), true);

  const consumer = randomUUID();
  assert.equal(await rig.claim(consumer, uuid, { CUSTOM_GOLD_SMALL: 1 }), 204);
  assert.equal((await rig.call('DELETE', `/resource_providers/${uuid}`)).status, 409);
  const refused = await baremetal('DELETE', `/nodes/${uuid}`);
  assert.equal(refused.status, 409, JSON.stringify(refused.body));
  assert.match(JSON.stringify(refused.body), /holds an allocation of placement/);
  await rig.expect(204, 'DELETE', `/allocations/${consumer}`);
  assert.equal((await baremetal('DELETE', `/nodes/${uuid}`)).status, 204);
  await rig.expect(404, 'GET', `/resource_providers/${uuid}`);
});

test('an empty answer says why when it is asked', async () => {
  await rig.provider({ VCPU: 2 });
  const { explain } = await rig.expect(200, 'GET', '/allocation_candidates?resources=VCPU:4000&required=HW_CPU_X86_AVX&also=explain');
  assert.ok((explain as Record<string, Record<string, number>>)['unsuffixed']!['required traits']! > 0);
});

test('a reshape moves inventory and its holders in one step, or not at all', async () => {
  const [from, to] = [await rig.provider({ VCPU: 4 }), await rig.provider({ DISK_GB: 1 })];
  const consumer = randomUUID();
  await rig.claim(consumer, from, { VCPU: 2 });
  const generationOf = async (uuid: string) => Number((await rig.expect(200, 'GET', `/resource_providers/${uuid}`))['generation']);
  const body = async (used: number) => ({
    inventories: {
      [from]: { resource_provider_generation: await generationOf(from), inventories: {} },
      [to]: { resource_provider_generation: await generationOf(to), inventories: { VCPU: { total: 4 } } },
    },
    allocations: {
      [consumer]: {
        allocations: { [to]: { resources: { VCPU: used } } },
        project_id: 'p',
        user_id: 'u',
        consumer_generation: 1,
        consumer_type: 'INSTANCE',
      },
    },
  });
  await rig.expect(409, 'POST', '/reshaper', await body(5));
  assert.deepEqual((await rig.expect(200, 'GET', `/resource_providers/${from}/usages`))['usages'], { VCPU: 2 });
  await rig.expect(204, 'POST', '/reshaper', await body(2));
  assert.deepEqual((await rig.expect(200, 'GET', `/resource_providers/${from}/inventories`))['inventories'], {});
  assert.deepEqual((await rig.expect(200, 'GET', `/resource_providers/${to}/usages`))['usages'], { VCPU: 2 });
});

test('a reshape without inventories is refused, and inventory that is there already is a conflict that can be tried again', async () => {
  await rig.expect(400, 'POST', '/reshaper', { inventories: {}, allocations: {} });
  const provider = await rig.provider({ VCPU: 1 });
  const { errors } = await rig.expect(409, 'POST', `/resource_providers/${provider}/inventories`, { resource_class: 'VCPU', total: 2 });
  assert.equal((errors as { code: string }[])[0]!.code, 'placement.concurrent_update');
});

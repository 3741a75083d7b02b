import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestOf } from './flavor-request-policy.ts';

const sizes = { vcpus: 2, ram: 512, disk: 10, ephemeral: 1, swap: 100 };
const METAL = { 'resources:CUSTOM_METAL': '1', 'resources:VCPU': '0', 'resources:MEMORY_MB': '0', 'resources:DISK_GB': '0' };
const resources = (specs: Record<string, string>) =>
  requestOf(sizes, specs, {}).request.groups.map(({ suffix, resources: asked }) => [suffix, Object.fromEntries(asked)]);

test('without extra specs a flavor asks for its sizes', () =>
  assert.deepEqual(resources({}), [['', { VCPU: 2, MEMORY_MB: 512, DISK_GB: 12 }]]));

test('a flavor of metal asks for one machine of a class', () => assert.deepEqual(resources(METAL), [['', { CUSTOM_METAL: 1 }]]));

test('suffixes make groups', () =>
  assert.deepEqual(resources({ ...METAL, 'resources1:CUSTOM_GPU': '2', 'trait1:CUSTOM_FAST': 'required' }), [
    ['', { CUSTOM_METAL: 1 }],
    ['1', { CUSTOM_GPU: 2 }],
  ]));

test('traits of the flavor and of the image add up', () => {
  const { request, traits } = requestOf(
    sizes,
    { ...METAL, 'trait:CUSTOM_A': 'required', 'trait:CUSTOM_B': 'forbidden', 'hw:cpu_policy': 'shared' },
    { 'trait:CUSTOM_C': 'required', os_distro: 'debian' },
  );
  assert.deepEqual(traits, ['CUSTOM_A', 'CUSTOM_C']);
  assert.deepEqual([request.groups[0]!.required, request.groups[0]!.forbidden], [[['CUSTOM_A'], ['CUSTOM_C']], ['CUSTOM_B']]);
});

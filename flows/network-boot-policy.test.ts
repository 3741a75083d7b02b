import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../core/base/json.ts';
import { planRamdisk, planVolume, type NetworkBootPlan } from './network-boot-policy.ts';

const problem = (plan: NetworkBootPlan | undefined) => (plan !== undefined && 'problem' in plan ? plan.problem : '');

test('a ramdisk is kernel and ramdisk, or an ISO', () => {
  assert.deepEqual(planRamdisk({ kernel: 'k', ramdisk: 'http://h/r', ramdisk_kernel_arguments: 'a b' }, false), {
    kind: 'image',
    image: { kernel: 'k', ramdisk: 'http://h/r', kernelArguments: 'a b' },
  });
  assert.deepEqual(planRamdisk({ boot_iso: 'x.iso' }, false), { kind: 'image', image: { iso: 'x.iso' } });
});

const REFUSED: readonly (readonly [JsonObject, boolean, RegExp])[] = [
  [{}, false, /kernel is not an http/],
  [{ kernel: 'k' }, false, /ramdisk is not an http/],
  [{ kernel: 'k', boot_iso: 'x' }, false, /which of them/],
  [{ boot_iso: 'file:///etc/shadow' }, false, /boot_iso is not/],
  [{ boot_iso: '/etc/shadow' }, false, /boot_iso is not/],
  [{ kernel: 'k', ramdisk: 'http://h/${x}' }, false, /ramdisk is not/],
  [{ kernel: 'k', ramdisk: 'r', ramdisk_kernel_arguments: 1 }, false, /not a text/],
  [{ boot_iso: 'x.iso' }, true, /config drive/],
];
for (const [info, hasConfigDrive, words] of REFUSED)
  test(`refused: ${JSON.stringify(info)}${hasConfigDrive ? ' with a config drive' : ''}`, () => {
    assert.match(problem(planRamdisk(info, hasConfigDrive)), words);
  });

const iqn = { type: 'iqn', connector_id: 'iqn.i' };
const target = (properties: JsonObject = {}, boot_index = 0, volume_type = 'iscsi') => ({
  volume_type,
  boot_index,
  properties: { target_iqn: 'iqn.t', target_portal: '10.0.0.1:3260', target_lun: 1, ...properties },
});

test('the volume with boot index 0 comes first; without one the instance is on a disk', () => {
  const chap = { auth_method: 'CHAP', auth_username: 'u', auth_password: 'p' };
  assert.deepEqual(planVolume({ connectors: [iqn], targets: [target({ target_portal: 'san' }, 1), target(chap)] }), {
    kind: 'volume',
    volume: {
      initiator: 'iqn.i',
      drives: [
        { host: '10.0.0.1', port: 3260, lun: 1, target: 'iqn.t', chap: { username: 'u', password: 'p' } },
        { host: 'san', port: 3260, lun: 1, target: 'iqn.t' },
      ],
    },
  });
  assert.equal(planVolume({ connectors: [iqn], targets: [target({}, 1)] }), undefined);
  assert.equal(planVolume({ connectors: [], targets: [] }), undefined);
});

test('what can not be booted from is refused by name', () => {
  assert.match(problem(planVolume({ connectors: [], targets: [target()] })), /this one has 0/);
  assert.match(problem(planVolume({ connectors: [iqn, iqn], targets: [target()] })), /this one has 2/);
  assert.match(problem(planVolume({ connectors: [iqn], targets: [target({}, 0, 'fibre_channel')] })), /fibre_channel/);
  assert.match(problem(planVolume({ connectors: [iqn], targets: [target({ target_iqn: 'a b' })] })), /target_iqn/);
  assert.match(problem(planVolume({ connectors: [iqn], targets: [target({ target_portal: 'x:y' })] })), /target_portal/);
  assert.match(problem(planVolume({ connectors: [iqn], targets: [target({ target_lun: -1 })] })), /target_lun/);
  assert.match(problem(planVolume({ connectors: [iqn], targets: [target({ auth_method: 'KRB5' })] })), /KRB5/);
  assert.match(problem(planVolume({ connectors: [iqn], targets: [target({ auth_method: 'CHAP', auth_username: 'u' })] })), /auth_password/);
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { readSwitches, switchesShape } from './switch-configuration.ts';

const eos = {
  name: 'leaf-1',
  chassis_mac: '52-54-00-AA-00-01',
  driver: 'eos',
  physical_network: 'physnet1',
  address: 'leaf-1.example',
  username: 'u',
  password_file: 'p',
};
const ovs = {
  name: 'ovs',
  chassis_mac: '5254.00aa.0002',
  driver: 'ovs',
  physical_network: 'physnet1',
  address: 'tcp:192.0.2.9:6640',
  bridge: 'br0',
};

test('switches as a configuration has them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rackwright-switches-'));
  try {
    writeFileSync(join(folder, 'p'), 'secret\n');
    const [one, two] = await readSwitches(
      switchesShape.parse([
        { ...eos, password_file: join(folder, 'p') },
        { ...ovs, ports: ['p*'] },
      ]),
    );
    assert.deepEqual(
      [one!.chassisMac, one!.touches, two!.chassisMac, two!.touches],
      ['52:54:00:aa:00:01', null, '52:54:00:aa:00:02', ['p*']],
    );
    assert.ok(one!.access.driver === 'eos');
    assert.deepEqual([one!.access.port, one!.access.savesConfiguration, one!.access.password.reveal()], [443, true, 'secret']);
    assert.ok(!inspect(one, { depth: 9 }).includes('secret'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('mistakes are told', () => {
  for (const [wrong, path, words] of [
    [[{ ...eos, chassis_mac: 'x' }], '0.chassis_mac', /is not a MAC address/],
    [[{ ...eos, certificate_sha256: 'abc' }], '0.certificate_sha256', /SHA-256/],
    [[{ ...eos, driver: 'nxos' }], '0.driver', /./],
    [[{ ...ovs, address: 'ssl:192.0.2.9:6640' }], '0.tls', /is needed/],
    [[{ ...ovs, address: '192.0.2.9' }], '0.address', /is not unix:PATH/],
    [[eos, { ...ovs, name: 'leaf-1' }], '', /twice/],
    [[{ ...eos, bridge: 'br0' }], '0', /bridge/],
  ] as const) {
    const { error } = switchesShape.safeParse(wrong);
    const issue = error?.issues[0];
    assert.deepEqual([issue?.path.join('.'), words.test(issue?.message ?? '')], [path, true], JSON.stringify(wrong));
  }
});

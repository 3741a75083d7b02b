import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLeafSwitch } from '../leaf-switch.ts';
import { createEosCli } from './eos-cli.ts';

function build() {
  const leaf = createLeafSwitch({
    name: 'leaf-1',
    chassisMac: '52:54:00:00:00:01',
    clock: { nowMs: () => 0, steadyMs: () => 0, sleep: () => Promise.resolve() },
  });
  const add = (name: string) => leaf.addPort({ name, description: '', announces: true, deliver: () => true });
  const ports = { one: add('Ethernet1/1'), two: add('Ethernet1/2') };
  return { leaf, ...ports, cli: createEosCli(leaf) };
}

const toVlan = (port: string, vlan: number) => [
  `vlan ${vlan}`,
  'exit',
  `interface ${port}`,
  'switchport mode access',
  `switchport access vlan ${vlan}`,
  'exit',
];

test('a session changes all or nothing', () => {
  const { one, two, cli } = build();
  const half = cli.run(['enable', 'configure session s1', ...toVlan('Ethernet1/1', 7), ...toVlan('Ethernet1/9', 8), 'commit']);
  assert.deepEqual(half.error, { summary: 'could not run command', reasons: ['Interface Ethernet1/9 does not exist'] });
  assert.deepEqual([one.vlans().untagged, two.vlans().untagged], [1, 1]);
  assert.equal(
    cli.run(['enable', 'configure session s2', ...toVlan('Ethernet1/1', 7), ...toVlan('Ethernet1/2', 8), 'commit']).error,
    undefined,
  );
  assert.deepEqual([one.vlans().untagged, two.vlans().untagged], [7, 8]);
});

test('what was not written is lost in a restart; commands without a session are in force at once', () => {
  const { one, cli } = build();
  cli.run(['enable', 'configure', ...toVlan('Ethernet1/1', 7)]);
  assert.equal(one.vlans().untagged, 7);
  cli.restart();
  assert.equal(one.vlans().untagged, 1);
  cli.run(['enable', 'configure', ...toVlan('Ethernet1/1', 7), 'end', 'write memory']);
  cli.restart();
  assert.equal(one.vlans().untagged, 7);
});

test('five sessions may be open, and an aborted one is not', () => {
  const { cli } = build();
  for (let n = 1; n <= 5; n += 1) assert.equal(cli.run(['enable', `configure session s${n}`]).error, undefined);
  assert.match(String(cli.run(['enable', 'configure session s6']).error?.reasons[0]), /Maximum number of pending sessions/);
  cli.run(['enable', 'no configure session s1']);
  assert.equal(cli.run(['enable', 'configure session s6']).error, undefined);
});

test('who is not privileged configures nothing, and no line throws', () => {
  const { cli } = build();
  assert.equal(cli.run(['configure session s1']).error?.summary, 'invalid command');
  const words = fc.constantFrom(
    'enable',
    'configure',
    'session',
    'x',
    'vlan',
    '7',
    '9999',
    'interface',
    'Ethernet1/1',
    'switchport',
    'mode',
    'trunk',
    'allowed',
    'commit',
    'exit',
    'no',
  );
  fc.assert(fc.property(fc.array(fc.array(words, { maxLength: 6 })), (lines) => void cli.run(lines.map((line) => line.join(' ')))));
});

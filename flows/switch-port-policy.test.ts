import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describePort, isApplied, wishOf, type SwitchPortFact, type VifFact } from './switch-port-policy.ts';

const fact = (more: Partial<SwitchPortFact> = {}): SwitchPortFact => ({
  switchId: '52:54:00:00:00:01',
  portId: 'Ethernet1/1',
  switchName: 'leaf-1',
  physicalNetwork: 'physnet1',
  nodeId: 'node',
  portUuid: 'port',
  mac: '52:54:00:00:01:01',
  purpose: 'tenant',
  network: null,
  hasNetworkId: false,
  vif: null,
  group: null,
  applied: null,
  differsSince: null,
  lastError: null,
  switchError: null,
  ...more,
});
const network = (vlan: number | null) => ({ id: `n${vlan}`, name: `net ${vlan}`, vlan });
const vif = (more: Partial<VifFact> = {}): VifFact => ({ id: 'vif', network: network(101), subPorts: [], ...more });

test('what a port shall carry', () => {
  const table: readonly [string, Partial<SwitchPortFact>, string][] = [
    ['nothing', { purpose: 'none' }, '{"untagged":null,"tagged":[]}'],
    ['the agent’s network', { purpose: 'cleaning', hasNetworkId: true, network: network(7) }, '{"untagged":7,"tagged":[]}'],
    ['a port that the agent does not use', { purpose: 'cleaning' }, '{"untagged":null,"tagged":[]}'],
    ['no VIF', {}, '{"untagged":null,"tagged":[]}'],
    ['a VIF', { vif: vif() }, '{"untagged":101,"tagged":[]}'],
    [
      'a trunk',
      { vif: vif({ subPorts: [8, 7].map((tag) => ({ id: 's', tag, network: network(tag) })) }) },
      '{"untagged":101,"tagged":[7,8]}',
    ],
    [
      'a VIF of the agent’s time',
      { purpose: 'provisioning', hasNetworkId: true, network: network(7), vif: vif() },
      '{"untagged":7,"tagged":[]}',
    ],
  ];
  for (const [why, more, wanted] of table) {
    const wish = wishOf(fact(more));
    assert.equal('vlans' in wish && JSON.stringify(wish.vlans), wanted, why);
  }
});

test('a bond is what its mode wants of the switch', () => {
  const member = (portId: string | null, switchId = 'leaf-1') => ({
    mac: `of ${portId}`,
    switchId: portId === null ? null : switchId,
    portId,
  });
  const members = [member('Ethernet2'), member('Ethernet1')];
  const group = { name: 'bond0', mode: '802.3ad', members };
  const both = ['Ethernet1', 'Ethernet2'];
  const table: readonly [object, unknown][] = [
    [{}, { mode: 'lacp', members: both }],
    [{ mode: '4' }, { mode: 'lacp', members: both }],
    [{ mode: 'balance-xor' }, { mode: 'static', members: both }],
    [{ mode: 'active-backup' }, undefined],
    [{ mode: 'active-backup', members: [member('Ethernet1'), member('Ethernet1', 'leaf-2')] }, undefined],
    [{ members: [member('Ethernet1'), member('Ethernet1', 'leaf-2')] }, /bond0 \(802.3ad\) is plugged into more than one switch/],
    [{ members: [...members, member(null)] }, /the port of null of the port group bond0 has no local_link_connection/],
    [{ mode: 'fast' }, /bond0 has the mode fast, which is none of balance-rr/],
  ];
  for (const [more, wanted] of table) {
    const wish = wishOf(fact({ vif: vif(), group: { ...group, ...more } }));
    if (wanted instanceof RegExp) assert.match('problem' in wish ? wish.problem : '', wanted);
    else assert.deepEqual('vlans' in wish && wish.vlans.lag, wanted, JSON.stringify(more));
  }
  const applied = { untagged: 101, tagged: [], lag: { mode: 'lacp', members: both } } as const;
  assert.equal(isApplied(fact({ vif: vif(), group, applied })), true);
  assert.equal(isApplied(fact({ vif: vif(), group, applied: { untagged: 101, tagged: [] } })), false);
  assert.equal(isApplied(fact({ vif: vif(), applied })), false);
});

test('what can not be says so', () => {
  const table: readonly [Partial<SwitchPortFact>, RegExp][] = [
    [{ purpose: 'cleaning', hasNetworkId: true }, /the network of cleaning is gone/],
    [{ vif: vif({ network: null }) }, /the VIF vif is no port of the Network API that is bound/],
    [{ vif: vif({ network: network(null) }) }, /net null has no VLAN on the physical network physnet1/],
    [{ vif: vif({ subPorts: [{ id: 's', tag: 9, network: network(7) }] }) }, /wants the tag 9 for VLAN 7/],
  ];
  for (const [more, words] of table) {
    const wish = wishOf(fact(more));
    assert.match('problem' in wish ? wish.problem : '', words);
    assert.equal(isApplied(fact({ ...more, applied: { untagged: 101, tagged: [] } })), false);
  }
});

test('a line for people', () => {
  assert.equal(
    describePort(fact({ vif: vif(), applied: { untagged: 1, tagged: [] }, lastError: 'no' })),
    'Ethernet1/1 of leaf-1 has VLAN 1 and shall have VLAN 101 (tenant): no',
  );
  assert.equal(describePort(fact({ vif: vif(), applied: { untagged: 101, tagged: [] } })), 'Ethernet1/1 of leaf-1 has VLAN 101 (tenant)');
  assert.match(
    describePort(fact({ switchName: null })),
    /the switch 52:54:00:00:00:01 was not seen yet .* the configuration has no such switch/,
  );
});

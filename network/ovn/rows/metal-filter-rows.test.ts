import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkState, PortFact } from '../network-state.ts';
import { metalFilters } from './metal-filter-rows.ts';
import { oneNetwork, portFact } from '../network-state.fixture.ts';

const NET = '00000001-0000-4000-8000-000000000000';
const MAC = '52:54:00:00:00:01';
const rule = { id: 'r', direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', portMin: 22, portMax: 22 } as const;
const remote = { remotePrefix: null, remoteGroupId: null, remoteAddressGroupId: null };
const group = (id: string, isStateful: boolean) => ({ id, isStateful, rules: [{ ...rule, ...remote }] });

function filters(more: Partial<PortFact>, provider: { physicalNetwork: string; vlan: number } | null = { physicalNetwork: 'p', vlan: 7 }) {
  const port = portFact({ id: 'm', networkId: NET, subnetId: 's' }, { isMetal: true, securityGroupIds: ['free'], ...more });
  const state: NetworkState = {
    ...oneNetwork({ id: NET, provider }, 's'),
    ports: [port],
    securityGroups: [group('free', false), group('tracked', true)],
  };
  return metalFilters(state, () => ['localnet-a', 'localnet-b']);
}

test('a machine’s frames are judged at the ways out of its network, by its MAC address', () => {
  const { rows, byNetwork } = filters({});
  const acl = (key: string) => {
    const { direction, match, action } = rows.find((row) => row.key === `acl:metal:m:${key}`)!.columns;
    return [direction, match, action];
  };
  const ways = '{"localnet-a", "localnet-b"}';
  assert.deepEqual(acl('in'), ['to-lport', `outport == ${ways} && eth.dst == ${MAC} && ip`, 'drop']);
  assert.deepEqual(acl('out'), ['from-lport', `inport == ${ways} && eth.src == ${MAC} && ip`, 'drop']);
  assert.deepEqual(acl('r'), ['to-lport', `outport == ${ways} && eth.dst == ${MAC} && ip4 && tcp && tcp.dst == 22`, 'allow-stateless']);
  assert.deepEqual(
    byNetwork.get(NET),
    rows.map(({ key }) => key),
  );
});

test('nothing for a group that needs connections, for no group, without port security, on a host, and in an overlay', () => {
  for (const more of [
    { securityGroupIds: ['free', 'tracked'] },
    { securityGroupIds: [] },
    { hasPortSecurity: false },
    { isMetal: false },
  ] as const)
    assert.deepEqual(filters(more).rows, [], JSON.stringify(more));
  assert.deepEqual(filters({}, null).rows, []);
});

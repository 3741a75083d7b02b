import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkState, PortFact, QosRuleFact } from '../network-state.ts';
import { portFact } from '../network-state.fixture.ts';
import { guaranteeOf, qosRows } from './qos-rows.ts';

const port = (id: string, more: Partial<PortFact> = {}): PortFact =>
  portFact({ id, networkId: 'inside', subnetId: '' }, { addresses: [], qosPolicyId: 'gold', ...more });
const RULES: readonly QosRuleFact[] = [
  { kind: 'bandwidth_limit', direction: 'egress', kbps: 1000, burst: 80 },
  { kind: 'bandwidth_limit', direction: 'ingress', kbps: 0, burst: null },
  { kind: 'dscp_marking', mark: 46 },
  { kind: 'minimum_bandwidth', direction: 'egress', kbps: 500 },
];
const state = (more: Partial<NetworkState>): NetworkState => ({
  networks: [],
  subnets: [],
  ports: [],
  routers: [],
  floatingIps: [],
  securityGroups: [],
  addressGroups: [],
  qosPolicies: [{ id: 'gold', rules: RULES }],
  ...more,
});
const shown = (some: NetworkState) =>
  qosRows(some).rows.map(({ key, columns: { priority, direction, match, action, bandwidth } }) => {
    const [marks, rates] = [action, bandwidth].map((value) => Object.fromEntries((value as { map: Map<string, number> }).map));
    return [key, priority, direction, match, marks, rates];
  });

test('a port sends no more than its limit and with its mark, and gets no more than its limit', () => {
  assert.deepEqual(shown(state({ ports: [port('p')] })), [
    ['qos:port:p:egress', 2002, 'from-lport', 'inport == "p"', { dscp: 46 }, { rate: 1000, burst: 80 }],
    ['qos:port:p:ingress', 2002, 'to-lport', 'outport == "p"', {}, { rate: 1 }],
  ]);
});

test('no limit for ports of the cloud, of metal and without a policy', () => {
  const ports = [port('r', { owner: 'network:router_interface' }), port('m', { isMetal: true }), port('n', { qosPolicyId: null })];
  assert.deepEqual(shown(state({ ports })), []);
});

test('floating addresses and the whole of a router’s traffic are looked at on the network outside', () => {
  const out = port('g', { networkId: 'outside', owner: 'network:router_gateway', deviceId: 'r' });
  const floating = { id: 'f', address: '192.0.2.9', routerId: 'r', fixedAddress: '10.0.0.9', qosPolicyId: 'gold', forwardings: [] };
  const router = {
    id: 'r',
    name: '',
    isEnabled: true,
    gateway: { portId: 'g', hasSnat: true, qosPolicyId: 'gold', hosts: [] },
    routes: [],
  };
  const all = state({ ports: [out], floatingIps: [floating, { ...floating, id: 'free', routerId: null }], routers: [router] });
  assert.deepEqual(
    shown(all).map(([key, priority, , match]) => [key, priority, match]),
    [
      ['qos:floating:f:egress', 2002, 'inport == "g" && ip4.src == 192.0.2.9'],
      ['qos:floating:f:ingress', 2002, 'outport == "g" && ip4.dst == 192.0.2.9'],
      ['qos:router:r:egress', 2001, 'inport == "g"'],
      ['qos:router:r:ingress', 2001, 'outport == "g"'],
    ],
  );
  assert.deepEqual([...qosRows(all).byNetwork.keys()], ['outside']);
});

test('a guaranteed rate is one of what is sent, in bits', () => {
  assert.deepEqual(guaranteeOf(port('p'), RULES), { qos_min_rate: '500000' });
  assert.deepEqual(guaranteeOf(port('p', { owner: 'network:dhcp' }), RULES), {});
  assert.deepEqual(guaranteeOf(port('p'), [{ kind: 'minimum_bandwidth', direction: 'ingress', kbps: 1 }]), {});
});

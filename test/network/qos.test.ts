import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startNetworkRig, type NetworkRig, type Shown } from './network-rig.ts';

/** A policy with a rule that nobody carries out may be written, and is not put to use: neither at first, nor later through the back door. */
let rig: NetworkRig;
let network: Shown;
let wired: Shown;
let outside: Shown;
before(async () => {
  rig = await startNetworkRig();
  ({ network } = await rig.net(rig.admin, '10.1.0.0/24'));
  wired = await rig.make(rig.admin, '/networks', 'network', { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' });
  outside = await rig.make(rig.admin, '/networks', 'network', { 'router:external': true });
  await rig.make(rig.admin, '/subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '203.0.113.0/24' });
});
after(() => rig?.close());

const policyWith = async (...rules: readonly [kind: string, values: object][]): Promise<string> => {
  const { id } = await rig.make(rig.admin, '/qos/policies', 'policy', { name: 'p' });
  for (const [kind, values] of rules) await rig.make(rig.admin, `/qos/policies/${id}/${kind}_rules`, `${kind}_rule`, values);
  return id;
};
async function refused(method: string, path: string, body: object, type = 'QosRuleNotSupported'): Promise<string> {
  const answer = await rig.expect(409, rig.admin, method, `/v2.0${path}`, body);
  assert.equal(answer['NeutronError']!['type'], type);
  return String(answer['NeutronError']!['message']);
}
/** A guarantee may be asked for; a host does not keep these. */
const DEMANDS: readonly [string, object][] = [
  ['minimum_packet_rate', { min_kpps: 5 }],
  ['minimum_bandwidth', { min_kbps: 5, direction: 'ingress' }],
];

test('what nobody carries out is put to use nowhere', async () => {
  const id = await policyWith(['packet_rate_limit', { max_kpps: 5 }]);
  const port = await rig.make(rig.admin, '/ports', 'port', { network_id: wired.id });
  assert.match(await refused('POST', '/ports', { port: { network_id: wired.id, qos_policy_id: id } }), /packet_rate_limit/);
  await refused('PUT', `/ports/${port.id}`, { port: { qos_policy_id: id } });
  await refused('POST', '/networks', { network: { qos_policy_id: id } }, 'QosRuleNotSupportedByNetwork');
  await refused('PUT', `/networks/${wired.id}`, { network: { qos_policy_id: id } }, 'QosRuleNotSupportedByNetwork');
  await refused('POST', '/floatingips', { floatingip: { floating_network_id: outside.id, qos_policy_id: id } });
  await refused('POST', '/routers', { router: { external_gateway_info: { network_id: outside.id, qos_policy_id: id } } });
});

test('a guarantee that no host keeps is a demand of the port, which then comes to no host', async () => {
  for (const [kind, values] of DEMANDS) {
    const id = await policyWith([kind, values]);
    const port = await rig.make(rig.admin, '/ports', 'port', { network_id: wired.id, qos_policy_id: id });
    assert.match(await refused('PUT', `/ports/${port.id}`, { port: { 'binding:host_id': 'h1' } }), new RegExp(kind));
    const demanding = await rig.make(rig.admin, '/networks', 'network', {
      qos_policy_id: id,
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet2',
    });
    await refused('POST', '/ports', { port: { network_id: demanding.id, 'binding:host_id': 'h1' } });
    const bound = await rig.make(rig.admin, '/ports', 'port', { network_id: wired.id, 'binding:host_id': 'h1' });
    await refused('PUT', `/ports/${bound.id}`, { port: { qos_policy_id: id } });
    await refused('PUT', `/networks/${wired.id}`, { network: { qos_policy_id: id } });
    await rig.expect(204, rig.admin, 'DELETE', `/v2.0/ports/${bound.id}`);
  }
});

test('a guarantee is one of a wire; a limit goes everywhere but to metal', async () => {
  const guarantee = await policyWith(['minimum_bandwidth', { min_kbps: 5 }]);
  await refused('POST', '/ports', { port: { network_id: network.id, qos_policy_id: guarantee } });
  await rig.make(rig.admin, '/ports', 'port', { network_id: wired.id, qos_policy_id: guarantee });
  await refused('POST', '/floatingips', { floatingip: { floating_network_id: outside.id, qos_policy_id: guarantee } });
  const limit = await policyWith(['bandwidth_limit', { max_kbps: 5 }], ['dscp_marking', { dscp_mark: 8 }]);
  const port = await rig.make(rig.admin, '/ports', 'port', { network_id: network.id, qos_policy_id: limit });
  await refused('PUT', `/ports/${port.id}`, { port: { 'binding:vnic_type': 'baremetal' } });
  await rig.make(rig.admin, '/floatingips', 'floatingip', { floating_network_id: outside.id, qos_policy_id: limit });
  const limited = await rig.make(rig.admin, '/networks', 'network', { qos_policy_id: limit });
  await refused('POST', '/ports', { port: { network_id: limited.id, 'binding:vnic_type': 'baremetal' } });
});

test('a rule does not come to what is in use already', async () => {
  const id = await policyWith(['bandwidth_limit', { max_kbps: 5000 }], ['minimum_bandwidth', { min_kbps: 5 }]);
  await rig.make(rig.admin, '/ports', 'port', { network_id: wired.id, qos_policy_id: id, 'binding:host_id': 'h1' });
  for (const [kind, values] of [['packet_rate_limit', { max_kpps: 5 }] as const, ...DEMANDS])
    await refused('POST', `/qos/policies/${id}/${kind}_rules`, { [`${kind}_rule`]: values });
  const { policy } = await rig.expect(200, rig.admin, 'GET', `/v2.0/qos/policies/${id}`);
  const rule = (policy!['rules'] as { id: string; type: string }[]).find(({ type }) => type === 'minimum_bandwidth')!;
  const path = `/qos/policies/${id}/minimum_bandwidth_rules/${rule.id}`;
  await refused('PUT', path, { minimum_bandwidth_rule: { direction: 'ingress' } });
});

test('the list of kinds says what is true', async () => {
  const typesOf = async (query: string) =>
    (await rig.expect(200, rig.admin, 'GET', `/v2.0/qos/rule-types${query}`))['rule_types']!.map(
      ({ type }: Record<string, unknown>) => type,
    );
  assert.deepEqual(await typesOf(''), ['bandwidth_limit', 'dscp_marking', 'minimum_bandwidth']);
  assert.equal((await typesOf('?all_rules=true')).length, 5);
  const { rule_type: known } = await rig.expect(200, rig.admin, 'GET', '/v2.0/qos/rule-types/packet_rate_limit');
  assert.deepEqual(known!['drivers'], []);
});

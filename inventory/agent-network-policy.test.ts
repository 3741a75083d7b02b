import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../core/base/json.ts';
import { agentNetwork } from './agent-network-policy.ts';

const LINKS = [
  { id: 'eth0', type: 'phy', ethernet_mac_address: '52:54:00:00:00:0A' },
  { id: 'storage', type: 'vlan', vlan_link: 'eth0', vlan_id: 12, mtu: 9000 },
  { id: 'pair', type: 'bond', bond_links: ['eth0'] },
];
const network = (more: JsonObject): JsonObject => ({
  id: 'n',
  link: 'eth0',
  type: 'ipv4',
  ip_address: '192.0.2.5',
  netmask: '255.255.255.0',
  ...more,
});
const of = (networks: JsonObject[], services: JsonObject[] = []) => agentNetwork({ links: LINKS, networks, services });

for (const [what, networks, expected] of [
  ['a mask', [network({})], ['rackwright.ip=mac=52:54:00:00:00:0a,address=192.0.2.5/24']],
  [
    'a length in the address',
    [network({ ip_address: '192.0.2.5/25', netmask: undefined as never })],
    ['rackwright.ip=mac=52:54:00:00:00:0a,address=192.0.2.5/25'],
  ],
  [
    'ways out',
    [
      network({
        routes: [
          { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '192.0.2.1' },
          { network: '10.0.0.0', netmask: '255.0.0.0', gateway: '192.0.2.9' },
        ],
      }),
    ],
    ['rackwright.ip=mac=52:54:00:00:00:0a,address=192.0.2.5/24,gateway=192.0.2.1,route=10.0.0.0/8@192.0.2.9'],
  ],
  [
    'IPv6 on a VLAN',
    [network({ link: 'storage', type: 'ipv6', ip_address: 'fd00::5', netmask: 'ffff:ffff:ffff:ffff::', gateway: 'fd00::1' })],
    ['rackwright.ip=mac=52:54:00:00:00:0a,address=fd00::5/64,vlan=12,mtu=9000,gateway=fd00::1'],
  ],
  ['DHCP alone: no word, the agent asks', [network({ type: 'ipv4_dhcp' })], []],
  ['nothing', [], []],
] as const)
  test(`addresses for the agent: ${what}`, () => assert.deepEqual(of([...networks]), expected));

for (const [what, bad, refused] of [
  ['a bond', network({ link: 'pair' }), /is a bond, which the agent does not make/],
  ['a link that is not there', network({ link: 'eth7' }), /names the link "eth7"/],
  ['no mask', network({ netmask: '255.0.255.0' }), /no ip_address with a netmask/],
  ['a route to nowhere', network({ routes: [{ network: '10.0.0.0', netmask: '255.0.0.0' }] }), /route without a gateway/],
] as const)
  test(`no address for the agent: ${what} is refused in words`, () => assert.match((of([bad]) as { refused: string }).refused, refused));

test('name servers of the node and of a network come once each', () => {
  const words = of(
    [network({ services: [{ type: 'dns', address: '192.0.2.53' }] })],
    [
      { type: 'dns', address: '192.0.2.53' },
      { type: 'ntp', address: '192.0.2.7' },
    ],
  );
  assert.deepEqual(words, ['rackwright.ip=mac=52:54:00:00:00:0a,address=192.0.2.5/24,dns=192.0.2.53']);
});

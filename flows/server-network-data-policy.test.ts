import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Interface } from '../network/device-port-service.ts';
import { networkData } from './server-network-data-policy.ts';

const v4 = {
  address: '10.0.0.5',
  version: 4,
  cidr: '10.0.0.0/24',
  gateway: '10.0.0.1',
  dnsServers: ['10.0.0.2'],
  routes: [{ destination: '192.168.0.0/16', nexthop: '10.0.0.9' }],
  dhcp: true,
  ipv6Mode: null,
} as const;
const nic = (addresses: Interface['addresses']): Interface => ({
  portId: 'p',
  networkId: 'n',
  mac: '52:54:00:00:00:01',
  mtu: 1450,
  addresses,
});

test('an address is told with its mask, its ways and the name servers', () =>
  assert.deepEqual(networkData([nic([v4])]), {
    links: [{ id: 'interface0', vif_id: 'p', type: 'phy', mtu: 1450, ethernet_mac_address: '52:54:00:00:00:01' }],
    networks: [
      {
        id: 'network0',
        type: 'ipv4',
        ip_address: '10.0.0.5',
        netmask: '255.255.255.0',
        routes: [
          { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.0.1' },
          { network: '192.168.0.0', netmask: '255.255.0.0', gateway: '10.0.0.9' },
        ],
        network_id: 'n',
        link: 'interface0',
      },
    ],
    services: [{ type: 'dns', address: '10.0.0.2' }],
  }));

test('an address that is made of an advertisement is named as such', () => {
  const v6 = { ...v4, address: 'fd00::5', version: 6, cidr: 'fd00::/64', gateway: null, routes: [], ipv6Mode: 'slaac' } as const;
  const { networks } = networkData([nic([v4, v6])]) as { networks: { type: string; netmask: string }[] };
  assert.deepEqual(
    networks.map(({ type, netmask }) => [type, netmask]),
    [
      ['ipv4', '255.255.255.0'],
      ['ipv6_slaac', 'ffff:ffff:ffff:ffff::'],
    ],
  );
});

test('a bond is told with its members, as cloud-init reads it', () => {
  const bond = {
    mode: '4',
    properties: { lacp_rate: 'fast', bond_xmit_hash_policy: 'layer3+4' },
    members: ['52:54:00:00:01:01', '52:54:00:00:01:02'],
  };
  const { links, networks } = networkData([nic([v4])], new Map([['p', bond]])) as { links: object[]; networks: { link: string }[] };
  assert.deepEqual(links, [
    { id: 'interface0-0', type: 'phy', mtu: 1450, ethernet_mac_address: '52:54:00:00:01:01' },
    { id: 'interface0-1', type: 'phy', mtu: 1450, ethernet_mac_address: '52:54:00:00:01:02' },
    {
      id: 'interface0',
      vif_id: 'p',
      type: 'bond',
      mtu: 1450,
      ethernet_mac_address: '52:54:00:00:00:01',
      bond_links: ['interface0-0', 'interface0-1'],
      bond_miimon: 100,
      bond_lacp_rate: 'fast',
      bond_xmit_hash_policy: 'layer3+4',
      bond_mode: '802.3ad',
    },
  ]);
  assert.equal(networks[0]!.link, 'interface0');
});

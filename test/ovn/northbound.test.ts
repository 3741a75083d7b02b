import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { portFact } from '../../network/ovn/network-state.fixture.ts';
import { connectNorthbound, type OvnNorthbound } from '../../network/ovn/ovn-northbound.ts';
import type { NetworkState, PortFact } from '../../network/ovn/network-state.ts';
import { startOvn, type OvnRig } from './ovn-rig.ts';

/** OVN's real databases and northd: they become what shall be, and again after they were lost or edited. */
let ovn: OvnRig;
let northbound: OvnNorthbound;
before(async () => {
  ovn = await startOvn();
  northbound = connectNorthbound({ remotes: [ovn.northbound], onWarning: () => undefined }, () => ({ chassis: ['gw1', 'gw2'] }));
});
after(async () => {
  northbound.close();
  await ovn.stop();
});

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const port = (n: number, networkId: string, subnetId: string, address: string, more: Partial<PortFact> = {}): PortFact =>
  portFact(
    { id: id(n), networkId, subnetId },
    {
      mac: `fa:16:3e:00:00:${(n % 256).toString(16).padStart(2, '0')}`,
      addresses: [{ subnetId, address }],
      securityGroupIds: [id(50)],
      ...more,
    },
  );
const [NET, OUT, SUBNET, SUBNET6, OUTSIDE, ROUTER] = [id(1), id(2), id(3), id(4), id(5), id(6)];
const state: NetworkState = {
  networks: [
    { id: NET, name: 'inside', mtu: 1442, provider: null, moreProviders: [], isExternal: false, dhcp: { isServed: true, notAt: [] } },
    {
      id: OUT,
      name: 'outside',
      mtu: 1500,
      provider: { physicalNetwork: 'physnet1', vlan: 100 },
      moreProviders: [],
      isExternal: true,
      dhcp: { isServed: true, notAt: [] },
    },
  ],
  subnets: [
    {
      id: SUBNET,
      networkId: NET,
      cidr: '10.1.0.0/24',
      ipVersion: 4,
      gateway: '10.1.0.1',
      hasDhcp: true,
      dnsServers: ['10.1.0.1', '192.0.2.53'],
      routes: [{ destination: '10.9.0.0/16', nexthop: '10.1.0.9' }],
      addressMode: null,
      raMode: null,
    },
    {
      id: SUBNET6,
      networkId: NET,
      cidr: 'fd00:1::/64',
      ipVersion: 6,
      gateway: 'fd00:1::1',
      hasDhcp: true,
      dnsServers: [],
      routes: [],
      addressMode: 'dhcpv6-stateful',
      raMode: 'dhcpv6-stateful',
    },
    {
      id: OUTSIDE,
      networkId: OUT,
      cidr: '192.0.2.0/24',
      ipVersion: 4,
      gateway: '192.0.2.1',
      hasDhcp: false,
      dnsServers: [],
      routes: [],
      addressMode: null,
      raMode: null,
    },
  ],
  ports: [
    port(10, NET, SUBNET, '10.1.0.10', {
      addresses: [
        { subnetId: SUBNET, address: '10.1.0.10' },
        { subnetId: SUBNET6, address: 'fd00:1::10' },
      ],
      dnsName: 'web',
      allowedPairs: [{ address: '10.1.0.99', mac: null }],
    }),
    port(11, NET, SUBNET, '10.1.0.11', { dhcpOptions: [{ name: 'bootfile-name', value: 'x.efi', ipVersion: 4 }] }),
    port(12, NET, SUBNET, '10.1.0.12', { parent: { portId: id(10), vlan: 7 }, hasPortSecurity: false, securityGroupIds: [] }),
    port(20, NET, SUBNET, '10.1.0.1', {
      owner: 'network:router_interface',
      deviceId: ROUTER,
      addresses: [{ subnetId: SUBNET, address: '10.1.0.1' }],
      securityGroupIds: [],
    }),
    port(21, OUT, OUTSIDE, '192.0.2.10', { owner: 'network:router_gateway', deviceId: ROUTER, securityGroupIds: [] }),
  ],
  routers: [
    {
      id: ROUTER,
      name: 'edge',
      isEnabled: true,
      gateway: { portId: id(21), hasSnat: true, qosPolicyId: null, hosts: ['gw'] },
      routes: [{ destination: '10.8.0.0/16', nexthop: '10.1.0.8' }],
    },
  ],
  floatingIps: [
    { id: id(30), address: '192.0.2.20', routerId: ROUTER, fixedAddress: '10.1.0.10', qosPolicyId: null, forwardings: [] },
    {
      id: id(31),
      address: '192.0.2.21',
      routerId: ROUTER,
      fixedAddress: null,
      qosPolicyId: null,
      forwardings: [{ protocol: 'tcp', externalPort: 2222, internalAddress: '10.1.0.11', internalPort: 22 }],
    },
  ],
  securityGroups: [
    {
      id: id(50),
      isStateful: true,
      rules: [
        {
          id: id(51),
          direction: 'egress',
          ethertype: 'IPv4',
          protocol: null,
          portMin: null,
          portMax: null,
          remotePrefix: null,
          remoteGroupId: null,
          remoteAddressGroupId: null,
        },
        {
          id: id(52),
          direction: 'ingress',
          ethertype: 'IPv4',
          protocol: 'tcp',
          portMin: 22,
          portMax: 22,
          remotePrefix: '0.0.0.0/0',
          remoteGroupId: null,
          remoteAddressGroupId: null,
        },
        {
          id: id(53),
          direction: 'ingress',
          ethertype: 'IPv6',
          protocol: null,
          portMin: null,
          portMax: null,
          remotePrefix: null,
          remoteGroupId: id(50),
          remoteAddressGroupId: null,
        },
        {
          id: id(54),
          direction: 'ingress',
          ethertype: 'IPv4',
          protocol: 'udp',
          portMin: 53,
          portMax: 60,
          remotePrefix: null,
          remoteGroupId: null,
          remoteAddressGroupId: id(60),
        },
      ],
    },
  ],
  addressGroups: [{ id: id(60), addresses: ['10.0.0.0/8', 'fd00::/8'] }],
  qosPolicies: [],
};

test('from nothing to everything in one transaction, which northd understands; and then nothing is left to do', async () => {
  await ovn.nbctl('ls-add', 'a-strangers-switch');
  const applied = await northbound.apply(state);
  assert.ok(applied.inserted > 25 && applied.deleted === 0);
  await ovn.nbctl('--wait=sb', 'sync');
  assert.match(await ovn.nbctl('show'), /router-port: lrp-/);
  assert.match(
    await ovn.nbctl('lr-nat-list', `router-${ROUTER}`),
    /dnat_and_snat\s+192\.0\.2\.20\s+10\.1\.0\.10[\s\S]*snat\s+192\.0\.2\.10\s+10\.1\.0\.0\/24/,
  );
  assert.match(await ovn.nbctl('lr-route-list', `router-${ROUTER}`), /0\.0\.0\.0\/0\s+192\.0\.2\.1/);
  assert.match(await ovn.nbctl('lsp-get-addresses', id(10)), /fa:16:3e:00:00:0a 10\.1\.0\.10 fd00:1::10/);
  assert.deepEqual(
    { ...(await northbound.apply(state)), sequence: 0 },
    { operations: 0, inserted: 0, updated: 0, deleted: 0, sequence: 0 },
  );
});

test('a change is a change of what differs', async () => {
  const group = state.securityGroups[0]!;
  const changed = { ...state, securityGroups: [{ ...group, rules: group.rules.slice(1) }] };
  const applied = await northbound.apply(changed);
  assert.deepEqual([applied.inserted, applied.updated, applied.deleted], [0, 1, 1]);
  await northbound.apply(state);
});

test('what was edited by hand is as it shall be again; what is not ours stays', async () => {
  await ovn.nbctl('ls-del', `network-${NET}`);
  await ovn.nbctl('set', 'Logical_Router', `router-${ROUTER}`, 'enabled=false');
  await ovn.nbctl('clear', 'Port_Group', `pg_${id(50).replaceAll('-', '_')}`, 'ports');
  const applied = await northbound.apply(state);
  assert.ok(applied.inserted >= 5 && applied.updated >= 2);
  assert.equal((await northbound.apply(state)).operations, 0);
  assert.match(await ovn.nbctl('ls-list'), /a-strangers-switch/);
});

test('a northbound server that is killed is waited for; one that lost everything is filled again', async () => {
  await ovn.restartNorthbound({ isEmpty: false });
  await retried(async () => assert.equal((await northbound.apply(state)).operations, 0));
  await ovn.restartNorthbound({ isEmpty: true });
  await retried(async () => assert.ok((await northbound.apply(state)).inserted > 25));
  assert.equal((await northbound.apply(state)).operations, 0);
});

test('nothing wanted leaves nothing of ours', async () => {
  await northbound.apply({
    networks: [],
    subnets: [],
    ports: [],
    routers: [],
    floatingIps: [],
    securityGroups: [],
    addressGroups: [],
    qosPolicies: [],
  });
  assert.equal((await ovn.nbctl('--bare', '--columns=name', 'list', 'Logical_Switch')).trim(), '');
  assert.equal((await ovn.nbctl('lr-list')).trim(), '');
});

/** A broken connection is the caller's to repeat. */
async function retried(work: () => Promise<void>): Promise<void> {
  for (let left = 20; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if ((error as Error).name !== 'OvsdbDisconnected' || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

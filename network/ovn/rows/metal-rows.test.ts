import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkFact, NetworkState, PortFact } from '../network-state.ts';
import { elementsOf, isReference } from '../../ovsdb/ovsdb-value-codec.ts';
import type { DesiredRow } from './desired-row.ts';
import { oneNetwork, portFact } from '../network-state.fixture.ts';
import { routerRows } from './router-rows.ts';
import { switchRows } from './switch-rows.ts';

const id = (n: number) => `0000000${n}-0000-4000-8000-000000000000`;
const NET = id(1);
const HOSTS = { chassis: ['g0', 'g1', 'g2'] };

const port = (n: number, more: Partial<PortFact> = {}) =>
  portFact({ id: id(n), networkId: NET, subnetId: id(8) }, { isMetal: true, ...more });

const VLAN = { physicalNetwork: 'physnet1', vlan: 101 };

function state(provider: NetworkFact['provider'], ports: readonly PortFact[], more: Partial<NetworkState> = {}): NetworkState {
  return { ...oneNetwork({ id: NET, provider }, id(8)), ports, ...more };
}

const text = (value: DesiredRow['columns'][string] | undefined) =>
  elementsOf(value).map((atom) => (isReference(atom) ? atom.uuid : String(atom)));
const priorities = (rows: readonly DesiredRow[]) =>
  rows.filter(({ table }) => table === 'HA_Chassis').map(({ columns }) => `${text(columns['chassis_name'])} ${text(columns['priority'])}`);
const portRow = (rows: readonly DesiredRow[], n: number) => rows.find(({ key }) => key === `port:${id(n)}`)!.columns;

test('a machine behind the site’s switch is an external port of the gateway hosts; others are not', () => {
  const rows = switchRows(state(VLAN, [port(5), port(6, { isMetal: false })]), HOSTS);
  const { type, ha_chassis_group: group, port_security: guard, dhcpv4_options: dhcp } = portRow(rows, 5);
  assert.deepEqual([type, text(group), text(guard), text(dhcp)], ['external', [`metal:${NET}`], [], [`dhcp:${id(8)}`]]);
  assert.deepEqual([portRow(rows, 6)['type'], text(portRow(rows, 6)['ha_chassis_group'])], ['', []]);
  assert.deepEqual(priorities(rows), ['g1 100', 'g2 99', 'g0 98']);
});

test('no group without such a port, without a way to the site, and without hosts', () => {
  for (const [provider, isMetal, hosts] of [
    [VLAN, false, HOSTS],
    [null, true, HOSTS],
    [VLAN, true, { chassis: [] }],
  ] as const) {
    const rows = switchRows(state(provider, [port(5, { isMetal })]), hosts);
    assert.deepEqual(
      rows.filter(({ table }) => table.startsWith('HA_')),
      [],
    );
    assert.deepEqual(text(portRow(rows, 5)['ha_chassis_group']), []);
  }
});

test('the host that has the network’s router is the one that answers its machines, and the leg is there only', () => {
  const out = port(4, { networkId: id(2), owner: 'network:router_gateway', deviceId: id(7), isMetal: false });
  const leg = port(3, {
    owner: 'network:router_interface',
    deviceId: id(7),
    isMetal: false,
    addresses: [{ subnetId: id(8), address: '10.1.0.1' }],
  });
  const router = {
    id: id(7),
    name: 'r',
    isEnabled: true,
    gateway: { portId: id(4), hasSnat: true, qosPolicyId: null, hosts: ['g2', 'g0'] },
    routes: [],
  };
  const all = state(VLAN, [port(5), leg, out], { routers: [router] });
  const gateways = routerRows(all).filter(({ table }) => table === 'Gateway_Chassis');
  assert.deepEqual(
    priorities(switchRows(all, HOSTS)),
    gateways.map(({ columns }) => `${text(columns['chassis_name'])} ${text(columns['priority'])}`),
  );
  const optionsOf = (some: NetworkState) => routerRows(some).find(({ key }) => key === `leg:${id(3)}`)!.columns['options'];
  assert.deepEqual(optionsOf(all), { map: new Map([['reside-on-redirect-chassis', 'true']]) });
  assert.deepEqual(optionsOf(state(null, [leg, out], { routers: [router] })), { map: new Map() });
  assert.deepEqual(optionsOf(state(VLAN, [leg], { routers: [{ ...router, gateway: null }] })), { map: new Map() });
});

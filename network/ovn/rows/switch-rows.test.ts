import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DhcpFact, PortFact } from '../network-state.ts';
import { elementsOf, isReference, type Value } from '../../ovsdb/ovsdb-value-codec.ts';
import { oneNetwork, portFact } from '../network-state.fixture.ts';
import { switchRows } from './switch-rows.ts';

const [NET, SUBNET] = ['n', 'aaaaaaaa-0000-4000-8000-000000000000'];

const port = (id: string, more: Partial<PortFact> = {}) => portFact({ id, networkId: NET, subnetId: SUBNET }, { hostId: 'h1', ...more });
const METADATA = port('m', { owner: 'network:distributed', addresses: [{ subnetId: SUBNET, address: '10.1.0.2' }], hostId: null });

function rowsOf(ports: readonly PortFact[], dhcp: DhcpFact = { isServed: true, notAt: [] }) {
  const network = { id: NET, provider: { physicalNetwork: 'p', vlan: 1 }, dhcp };
  const state = { ...oneNetwork(network, SUBNET), ports };
  return switchRows(state, { chassis: [] });
}
const column = (ports: readonly PortFact[], key: string, name: string, dhcp?: DhcpFact): Value | undefined =>
  rowsOf(ports, dhcp).find((row) => row.key === key)?.columns[name];
const optionsOf = (ports: readonly PortFact[], id: string, dhcp?: DhcpFact): string | undefined => {
  const [key] = elementsOf(column(ports, `port:${id}`, 'dhcpv4_options', dhcp));
  return isReference(key) ? key.uuid : undefined;
};
const optionOf = (ports: readonly PortFact[], key: string, name: string) =>
  (column(ports, key, 'options') as { map: ReadonlyMap<string, string> }).map.get(name);

test('a machine is answered by its host, or by anybody when it is on none', () => {
  for (const [more, dhcp, isAnswered] of [
    [{}, { isServed: true, notAt: [] }, true],
    [{}, { isServed: true, notAt: ['h1', 'chassis-h1'] }, false],
    [{ hostId: 'h2' }, { isServed: true, notAt: ['h1'] }, true],
    [{ hostId: null }, { isServed: true, notAt: ['h1'] }, true],
    [{ hostId: null }, { isServed: false, notAt: ['h1'] }, false],
    [{ hostId: 'node', isMetal: true }, { isServed: false, notAt: ['h1'] }, false],
  ] as const)
    assert.equal(optionsOf([port('p', more)], 'p', dhcp) !== undefined, isAnswered, JSON.stringify([more, dhcp]));
});

test('the metadata port is on every host, and machines are told the way to it, also those behind a switch', () => {
  const all = [METADATA, port('p'), port('metal', { isMetal: true, hostId: 'node' })];
  assert.equal(column(all, 'port:m', 'type'), 'localport');
  assert.deepEqual(elementsOf(column(all, 'port:m', 'addresses')), ['52:54:00:00:00:01 10.1.0.2']);
  const ids = column(all, 'port:m', 'external_ids') as { map: ReadonlyMap<string, string> };
  assert.deepEqual([ids.map.get('rackwright:network'), ids.map.get('rackwright:cidrs')], [NET, '10.1.0.2/24']);
  assert.equal(optionsOf(all, 'm'), undefined);
  for (const one of ['p', 'metal'])
    assert.equal(optionOf(all, optionsOf(all, one)!, 'classless_static_route'), '{169.254.169.254/32,10.1.0.2, 0.0.0.0/0,10.1.0.1}');
  assert.equal(optionOf([port('p')], optionsOf([port('p')], 'p')!, 'classless_static_route'), undefined);
});

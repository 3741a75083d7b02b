import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkError } from '../network-error.ts';
import { askedAddresses, usualAddresses, type AddressSubnet, type AddressWish } from './port-address-policy.ts';

const subnet = (id: string, cidr: string, more: Partial<AddressSubnet> = {}): AddressSubnet => ({
  id,
  ip_version: cidr.includes(':') ? 6 : 4,
  cidr,
  gateway_ip: null,
  ipv6_address_mode: null,
  service_types: [],
  segment_id: null,
  physical_network: null,
  pools: [],
  ...more,
});
const FOUR = subnet('four', '10.0.0.0/24');
const OTHER = subnet('other', '10.1.0.0/24');
const SIX = subnet('six', '2001:db8::/64', { ipv6_address_mode: 'dhcpv6-stateful' });
const AUTO = subnet('auto', '2001:db8:1::/64', { ipv6_address_mode: 'slaac' });
const PORT = { networkId: 'net', mac: 'fa:16:3e:00:00:01', deviceOwner: '' };
const OWN_IP = '2001:db8:1:0:f816:3eff:fe00:1';

const told = (wishes: readonly AddressWish[]) =>
  wishes.map((wish) => `${wish.subnets.map((each) => each.id).join('|')}${wish.ip === undefined ? '' : ` ${wish.ip}`}`);
const typeOf = (run: () => unknown) => {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as NetworkError).type;
  }
};

test('nothing asked: one address of each family, and one of every subnet where machines address themselves', () => {
  assert.deepEqual(told(usualAddresses([FOUR, OTHER, SIX, AUTO], PORT)), ['four|other', 'six', `auto ${OWN_IP}`]);
  assert.deepEqual(told(usualAddresses([], PORT)), []);
});

test('a subnet for other kinds of devices gives nothing', () => {
  const reserved = subnet('reserved', '10.2.0.0/24', { service_types: ['compute:nova'] });
  assert.deepEqual(told(usualAddresses([FOUR, reserved], PORT)), ['four']);
  assert.deepEqual(told(usualAddresses([reserved], { ...PORT, deviceOwner: 'compute:nova' })), ['reserved']);
  assert.equal(
    typeOf(() => usualAddresses([reserved], PORT)),
    'IpAddressGenerationFailureNoMatchingSubnet',
  );
});

test('what was asked, with the subnet found by the address', () => {
  const asked = (fixed: object[]) => told(askedAddresses([FOUR, OTHER, SIX], fixed, PORT));
  assert.deepEqual(asked([{ ip_address: '10.1.0.5' }]), ['other 10.1.0.5']);
  assert.deepEqual(asked([{ subnet_id: 'four' }, { subnet_id: 'four' }]), ['four', 'four']);
  assert.deepEqual(asked([]), []);
});

test('machines that address themselves do so beside what was asked', () => {
  assert.deepEqual(told(askedAddresses([FOUR, AUTO], [{ subnet_id: 'four' }], PORT)), ['four', `auto ${OWN_IP}`]);
  assert.deepEqual(told(askedAddresses([FOUR, AUTO], [{ subnet_id: 'auto' }], PORT)), [`auto ${OWN_IP}`]);
  const router = { ...PORT, deviceOwner: 'network:router_interface' };
  assert.deepEqual(told(askedAddresses([AUTO], [{ subnet_id: 'auto', ip_address: '2001:db8:1::1' }], router)), ['auto 2001:db8:1::1']);
});

test('addresses that can not be', () => {
  const of = (fixed: object[]) => typeOf(() => askedAddresses([FOUR, OTHER, AUTO], fixed, PORT));
  assert.equal(of([{ ip_address: '192.0.2.1' }]), 'InvalidIpForNetwork');
  assert.equal(of([{ subnet_id: 'four', ip_address: '10.1.0.1' }]), 'InvalidIpForSubnet');
  assert.equal(of([{ subnet_id: 'four', ip_address: '10.0.0.255' }]), 'InvalidIpForSubnet');
  assert.equal(of([{ subnet_id: 'nowhere' }]), 'InvalidInput');
  assert.equal(of([{}]), 'InvalidInput');
  assert.equal(of([{ ip_address: '10.0.0.5' }, { ip_address: '10.0.0.5' }]), 'InvalidInput');
  assert.equal(of([{ subnet_id: 'auto', ip_address: '2001:db8:1::5' }]), 'AllocationOnAutoAddressSubnet');
});

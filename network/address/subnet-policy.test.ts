import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPrefix, parsePrefix } from '../../core/base/ip-address.ts';
import { NetworkError } from '../network-error.ts';
import {
  defaultGateway,
  defaultPools,
  freePrefix,
  requireGateway,
  requireIpv6Modes,
  requirePools,
  requirePrefix,
} from './subnet-policy.ts';

const typeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof NetworkError);
    return error.type;
  }
};
const prefix = (text: string) => parsePrefix(text)!;

test('the gateway is the first address, and everything else is handed out', () => {
  const cases: readonly (readonly [cidr: string, gateway: string, pools: readonly string[]])[] = [
    ['10.0.0.0/24', '10.0.0.1', ['10.0.0.2-10.0.0.254']],
    ['10.0.0.0/30', '10.0.0.1', ['10.0.0.2-10.0.0.2']],
    ['10.0.0.0/31', '10.0.0.1', ['10.0.0.0-10.0.0.0']],
    ['10.0.0.7/32', '10.0.0.7', []],
    ['2001:db8::/64', '2001:db8::1', ['2001:db8::2-2001:db8::ffff:ffff:ffff:ffff']],
  ];
  for (const [cidr, gateway, pools] of cases) {
    assert.equal(defaultGateway(prefix(cidr)), gateway, cidr);
    assert.deepEqual(
      defaultPools(prefix(cidr), gateway).map((pool) => `${pool.start}-${pool.end}`),
      pools,
      cidr,
    );
  }
  const around = defaultPools(prefix('10.0.0.0/24'), '10.0.0.100').map((pool) => `${pool.start}-${pool.end}`);
  assert.deepEqual(around, ['10.0.0.1-10.0.0.99', '10.0.0.101-10.0.0.254']);
});

test('pools lie inside, beside each other and beside the gateway', () => {
  const of =
    (...pools: string[]) =>
    () =>
      requirePools(
        prefix('10.0.0.0/24'),
        pools.map((pool) => ({ start: pool.split('-')[0]!, end: pool.split('-')[1]! })),
        '10.0.0.1',
      );
  assert.equal(typeOf(of('10.0.0.2-10.0.0.9', '10.0.0.10-10.0.0.20')), undefined);
  assert.equal(typeOf(of('10.0.0.9-10.0.0.2')), 'InvalidAllocationPool');
  assert.equal(typeOf(of('2001:db8::1-2001:db8::2')), 'InvalidAllocationPool');
  assert.equal(typeOf(of('10.0.0.200-10.0.1.5')), 'OutOfBoundsAllocationPool');
  assert.equal(typeOf(of('10.0.0.2-10.0.0.10', '10.0.0.10-10.0.0.20')), 'OverlappingAllocationPools');
  assert.equal(typeOf(of('10.0.0.1-10.0.0.10')), 'GatewayConflictWithAllocationPools');
});

test('a gateway inside the subnet is a machine’s address; outside it may be anything of the family', () => {
  assert.equal(
    typeOf(() => requireGateway(prefix('10.0.0.0/24'), '10.0.0.254')),
    undefined,
  );
  assert.equal(
    typeOf(() => requireGateway(prefix('10.0.0.0/24'), '192.0.2.1')),
    undefined,
  );
  assert.equal(
    typeOf(() => requireGateway(prefix('10.0.0.0/24'), '10.0.0.255')),
    'InvalidInput',
  );
  assert.equal(
    typeOf(() => requireGateway(prefix('10.0.0.0/24'), '::1')),
    'InvalidInput',
  );
});

test('who tells a machine its IPv6 address', () => {
  const modes = (length: number, dhcp: boolean, raMode?: string, addressMode?: string) => () =>
    requireIpv6Modes({ version: 6, length, dhcp, raMode, addressMode });
  assert.equal(typeOf(modes(64, true, 'slaac', 'slaac')), undefined);
  assert.equal(typeOf(modes(64, true, undefined, 'dhcpv6-stateless')), undefined);
  assert.equal(typeOf(modes(96, true, 'dhcpv6-stateful', 'dhcpv6-stateful')), undefined);
  assert.equal(typeOf(modes(96, true, 'slaac', 'slaac')), 'InvalidInput');
  assert.equal(typeOf(modes(64, true, 'slaac', 'dhcpv6-stateful')), 'InvalidInput');
  assert.equal(typeOf(modes(64, false, 'slaac')), 'InvalidInput');
  assert.equal(
    typeOf(() => requireIpv6Modes({ version: 4, length: 24, dhcp: true, raMode: 'slaac', addressMode: undefined })),
    'InvalidInput',
  );
});

test('prefixes that no network can have', () => {
  assert.equal(
    typeOf(() => requirePrefix(4, '10.0.0.0/24')),
    undefined,
  );
  for (const cidr of ['0.0.0.0/0', '224.0.0.0/24', '127.0.0.0/8', '2001:db8::/64'])
    assert.equal(
      typeOf(() => requirePrefix(4, cidr)),
      'InvalidInput',
      cidr,
    );
});

test('the first free prefix, small pools before large ones', () => {
  const free = (pool: string[], taken: string[], length: number) => {
    const found = freePrefix(pool.map(prefix), taken.map(prefix), length);
    return found === undefined ? undefined : formatPrefix(found);
  };
  assert.equal(free(['10.0.0.0/8'], [], 24), '10.0.0.0/24');
  assert.equal(free(['10.0.0.0/8'], ['10.0.0.0/24', '10.0.1.0/26'], 24), '10.0.2.0/24');
  assert.equal(free(['10.0.0.0/8'], ['10.0.0.0/26'], 26), '10.0.0.64/26');
  assert.equal(free(['10.0.0.0/8', '192.0.2.0/24'], [], 26), '192.0.2.0/26');
  assert.equal(free(['192.0.2.0/24'], ['192.0.2.0/25', '192.0.2.128/25'], 28), undefined);
  assert.equal(free(['192.0.2.0/24'], [], 16), undefined);
});

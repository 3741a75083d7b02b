import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { routesToMetadata } from './boot-role.ts';
import { readConfiguration } from '../configuration.ts';

async function read(yaml: string) {
  const data = await mkdtemp(join(tmpdir(), 'rackwright-configuration-'));
  try {
    await writeFile(join(data, 'c.yaml'), yaml);
    return (await readConfiguration({ data, config: join(data, 'c.yaml') }, {})).boot;
  } finally {
    await rm(data, { recursive: true });
  }
}

const network = (more: string) => `boot: {networks: [{name: a, cidr: 10.1.0.0/24, server_address: 10.1.0.1, ${more}}]}`;

test('options, classes, relay rules, a proxy and IPv6 are read', async () => {
  const boot = await read(`
boot:
  networks:
    - name: a
      cidr: 10.1.0.0/24
      server_address: 10.1.0.1
      ntp_servers: [10.1.0.1]
      domain_search: [eng.test, test]
      routes: [{to: 10.0.0.0/8, via: 10.1.0.254}]
      options: {'150': {addresses: [10.1.0.9]}, '43': {hex: '0102'}, '26': {uint16: 1500}}
      ipv6: {cidr: 'fd00:1::/64', server_address: 'fd00:1::1', discovery_pool: 'fd00:1::100-fd00:1::1ff'}
    - {name: office, cidr: 10.2.0.0/24, server_address: 10.2.0.2, proxy: enroll}
  relay_rules: [{circuit_id: 'Ethernet1/*', rack: r1, network: a, pool: 10.1.0.20-10.1.0.29}]
  classes: [{name: switches, vendor_class: 'Arista*', boot_file: ztp.sh, options: {'67': {text: ztp.sh}}}]
  machine_options: {'52-54-00-00-00-01': {'15': {text: own.test}}}
`);
  const [a, office] = boot.networks;
  assert.deepEqual(a!.options, { 150: '0a010009', 43: '0102', 26: '05dc' });
  assert.deepEqual([a!.ntp_servers, a!.domain_search, a!.routes], ['0a010001', '03656e67047465737400c004', '080a0a0100fe']);
  assert.deepEqual(a!.ipv6?.router_advertisements, { managed: true, other_configuration: true, router_lifetime_seconds: 0 });
  assert.equal(office!.proxy, 'enroll');
  assert.deepEqual(boot.relay_rules[0]!.pool, ['10.1.0.20', '10.1.0.29']);
  assert.deepEqual(boot.machine_options, { '52:54:00:00:00:01': { 15: '6f776e2e74657374' } });
});

for (const [what, yaml, reason] of [
  ['a proxy with a pool', network('proxy: known, pools: [10.1.0.5-10.1.0.9]'), /proxy: gives no addresses/],
  ['the option that a reply needs', network("options: {'54': {hex: '00'}}"), /is not the code of an option that can be set/],
  ['a number that does not fit', network("options: {'26': {uint16: 70000}}"), /70000 is no number of 2 bytes/],
  [
    'an IPv6 pool outside',
    network("ipv6: {cidr: 'fd00:1::/64', server_address: 'fd00:1::1', pools: ['fd00:2::1-fd00:2::2']}"),
    /is not an address of fd00:1::\/64/,
  ],
  ['metadata beside another DHCP server', network('proxy: known, metadata: true'), /metadata: needs a way to it/],
  ['a class without members', 'boot: {classes: [{name: x}]}', /needs a vendor_class/],
  ['a relay rule that fits all', 'boot: {relay_rules: [{rack: x}]}', /needs a circuit_id/],
] as const)
  test(`${what} is a mistake with its reason`, () => assert.rejects(read(yaml), reason));

test('the way to metadata comes with the default route, or with the routes that are there', () => {
  const base = { routes: undefined, options: {}, gateway: '10.1.0.254', server_address: '10.1.0.1' };
  const metadata = '20a9fea9fe0a010001';
  assert.equal(routesToMetadata(base), `000a0100fe${metadata}`);
  assert.equal(routesToMetadata({ ...base, gateway: undefined }), metadata);
  assert.equal(routesToMetadata({ ...base, routes: '080a0a0100fe' }), `080a0a0100fe${metadata}`);
  assert.equal(routesToMetadata({ ...base, options: { 121: '080a0a0100fe' } }), `080a0a0100fe${metadata}`);
});

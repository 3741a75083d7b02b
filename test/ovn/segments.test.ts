import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startNetworkRig, type NetworkRig, type Shown } from '../network/network-rig.ts';
import { addressOf, eventually } from './cloud-rig.ts';
import { startOvn, type OvnRig } from './ovn-rig.ts';

/** One network, a segment in each rack, and hosts that have a way to one of them: a port's address is one of its host's rack. */
const RACKS = { rack1: '10.31.0.0/24', rack2: '10.32.0.0/24' } as const;
const VLAN = { rack1: 101, rack2: 102 } as const;
const folder = mkdtempSync(join(tmpdir(), 'rackwright-segments-'));
let ovn: OvnRig;
let rig: NetworkRig;
let network: Shown;
before(async () => {
  ovn = await startOvn();
  for (const [at, [name, mappings]] of Object.entries({ h1: 'rack1:br-ex', h2: 'rack2:br-ex', h3: '', h4: 'rack1:a,rack2:b' }).entries())
    await promisify(execFile)('ovn-sbctl', [
      `--db=${ovn.southbound}`,
      '--no-leader-only',
      ...['chassis-add', name, 'geneve', `192.0.2.${at + 1}`, '--', 'set', 'Chassis', name, `hostname=${name}`],
      `other_config:ovn-bridge-mappings="${mappings}"`,
    ]);
  const config = join(folder, 'rackwright.yaml');
  writeFileSync(config, JSON.stringify({ network: { ovn: { northbound: [ovn.northbound], southbound: [ovn.southbound] } } }));
  rig = await startNetworkRig({ args: ['--config', config] });
  const segments = (['rack1', 'rack2'] as const).map((name) => ({
    'provider:network_type': 'vlan',
    'provider:physical_network': name,
    'provider:segmentation_id': VLAN[name],
  }));
  network = await rig.make(rig.admin, '/networks', 'network', { name: 'racks', segments });
  const made = (await rig.expect(200, rig.admin, 'GET', `/v2.0/segments?network_id=${network.id}`))['segments']!;
  for (const segment of made as unknown as Shown[]) {
    const cidr = RACKS[String(segment['physical_network']) as keyof typeof RACKS];
    await rig.make(rig.admin, '/subnets', 'subnet', { network_id: network.id, segment_id: segment.id, ip_version: 4, cidr });
  }
  await eventually('four hosts', async () => {
    const { agents } = await rig.expect(200, rig.admin, 'GET', '/v2.0/agents?binary=ovn-controller&agent_type=DHCP%20agent');
    return agents!.length === 4;
  });
});
after(async () => {
  await rig?.close();
  await ovn?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const port = (values: object = {}) => rig.make(rig.admin, '/ports', 'port', { network_id: network.id, ...values });
const bind = (id: string, host: string) => rig.call(rig.admin, 'PUT', `/v2.0/ports/${id}`, { port: { 'binding:host_id': host } });
const typeOf = ({ body }: { body: Record<string, unknown> }) => (body['NeutronError'] as { type: string } | undefined)?.type;

test('a port has an address of its host’s segment, as soon as the host is known', async () => {
  const later = await port();
  assert.deepEqual([later['ip_allocation'], later['fixed_ips']], ['deferred', []]);
  const { status, body } = await bind(later.id, 'h2');
  assert.equal(status, 200);
  assert.match(addressOf(body['port']!), /^10\.32\.0\./);
  assert.match(addressOf(await port({ 'binding:host_id': 'h1' })), /^10\.31\.0\./);
});

test('a host that has a way to none of them, or to several, gets no port; nor does one where the address does not work', async () => {
  for (const [host, type] of [
    ['h3', 'HostNotConnectedToAnySegment'],
    ['h4', 'HostConnectedToMultipleSegments'],
  ] as const) {
    const answer = await bind((await port()).id, host);
    assert.deepEqual([answer.status, typeOf(answer)], [409, type]);
  }
  const answer = await bind((await port({ 'binding:host_id': 'h1' })).id, 'h2');
  assert.deepEqual([answer.status, typeOf(answer)], [409, 'HostNotCompatibleWithFixedIps']);
});

test('in OVN the network has a way out in each rack, with the rack’s VLAN', async () => {
  const ways = async () =>
    (await ovn.nbctl('--format=csv', '--no-headings', '--columns=options,tag', 'find', 'Logical_Switch_Port', 'type=localnet'))
      .split('\n')
      .filter(Boolean)
      .map((row) => /network_name=(\w+).*,(\d+)/.exec(row)?.slice(1).join(' '))
      .toSorted();
  await eventually('two ways', async () => (await ways()).length === 2);
  assert.deepEqual(await ways(), ['rack1 101', 'rack2 102']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BmcConnection } from '../bmc/capability.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { prepareAgentBoot } from './agent-boot.ts';
import type { NodeFlowServices } from './node-flow-services.ts';

/** What cannot boot the agent from a CD is refused in words, before the BMC is asked for anything. */
const MAC = '52:54:00:00:00:01';
const node = (more: JsonObject): NodeRecord =>
  ({
    name: 'm1',
    driver: 'redfish',
    interfaces: { boot: 'redfish-virtual-media' },
    properties: {},
    network_data: {},
    ...more,
  }) as unknown as NodeRecord;
const network = (link: string, links: JsonObject[]): JsonObject => ({
  network_data: {
    links: [{ id: 'eth0', type: 'phy', ethernet_mac_address: MAC }, ...links],
    networks: [{ id: 'n', link, type: 'ipv4', ip_address: '192.0.2.5/24' }],
  },
});
const media = { baseUrl: 'http://192.0.2.1:8080', secret: Buffer.from('secret') };

for (const [what, bootMedia, machine, refused, advice] of [
  [
    'a 64-bit ARM machine',
    media,
    { properties: { cpu_arch: 'aarch64' } },
    /^m1 is aarch64, and the boot CD is made for x86-64$/,
    /arm64: true/,
  ],
  ['an installation that serves none', undefined, {}, /serves no image for that/, /boot\.virtual_media/],
  [
    'a bond',
    media,
    network('pair', [{ id: 'pair', type: 'bond', bond_links: ['eth0'] }]),
    /is a bond, which the agent does not make/,
    /Correct network_data/,
  ],
  [
    'a VLAN inside a VLAN',
    media,
    network('inner', [
      { id: 'outer', type: 'vlan', vlan_link: 'eth0', vlan_id: 12 },
      { id: 'inner', type: 'vlan', vlan_link: 'outer', vlan_id: 13 },
    ]),
    /the link inner of network_data is a VLAN inside a VLAN/,
    /Correct network_data/,
  ],
  [
    'a VLAN without a number',
    media,
    network('tagged', [{ id: 'tagged', type: 'vlan', vlan_link: 'eth0' }]),
    /has no vlan_id from 1 to 4094/,
    /Correct network_data/,
  ],
] as const)
  test(`no boot CD for ${what}`, async () => {
    const asked: string[] = [];
    const bmc = {
      insertMedia: async () => void asked.push('media'),
      setBoot: async () => void asked.push('boot'),
    } as unknown as BmcConnection;
    const services = { bootMedia, clock: { nowMs: () => 0 } } as unknown as NodeFlowServices;
    await assert.rejects(
      prepareAgentBoot(services, node(machine), bmc, AbortSignal.timeout(1000)),
      (error: Error & { code: string; advice: string }) => {
        assert.equal(error.code, 'refused');
        assert.match(error.message, refused);
        assert.match(error.advice, advice);
        return true;
      },
    );
    assert.deepEqual(asked, []);
  });

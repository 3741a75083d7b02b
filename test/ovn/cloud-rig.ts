import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNetworkRig, type NetworkRig, type Shown } from '../network/network-rig.ts';
import { startHosts, type HostRig } from './host-rig.ts';
import { startOvn, type OvnRig } from './ovn-rig.ts';

/** The product before real OVN and real hosts: two for machines, one for the way out. */
export interface CloudRig extends NetworkRig {
  readonly ovn: OvnRig;
  readonly hosts: HostRig;
  readonly args: readonly string[];
}

export async function startCloudOnHosts(): Promise<CloudRig> {
  const folder = mkdtempSync(join(tmpdir(), 'rackwright-cloud-'));
  const ovn = await startOvn();
  const hosts = await startHosts(ovn.southbound);
  await hosts.addHost('h1', { tunnelAddress: '10.99.0.11', isGateway: false });
  await hosts.addHost('h2', { tunnelAddress: '10.99.0.12', isGateway: false });
  await hosts.addHost('gw', { tunnelAddress: '10.99.0.13', isGateway: true });
  const args = ['--config', writeOvnConfiguration(folder, ovn)];
  const rig = await startNetworkRig({ args });
  await eventually('three hosts', async () => {
    const { agents } = await rig.expect(200, rig.admin, 'GET', '/v2.0/agents?binary=ovn-controller&agent_type=DHCP%20agent');
    return agents!.length === 3;
  });
  return {
    ...rig,
    ovn,
    hosts,
    args,
    async close() {
      await rig.close();
      await hosts.stop();
      await ovn.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function writeOvnConfiguration(folder: string, { northbound, southbound }: OvnRig): string {
  const path = join(folder, 'rackwright.yaml');
  writeFileSync(path, JSON.stringify({ network: { ovn: { northbound: [northbound], southbound: [southbound] } } }));
  return path;
}

/** Nothing tells us of what an API or a kernel shows: it is asked again. */
const LOOK_MS = 25;
const EVENTUALLY_MS_MAX = 120_000;

/** In how many milliseconds it came true. */
export async function eventually(what: string, holds: () => Promise<boolean>, mostMs = EVENTUALLY_MS_MAX): Promise<number> {
  const begun = performance.now();
  for (;;) {
    if (await holds()) return Math.round(performance.now() - begun);
    if (performance.now() - begun > mostMs) throw new Error(`${what}: not within ${mostMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

export const addressOf = (port: Shown, version: 4 | 6 = 4): string =>
  (port['fixed_ips'] as { ip_address: string }[]).find(({ ip_address }) => ip_address.includes(':') === (version === 6))!.ip_address;

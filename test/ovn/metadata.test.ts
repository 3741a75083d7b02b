import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FLAVOR, isStatus, startComputeRig, type ComputeRig } from '../compute/compute-rig.ts';
import type { Tenant } from '../identity/identity-rig.ts';
import { eventually } from './cloud-rig.ts';
import { startHosts, type HostRig, type Machine } from './host-rig.ts';
import { startOvn, type OvnRig } from './ovn-rig.ts';

/**
 * Two tenants with the same addresses, machines on two hosts: each learns at 169.254.169.254 who it is, whatever it says of itself, and who is nobody's server
 * learns nothing. The machines are namespaces; the servers that they are stand on fake metal.
 */
const folder = mkdtempSync(join(tmpdir(), 'rackwright-metadata-'));
const DOCUMENT = '/openstack/latest/meta_data.json';
const IPV4 = `http://169.254.169.254${DOCUMENT}`;
const IPV6 = `http://[fe80::a9fe:a9fe%25eth0]${DOCUMENT}`;
const VLAN = 101;
const METAL = '10.9.0.201';
const deviceOf = (network: string) => `md${network.replaceAll('-', '').slice(0, 13)}`;
type Owner = Tenant & { readonly network: string; readonly server: string };
let ovn: OvnRig;
let hosts: HostRig;
let rig: ComputeRig;
let ann: Owner;
let bob: Owner;

const configure = (name: string, configuration: object): string => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(configuration));
  return path;
};

async function networking(token: string, method: string, path: string, body?: object): Promise<Record<string, Record<string, string>>> {
  const answer = await rig.cloud.serve.call(method, `/networking/v2.0${path}`, body, { authorization: '', 'x-auth-token': token });
  assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body as never;
}

async function owner(name: string): Promise<Owner> {
  const tenant = await rig.tenant(name);
  const slaac = { ip_version: 6, cidr: 'fd00:9::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  await networking(tenant.token, 'POST', '/subnets', { subnet: { network_id: tenant.network, ...slaac } });
  await rig.machines(1);
  const server = await rig.server(tenant.token, { name, flavorRef: FLAVOR, networks: [{ uuid: tenant.network }] });
  await rig.until(tenant.token, server, isStatus('ACTIVE'));
  return { ...tenant, server };
}

/** A machine on a host that is plugged in as the server. */
async function machine(
  who: Owner,
  name: string,
  host: string,
  address: string,
  server: string,
): Promise<{ machine: Machine; port: string }> {
  const { port } = await networking(who.token, 'POST', '/ports', {
    port: { network_id: who.network, device_owner: 'compute:nova', device_id: server, fixed_ips: [{ ip_address: address }] },
  });
  await networking(rig.cloud.admin, 'PUT', `/ports/${port!['id']}`, { port: { 'binding:host_id': host } });
  const plugged = await hosts.machine(host, name, { id: port!['id']!, mac: port!['mac_address']!, mtu: 1442 });
  await eventually(`${name} is up`, async () => {
    const { port: now } = await networking(who.token, 'GET', `/ports/${port!['id']}`);
    return now!['status'] === 'ACTIVE';
  });
  await plugged.up();
  return { machine: plugged, port: port!['id']! };
}

const learns = async (asked: Machine, url: string, ...more: string[]): Promise<string> => {
  const text = await asked.curl(url, ...more);
  return text.startsWith('{') ? (JSON.parse(text) as { uuid: string }).uuid : text;
};

before(async () => {
  ovn = await startOvn();
  hosts = await startHosts(ovn.southbound);
  await hosts.addHost('h1', { tunnelAddress: '10.99.0.11', isGateway: true });
  await hosts.addHost('h2', { tunnelAddress: '10.99.0.12', isGateway: true });
  writeFileSync(join(folder, 'secret'), 'between hosts and service\n');
  const network = { ovn: { northbound: [ovn.northbound], southbound: [ovn.southbound] } };
  const service = `unix:${join(folder, 'metadata.sock')}`;
  const secret = { proxy_secret_file: join(folder, 'secret') };
  rig = await startComputeRig({ args: ['--config', configure('serve.yaml', { network, metadata: { listen: service, ...secret } })] });
  for (const host of ['h1', 'h2'])
    await hosts.metadata(host, (openVSwitch) =>
      JSON.stringify({ network, metadata: { ...secret, hypervisor: { service, open_vswitch: openVSwitch } } }),
    );
  ann = await owner('ann');
  bob = await owner('bob');
});
after(async () => {
  await rig?.close();
  await hosts?.stop();
  await ovn?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('each machine learns its own, on any host, and nobody else’s', async (t) => {
  const annsOne = await machine(ann, 'a1', 'h1', '10.9.0.201', ann.server);
  const bobsOne = await machine(bob, 'b1', 'h1', '10.9.0.201', bob.server);
  const annsOther = await machine(ann, 'a2', 'h2', '10.9.0.202', ann.server);
  const thief = await machine(bob, 'b2', 'h2', '10.9.0.202', ann.server);
  const stranger = await machine(ann, 'a3', 'h2', '10.9.0.203', '');
  for (const [{ machine: asked }, wanted] of [
    [annsOne, ann.server],
    [bobsOne, bob.server],
    [annsOther, ann.server],
    [thief, '404'],
    [stranger, '404'],
  ] as const) {
    await asked.lease();
    assert.match(await asked.ip('route'), /^169\.254\.169\.254 via 10\.9\.0\./m);
    const ms = await eventually('the host answers', async () => (await learns(asked, IPV4)) !== '');
    t.diagnostic(`answered after ${ms} ms`);
    assert.equal(await learns(asked, IPV4), wanted);
    assert.equal(await learns(asked, IPV6), wanted, 'by IPv6');
    const claims = [
      '-H',
      'X-Forwarded-For: 10.9.0.201',
      '-H',
      `X-Instance-ID: ${bob.server}`,
      '-H',
      `X-Rackwright-Network: ${bob.network}`,
    ];
    assert.equal(await learns(asked, IPV4, ...claims), wanted, 'whatever it says of itself');
  }
  assert.equal(await annsOne.machine.curl(IPV4, '-d', 'x'), '405');

  const { ports } = (await networking(
    rig.cloud.admin,
    'GET',
    `/ports?network_id=${bob.network}&device_owner=network:distributed`,
  )) as unknown as {
    ports: { project_id: string; device_id: string }[];
  };
  assert.deepEqual(
    ports.map(({ project_id: project, device_id: device }) => [project, device]),
    [['', `ovnmeta-${bob.network}`]],
  );
});

test('a machine behind a switch learns its own from the host that answers for it, beside machines that are on hosts', async () => {
  const mac = '52:54:00:aa:00:01';
  const { machines } = await hosts.leaf('52:54:00:00:00:fe', [{ name: 'm1', mac, vlan: VLAN }]);
  const { network } = await networking(rig.cloud.admin, 'POST', '/networks', {
    network: {
      project_id: ann.projectId,
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': VLAN,
    },
  });
  const id = network!['id']!;
  await networking(ann.token, 'POST', '/subnets', { subnet: { network_id: id, ip_version: 4, cidr: '10.9.0.0/24' } });
  const { port } = await networking(ann.token, 'POST', '/ports', {
    port: { network_id: id, device_owner: 'compute:nova', device_id: ann.server, mac_address: mac, fixed_ips: [{ ip_address: METAL }] },
  });
  const metal = { 'binding:vnic_type': 'baremetal', 'binding:host_id': randomUUID() };
  await networking(rig.cloud.admin, 'PUT', `/ports/${port!['id']}`, { port: metal });
  const asked = machines['m1']!;
  await asked.up();
  await eventually('it has its address', async () => (await asked.lease().catch(() => '')) === METAL);
  await eventually('it learns', async () => (await learns(asked, IPV4, '--max-time', '3')) === ann.server);
  assert.equal(await learns(asked, IPV6), ann.server, 'by IPv6');
  assert.equal((await holders(id)).length, 1);

  const [holder] = await holders(id);
  const other = holder === 'h1' ? 'h2' : 'h1';
  const guest = await machine({ ...bob, token: ann.token, network: id }, 'g1', other, '10.9.0.8', ann.server);
  await guest.machine.lease();
  await eventually('it learns too', async () => (await learns(guest.machine, IPV4, '--max-time', '3')) === ann.server);
  assert.equal((await holders(id)).length, 2);
  assert.equal(await learns(asked, IPV4), ann.server);
  assert.equal(await learns(asked, IPV6), ann.server, 'by IPv6');
});

/** Hosts with a place for a network. */
async function holders(network: string): Promise<string[]> {
  const devices = await Promise.all(['h1', 'h2'].map(async (host) => ({ host, all: await hosts.devices(host) })));
  return devices.filter(({ all }) => all.includes(deviceOf(network))).map(({ host }) => host);
}

test('a network without machines on a host has nothing there, and one without DHCP no port', async () => {
  const device = deviceOf(bob.network);
  assert.ok((await hosts.devices('h2')).includes(device));
  const { ports } = (await networking(bob.token, 'GET', `/ports?network_id=${bob.network}&device_owner=compute:nova`)) as unknown as {
    ports: { id: string; 'binding:host_id'?: string; fixed_ips: { ip_address: string }[] }[];
  };
  const thief = ports.find(({ fixed_ips: ips }) => ips.some(({ ip_address: address }) => address === '10.9.0.202'))!;
  await networking(bob.token, 'DELETE', `/ports/${thief.id}`);
  await eventually('h2 has nothing of bob’s network', async () => !(await hosts.devices('h2')).includes(device));
  assert.ok((await hosts.devices('h1')).includes(device));

  const { network } = await networking(bob.token, 'POST', '/networks', { network: {} });
  const { subnet } = await networking(bob.token, 'POST', '/subnets', {
    subnet: { network_id: network!['id'], ip_version: 4, cidr: '10.8.0.0/24' },
  });
  const path = `/ports?network_id=${network!['id']}`;
  const count = async () => ((await networking(rig.cloud.admin, 'GET', path))['ports'] as unknown as unknown[]).length;
  await eventually('it has a metadata port', async () => (await count()) === 1);
  await networking(bob.token, 'PUT', `/subnets/${subnet!['id']}`, { subnet: { enable_dhcp: false } });
  await eventually('it has none', async () => (await count()) === 0);
  await networking(bob.token, 'PUT', `/subnets/${subnet!['id']}`, { subnet: { enable_dhcp: true } });
  await eventually('it has one again', async () => (await count()) === 1);
  await networking(bob.token, 'DELETE', `/subnets/${subnet!['id']}`);
  await networking(bob.token, 'DELETE', `/networks/${network!['id']}`);
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Secret } from '../../core/base/secret.ts';
import { startRack, type Rack, type RunningForward } from '../../lab/start-rack.ts';
import { declareRack } from '../../lab/topology.ts';
import { createEapiClient, type EapiClient } from '../../network/switch/eapi-client.ts';
import type { Tenant } from '../identity/identity-rig.ts';
import { startNetworkRig, type NetworkRig, type Shown } from '../network/network-rig.ts';
import { fingerprintOf } from './fingerprint.ts';
import { plug, type Cable } from './machine-cable.ts';
import { createMachineRows, until, vlanNetwork, type MachineRows } from './machine-rows.ts';

/**
 * A machine with two NICs that are one port group: a LAG of the lab's leaf switch while it is its tenant's, two single ports before and after. A third cable is
 * another machine of the tenant.
 */
const spec = declareRack({ machines: 3, seed: 43 });
const folder = mkdtempSync(join(tmpdir(), 'rackwright-bonds-'));
const { management, chassisMac } = spec.leaf;
const [PROVISIONING, ANNS] = [1, 101] as const;
const NICS = spec.machines.map(({ nics: [nic] }) => ({ mac: nic!.mac, port: `Ethernet1/${nic!.switchPort}` }));
const [FIRST, SECOND] = NICS.map(({ port }) => port) as [string, string];
const { signal } = new AbortController();

let rack: Rack;
let forward: RunningForward;
let rig: NetworkRig;
let machines: MachineRows;
let cli: EapiClient;
let ann: Tenant;
let anns: Shown;
let cables: [Cable, Cable, Cable];
const groups = new Map<string, string>();

const show = async (...commands: string[]) => (await cli.run(['enable', ...commands], signal)).at(-1) as Record<string, unknown>;
const channels = async () => (await show('show port-channel'))['portChannels'] as Record<string, { protocol: string; ports: object }>;
const linesOf = async (name: string) => {
  const { cmds } = (await show('show running-config')) as { cmds: Record<string, { cmds: Record<string, null> }> };
  return Object.keys(cmds[`interface ${name}`]?.cmds ?? {});
};
const audited = async (): Promise<string[]> =>
  ((await machines.call(200, 'GET', '/audit'))['checks'] as { check: string; found: string[] }[])
    .filter(({ check }) => check.startsWith('switch'))
    .flatMap(({ found }) => found);
const explained = async () => JSON.stringify(await machines.call(200, 'GET', `/nodes/${machines.id('m')}/explain`));

async function enroll(name: string, nics: readonly (typeof NICS)[number][], mode: string): Promise<void> {
  const [first, ...others] = nics;
  await machines.enroll(name, { mac: first!.mac, switchId: chassisMac, portId: first!.port });
  const node_uuid = machines.id(name);
  for (const { mac, port } of others)
    await machines.call(201, 'POST', '/ports', {
      node_uuid,
      address: mac,
      pxe_enabled: false,
      local_link_connection: { switch_id: chassisMac, port_id: port },
    });
  const made = await machines.call(201, 'POST', '/portgroups', {
    node_uuid,
    name: `bond-${name}`,
    mode,
    properties: { lacp_rate: 'fast' },
  });
  groups.set(name, String(made['uuid']));
  const { ports } = (await machines.call(200, 'GET', `/nodes/${node_uuid}/ports`)) as unknown as { ports: { uuid: string }[] };
  for (const { uuid } of ports)
    await machines.call(200, 'PATCH', `/ports/${uuid}`, [{ op: 'replace', path: '/portgroup_uuid', value: made['uuid'] }]);
}

before(async () => {
  rack = await startRack({ spec, runDirectory: join(folder, 'rack'), onEvent: () => {} });
  forward = await rack.forwardTcp({ hostListen: '127.0.0.1:0', insideAddress: `${management.address}:${management.port}` });
  const certificate = fingerprintOf(rack.leafCertificate);
  writeFileSync(join(folder, 'password'), management.password, { mode: 0o600 });
  const leaf = { name: 'leaf-1', chassis_mac: chassisMac, driver: 'eos', physical_network: 'physnet1', ports: ['Ethernet1/*'] };
  const access = { address: `127.0.0.1:${forward.port}`, username: management.username, password_file: join(folder, 'password') };
  const switches = [{ ...leaf, ...access, certificate_sha256: certificate }];
  writeFileSync(join(folder, 'rackwright.yaml'), JSON.stringify({ network: { provisioning_network: 'provisioning' }, switches }));
  rig = await startNetworkRig({ args: ['--config', join(folder, 'rackwright.yaml')] });
  cli = createEapiClient({
    host: '127.0.0.1',
    port: forward.port,
    username: management.username,
    password: new Secret(management.password),
    trust: { certificateSha256: certificate },
  });
  machines = createMachineRows(rig);
  ann = await rig.tenant('ann');
  await vlanNetwork(rig, 'provisioning', PROVISIONING);
  anns = await vlanNetwork(rig, 'anns', ANNS, { project_id: ann.projectId });
  const plugged = await Promise.all(NICS.map(({ mac }, at) => plug(rack.nicSocket(`machine-${at + 1}`, 0), mac)));
  cables = plugged as [Cable, Cable, Cable];
});
after(async () => {
  for (const cable of cables ?? []) cable.unplug();
  await rig?.close();
  await rack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a bonded machine is cleaned and provisioned over one port, and is a LAG for its tenant', async () => {
  await enroll('m', NICS.slice(0, 2), '802.3ad');
  await enroll('other', NICS.slice(2), 'active-backup');
  // A port channel of somebody else keeps its number.
  await cli.run(['enable', 'configure', 'interface Port-Channel1', 'exit'], signal);
  for (const name of ['m', 'other']) await machines.verb(name, 'provide', 'available');
  assert.deepEqual(Object.keys(await channels()), ['Port-Channel1']);
  const port = await machines.deploy('m', ann, anns);
  await machines.deploy('other', ann, anns);
  const { 'Port-Channel2': lag, ...others } = await channels();
  assert.deepEqual([lag!.protocol, Object.keys(lag!.ports), Object.keys(others)], ['lacp', [FIRST, SECOND], ['Port-Channel1']]);
  assert.deepEqual(await linesOf('Port-Channel2'), [`switchport access vlan ${ANNS}`, 'port-channel lacp fallback static']);
  for (const name of [FIRST, SECOND]) assert.ok((await linesOf(name)).includes('channel-group 2 mode active'));

  const { port: shown } = await rig.expect(200, rig.admin, 'GET', `/v2.0/ports/${port.id}`);
  const { local_link_information: links, local_group_information: group } = shown!['binding:profile'] as never as {
    local_link_information: { port_id: string }[];
    local_group_information: { id: string; bond_mode: string };
  };
  assert.equal(shown!['status'], 'ACTIVE');
  assert.deepEqual([links.map(({ port_id: id }) => id), group.id, group.bond_mode], [[FIRST, SECOND], groups.get('m'), '802.3ad']);
  assert.deepEqual(await audited(), []);
  assert.match(await explained(), /has VLAN 101 in a LAG \(LACP\) of Ethernet1\/1, Ethernet1\/2 \(tenant\)/);
});

test('a frame to a bond comes by one of its members, and one of its own never comes back', async () => {
  const [one, two, other] = cables;
  other.say('hello');
  assert.deepEqual([...(await one.heard()), ...(await two.heard())], ['hello']);
  two.say('hello to you');
  // The round of announcements that ended the last hearing may have begun before this was said.
  const echo = await one.heard();
  assert.deepEqual(await other.heard(), ['hello to you']);
  assert.deepEqual([...echo, ...(await one.heard())], []);
});

test('a LAG that somebody has changed is told, and is made again', async () => {
  const edited = [`interface ${SECOND}`, 'no channel-group', 'exit'];
  await cli.run(['enable', 'configure', ...edited], signal);
  assert.match(
    (await audited()).join('; '),
    /Ethernet1\/1 of leaf-1: VLAN 101 in a LAG \(LACP\) of Ethernet1\/1, for tenant: VLAN 101 in a LAG/,
  );
  await machines.call(200, 'PATCH', `/portgroups/${groups.get('m')}`, [{ op: 'replace', path: '/mode', value: 'balance-xor' }]);
  await until('it is a static LAG', async () => {
    const { 'Port-Channel2': lag } = await channels();
    return lag?.protocol === 'static' && Object.keys(lag.ports).length === 2 ? true : undefined;
  });
  assert.deepEqual(await audited(), []);
});

test('security groups of a machine are said to be carried out by nobody', async () => {
  assert.match(await explained(), /has the security groups default, which nobody carries out/);
  const found = async () =>
    ((await machines.call(200, 'GET', '/audit'))['checks'] as { check: string; found: string[] }[])
      .filter(({ check }) => check.startsWith('security groups on metal'))
      .flatMap((check) => check.found);
  assert.deepEqual(await found(), []);
  const { vifs } = (await machines.call(200, 'GET', `/nodes/${machines.id('m')}/vifs`)) as unknown as { vifs: { id: string }[] };
  const port = `/v2.0/ports/${vifs[0]!.id}`;
  const web = await rig.make(ann.token, '/security-groups', 'security_group', { name: 'web' });
  await rig.expect(200, ann.token, 'PUT', port, { port: { security_groups: [web.id] } });
  assert.match((await found()).join(), /has the security groups web, which nobody carries out/);
  const { port: shown } = await rig.expect(200, rig.admin, 'GET', port);
  assert.deepEqual(shown!['binding:vif_details'], { port_filter: false, connectivity: 'l2' });
  await rig.expect(200, ann.token, 'PUT', port, { port: { security_groups: [], port_security_enabled: false } });
  assert.deepEqual(await found(), []);
  assert.doesNotMatch(await explained(), /nobody carries out/);
});

test('the LAG goes with the tenant', async () => {
  await machines.verb('m', 'deleted', 'available');
  assert.deepEqual(Object.keys(await channels()), ['Port-Channel1']);
  for (const name of [FIRST, SECOND]) assert.deepEqual((await linesOf(name)).at(-1), 'switchport trunk allowed vlan none');
});

test('a mode that nobody has is refused by name', async () => {
  await machines.call(200, 'PATCH', `/portgroups/${groups.get('m')}`, [{ op: 'replace', path: '/mode', value: 'best-effort' }]);
  const { vifs } = (await machines.call(200, 'GET', `/nodes/${machines.id('m')}/vifs`)) as unknown as { vifs: { id: string }[] };
  if (vifs.length === 0) {
    const port = await rig.make(ann.token, '/ports', 'port', { network_id: anns.id });
    await machines.call(204, 'POST', `/nodes/${machines.id('m')}/vifs`, { id: port.id });
  }
  const { last_error: error } = await machines.verb('m', 'active', 'deploy failed');
  assert.match(String(error), /the port group bond-m has the mode best-effort, which is none of/);
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonObject } from '../../core/base/json.ts';
import { Secret } from '../../core/base/secret.ts';
import { startRack, type Rack, type RunningForward } from '../../lab/start-rack.ts';
import { declareRack } from '../../lab/topology.ts';
import { connectSwitch } from '../../network/switch/connect-switch.ts';
import type { SwitchDriver } from '../../network/switch/switch-driver.ts';
import type { Tenant } from '../identity/identity-rig.ts';
import { startNetworkRig, type NetworkRig, type Shown } from '../network/network-rig.ts';
import { fingerprintOf } from './fingerprint.ts';
import { plug, type Cable } from './machine-cable.ts';
import { createMachineRows, until, vlanNetwork, type MachineRows } from './machine-rows.ts';

/**
 * Two tenants' machines on the lab's leaf switch, moved by the real control plane over the switch's own API: who hears whom, frame by frame. The machines are
 * cables that the test holds; their rows are fake hardware.
 */
const spec = declareRack({ machines: 3, seed: 41 });
const folder = mkdtempSync(join(tmpdir(), 'rackwright-tenants-'));
const { management, chassisMac } = spec.leaf;
/** Long enough for a switch that is away for a moment, short enough for a test that waits for its end. */
const TIMEOUT_SECONDS = 20;
const [PROVISIONING, CLEANING, ANNS, BOBS, SECOND] = [1, 5, 101, 102, 103] as const;

let rack: Rack;
let forward: RunningForward;
let rig: NetworkRig;
let machines: MachineRows;
let operator: SwitchDriver;
let ann: Tenant;
let bob: Tenant;
let spare: Cable;
const cables: Record<string, Cable> = {};
const ports: Record<string, Shown> = {};
const { signal } = new AbortController();

const forwardTo = (port: number) =>
  rack.forwardTcp({ hostListen: `127.0.0.1:${port}`, insideAddress: `${management.address}:${management.port}` });

const vlanOf = async (name: string) => (await operator.readPorts([portOf(name)], signal)).get(portOf(name));
const portOf = (name: string) => `Ethernet1/${spec.machines[MACHINES[name]!]!.nics[0]!.switchPort}`;
const MACHINES: Record<string, number> = { a1: 0, b1: 1, a2: 2 };
const statusOf = async (name: string) => (await rig.expect(200, rig.admin, 'GET', `/v2.0/ports/${ports[name]!.id}`))['port']!['status'];

async function enrolled(name: string): Promise<void> {
  const { mac } = spec.machines[MACHINES[name]!]!.nics[0]!;
  cables[name] = await plug(rack.nicSocket(`machine-${MACHINES[name]! + 1}`, 0), mac);
  await machines.enroll(name, { mac, switchId: chassisMac, portId: portOf(name) });
}

/** What an audit finds about switches. */
const audited = async (): Promise<string[]> =>
  ((await machines.call(200, 'GET', '/audit'))['checks'] as { check: string; found: string[]; error: string | null }[])
    .filter(({ check }) => check.startsWith('switch'))
    .flatMap(({ found, error }) => [...found, ...(error === null ? [] : [error])]);

const timeline = async (name: string): Promise<string[]> =>
  ((await machines.call(200, 'GET', `/nodes/${machines.id(name)}/timeline`))['events'] as { source: string; message: string }[])
    .filter(({ source }) => source === 'switch')
    .map(({ message }) => message);

before(async () => {
  rack = await startRack({ spec, runDirectory: join(folder, 'rack'), onEvent: () => {} });
  forward = await forwardTo(0);
  const certificate = fingerprintOf(rack.leafCertificate);
  writeFileSync(join(folder, 'password'), `${management.password}\n`, { mode: 0o600 });
  const leaf = { name: 'leaf-1', chassis_mac: chassisMac, driver: 'eos', physical_network: 'physnet1', ports: ['Ethernet1/*'] };
  const access = {
    address: `127.0.0.1:${forward.port}`,
    username: management.username,
    password_file: join(folder, 'password'),
    certificate_sha256: certificate,
  };
  const network = { provisioning_network: 'provisioning', cleaning_network: 'cleaning', switch_timeout_seconds: TIMEOUT_SECONDS };
  writeFileSync(join(folder, 'rackwright.yaml'), JSON.stringify({ network, switches: [{ ...leaf, ...access }] }));
  rig = await startNetworkRig({ args: ['--config', join(folder, 'rackwright.yaml')] });
  const eos = { driver: 'eos', host: '127.0.0.1', port: forward.port, username: management.username, savesConfiguration: false } as const;
  operator = connectSwitch({
    name: 'leaf-1',
    chassisMac,
    physicalNetwork: 'physnet1',
    touches: null,
    access: { ...eos, password: new Secret(management.password), trust: { certificateSha256: certificate } },
  });
  machines = createMachineRows(rig);
  ann = await rig.tenant('ann');
  bob = await rig.tenant('bob');
  spare = await plug(rack.sparePortSocket, '52:54:00:77:00:01');
  await vlanNetwork(rig, 'provisioning', PROVISIONING);
  await vlanNetwork(rig, 'cleaning', CLEANING);
});
after(async () => {
  for (const cable of [...Object.values(cables), spare]) cable?.unplug();
  await rig?.close();
  await rack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('before anybody has it a machine is where the switch has it: in the provisioning network', async () => {
  for (const name of Object.keys(MACHINES)) await enrolled(name);
  cables['a1']!.say('anybody?');
  assert.deepEqual(await spare.heard(), ['anybody?']);
  for (const name of ['b1', 'a2']) assert.deepEqual(await cables[name]!.heard(), ['anybody?']);
});

test('cleaned in the cleaning network, and between two tenants in none', async () => {
  for (const name of Object.keys(MACHINES)) {
    await machines.verb(name, 'provide', 'available');
    assert.deepEqual(await vlanOf(name), { untagged: null, tagged: [] });
    const told = await until('both moves are told', async () => {
      const lines = await timeline(name);
      return lines.length === 2 ? lines : undefined;
    });
    assert.deepEqual(told, [`${portOf(name)} of leaf-1 has VLAN ${CLEANING} (cleaning)`, `${portOf(name)} of leaf-1 has no VLAN (none)`]);
  }
  for (const tag of [undefined, PROVISIONING, CLEANING, ANNS]) cables['a1']!.say('let me in', tag);
  for (const other of [spare, cables['b1']!, cables['a2']!]) assert.deepEqual(await other.heard(), []);
});

test('a tenant’s machines hear each other, and nobody else does', async () => {
  const anns = await vlanNetwork(rig, 'anns', ANNS, { project_id: ann.projectId });
  const bobs = await vlanNetwork(rig, 'bobs', BOBS, { project_id: bob.projectId });
  ports['a1'] = await machines.deploy('a1', ann, anns);
  ports['a2'] = await machines.deploy('a2', ann, anns);
  ports['b1'] = await machines.deploy('b1', bob, bobs);
  for (const [name, vlan] of [
    ['a1', ANNS],
    ['a2', ANNS],
    ['b1', BOBS],
  ] as const) {
    assert.deepEqual(await vlanOf(name), { untagged: vlan, tagged: [] }, name);
    assert.equal(await statusOf(name), 'ACTIVE', name);
    const move = `${portOf(name)} of leaf-1 has VLAN ${PROVISIONING} (provisioning)`;
    await until(`${name} is told`, async () => ((await timeline(name)).includes(move) ? true : undefined));
  }
  cables['a1']!.say('secret');
  cables['b1']!.say('psst');
  spare.say('provisioning here');
  for (const tag of [ANNS, PROVISIONING]) cables['b1']!.say('hello', tag);
  assert.deepEqual(await cables['a2']!.heard(), ['secret']);
  for (const other of [spare, cables['b1']!, cables['a1']!]) assert.deepEqual(await other.heard(), []);
});

test('a trunk’s sub-ports are tags on the machine’s port, as long as they are there', async () => {
  const second = await vlanNetwork(rig, 'anns second', SECOND, { project_id: ann.projectId });
  const sub = await rig.make(ann.token, '/ports', 'port', { network_id: second.id });
  const subPorts = [{ port_id: sub.id, segmentation_type: 'vlan', segmentation_id: SECOND }];
  const trunk = await rig.make(ann.token, '/trunks', 'trunk', { port_id: ports['a2']!.id, sub_ports: subPorts });
  const has = (...tagged: number[]) =>
    until(`tags ${tagged.join()}`, async () =>
      JSON.stringify(await vlanOf('a2')) === JSON.stringify({ untagged: ANNS, tagged }) ? true : undefined,
    );
  await has(SECOND);
  await rig.expect(200, ann.token, 'PUT', `/v2.0/trunks/${trunk.id}/remove_subports`, { sub_ports: [{ port_id: sub.id }] });
  await has();
});

test('who edits the switch by hand is put right, in the words of the timeline; a restart changes nothing', async () => {
  await operator.writePorts(new Map([[portOf('b1'), { untagged: ANNS, tagged: [] }]]), signal);
  await until('put right', async () => ((await vlanOf('b1'))?.untagged === BOBS ? true : undefined));
  await until('told', async () =>
    (await timeline('b1')).some((line) => /Somebody had changed Ethernet1\/2 of leaf-1/.test(line)) ? true : undefined,
  );
  await rack.restartLeaf();
  assert.deepEqual(await audited(), []);
  assert.deepEqual(await vlanOf('b1'), { untagged: BOBS, tagged: [] });
});

test('the switch’s API is down: the machine waits and says for what, the others go on; back again, so does it', async () => {
  const { port } = forward;
  await forward.stop();
  await machines.call(202, 'PUT', `/nodes/${machines.id('b1')}/states/provision`, { target: 'deleted' });
  const why = await until('the reason', async () => {
    const { waiting_for: waiting, switch_ports: shown } = await machines.call(200, 'GET', `/nodes/${machines.id('b1')}/explain`);
    const what = String((waiting as JsonObject | null)?.['what'] ?? '');
    return what.includes('ECONNREFUSED') ? `${what} | ${String(shown)}` : undefined;
  });
  assert.match(why, new RegExp(`Ethernet1/2 of leaf-1 to have VLAN ${CLEANING} \\(127.0.0.1:${port}: .*ECONNREFUSED`));
  assert.match(why, /Ethernet1\/2 of leaf-1 has VLAN 102 and shall have VLAN 5 \(cleaning\): .*ECONNREFUSED/);
  const ready = (await rig.cloud.serve.call('GET', '/healthz')).body as { waiting: { what: string }[] };
  assert.match(ready.waiting[0]!.what, /the switch leaf-1: .*ECONNREFUSED/);
  assert.match((await audited()).join(), /ECONNREFUSED/);
  // What is as it shall be asks nothing of the switch.
  cables['a1']!.say('still here');
  assert.deepEqual(await cables['a2']!.heard(), ['still here']);
  forward = await forwardTo(port);
  await machines.reaches('b1', 'available');
  assert.deepEqual(await vlanOf('b1'), { untagged: null, tagged: [] });
});

test('a network that no switch can carry fails the deployment by name; so does a port that is another machine’s', async () => {
  const overlay = await rig.make(bob.token, '/networks', 'network', { name: 'overlay' });
  const port = await rig.make(bob.token, '/ports', 'port', { network_id: overlay.id });
  await machines.call(204, 'DELETE', `/nodes/${machines.id('b1')}/vifs/${ports['b1']!.id}`);
  await machines.call(204, 'POST', `/nodes/${machines.id('b1')}/vifs`, { id: port.id });
  const { last_error: error } = await machines.verb('b1', 'active', 'deploy failed');
  assert.match(String(error), /the network overlay has no VLAN on the physical network physnet1/);
  await machines.enroll('x', { mac: '52:54:00:77:00:02', switchId: chassisMac, portId: portOf('a1') });
  const { last_error: taken } = await machines.verb('x', 'provide', 'clean failed');
  assert.match(String(taken), /Ethernet1\/1 of leaf-1 is said to be a1's too/);
  assert.deepEqual(await vlanOf('a1'), { untagged: ANNS, tagged: [] });
});

test('a switch that does not have the port: the flow ends in time, with the switch’s words', async () => {
  await machines.enroll('y', { mac: '52:54:00:77:00:03', switchId: chassisMac, portId: 'Ethernet1/99' });
  const { last_error: error } = await machines.verb('y', 'provide', 'clean failed');
  assert.match(String(error), /did not do what was asked for in 20 s: Ethernet1\/99 of leaf-1 .* leaf-1 has no switch port Ethernet1\/99/);
  await machines.enroll('z', { mac: '52:54:00:77:00:04', switchId: chassisMac, portId: 'Uplink1' });
  const { last_error: forbidden } = await machines.verb('z', 'provide', 'clean failed');
  assert.match(String(forbidden), /Uplink1 of leaf-1 is none of the ports that may be changed there/);
});

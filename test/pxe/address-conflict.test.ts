import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import { type BootWire, makeBootWire, until } from './boot-wire.ts';

/** Addresses of the pool are in use by hosts that never asked: four of five on the wire, and one behind a relay's router. */
const run = promisify(execFile);
const squatterSpace = `rwpxe-q-${process.pid}`;
const RESERVED = '52:54:00:77:00:33';
let wire: BootWire;

before(async () => {
  wire = await makeBootWire({
    subnet: { probeAddresses: true, discoveryPool: ['10.77.0.100', '10.77.0.104'] },
    model: {
      hosts: [
        { nodeId: 'n1', name: 'm1', macs: [RESERVED], reservations: { [RESERVED]: '10.77.0.60' }, boot: { kind: 'hold', reason: 'test' } },
      ],
    },
  });
  await run('ip', ['netns', 'add', squatterSpace]);
  await wire.client('ip', 'link', 'add', 'br0', 'type', 'bridge');
  await wire.client('ip', 'link', 'add', 'squat0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', squatterSpace);
  for (const port of ['eth0', 'squat0']) await wire.client('ip', 'link', 'set', port, 'master', 'br0', 'up');
  await wire.client('ip', 'link', 'set', 'br0', 'address', '52:54:00:77:00:31', 'up');
  for (const last of [100, 101, 102, 103]) await run('ip', ['-n', squatterSpace, 'addr', 'add', `10.77.0.${last}/24`, 'dev', 'eth0']);
  await run('ip', ['-n', squatterSpace, 'link', 'set', 'eth0', 'address', '52:54:00:77:00:66', 'up']);
  await wire.start();
});
after(async () => {
  await run('ip', ['netns', 'del', squatterSpace]).catch(() => {});
  await wire.remove();
});

const udhcpc = () => wire.client('udhcpc', '-i', 'br0', '-n', '-q', '-f', '-t', '8', '-T', '2', '-s', '/bin/true');

test('a client gets the one address that nobody has, and the others are set aside with the culprit named', async () => {
  const { status, stderr } = await udhcpc();
  assert.equal(status, 0, stderr);
  assert.match(stderr, /lease of 10\.77\.0\.104 obtained/);
  const conflicts = wire.events().filter((e) => e.kind === 'dhcp.address-conflict');
  for (const { message, evidence, severity } of conflicts) {
    assert.match(message, /10\.77\.0\.10[0-3] was to be offered to 52:54:00:77:00:31, but 52:54:00:77:00:66 uses it/);
    assert.deepEqual([evidence?.['usedBy'], severity], ['52:54:00:77:00:66', 'warning']);
  }
  const metrics = await wire.metrics();
  assert.equal(metrics['dhcp.address-conflict'] ?? 0, conflicts.length);
  assert.equal(metrics['probe.free'], 1);
});

test('a pool that is all squatted on gives nothing to the next, who is told', async () => {
  await wire.client('ip', 'link', 'set', 'br0', 'address', '52:54:00:77:00:32');
  assert.notEqual((await udhcpc()).status, 0);
  await until('every squatter', async () => (await wire.metrics())['dhcp.address-conflict'] === 4);
  await until('the exhausted pool', () => wire.events().some((e) => e.kind === 'dhcp.pool-exhausted'));
  assert.equal(
    new Set(
      wire
        .stored()
        .filter((one) => one.state === 'declined')
        .map((one) => one.ipAddress),
    ).size,
    4,
  );
});

test('a reservation is given at once: nobody is asked', async () => {
  await wire.client('ip', 'link', 'set', 'br0', 'address', RESERVED);
  const before = await wire.metrics();
  assert.match((await udhcpc()).stderr, /lease of 10\.77\.0\.60 obtained/);
  const after = await wire.metrics();
  for (const name of ['probe.free', 'probe.taken']) assert.equal(after[name], before[name]);
});

test('behind a relay the address is asked after by an echo over the router', async () => {
  await wire.end('SIGTERM');
  const { model } = wire.settings;
  const { interface: _, ...near } = model.subnets[0]!;
  const far = {
    ...near,
    id: 'far',
    cidr: '10.78.0.0/24',
    discoveryPool: ['10.78.0.100', '10.78.0.100'] as const,
    routerAdvertisements: false,
  };
  Object.assign(wire.settings, { model: { ...model, version: 2, subnets: [...model.subnets, far] } });
  await run('ip', ['-n', squatterSpace, 'addr', 'add', '10.78.0.100/32', 'dev', 'eth0']);
  await wire.server('ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.100');
  await wire.start();
  await wire.client('ip', 'addr', 'add', '10.77.0.31/24', 'dev', 'br0');
  await wire.client('ip', 'addr', 'add', '10.78.0.1/24', 'dev', 'br0');
  const request = `const s = require('dgram').createSocket('udp4');
    const b = Buffer.alloc(300); Buffer.from('0101060000000007', 'hex').copy(b); Buffer.from('0a4e0001', 'hex').copy(b, 24);
    Buffer.from('525400780041', 'hex').copy(b, 28); Buffer.from('63825363350101ff', 'hex').copy(b, 236);
    s.bind(0, () => s.send(b, 67, '10.77.0.1', () => s.close()));`;
  await until('the conflict', async () => {
    await wire.client(process.execPath, '-e', request);
    return wire.events().some((e) => e.kind === 'dhcp.address-conflict' && /10\.78\.0\.100 .*somebody behind a relay/.test(e.message));
  });
});

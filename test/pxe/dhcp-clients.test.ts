import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BootWire, makeBootWire, until } from './boot-wire.ts';

/** Foreign DHCP clients against a boot plane in a network namespace. Needs root, as the boot plane itself does. */
let wire: BootWire;
before(async () => {
  wire = await makeBootWire();
  await wire.start();
});
after(() => wire.remove());

const dhclient = (...args: string[]) =>
  wire.client(
    'dhclient',
    '-4',
    '-1',
    '-v',
    '-sf',
    '/bin/true',
    '-lf',
    join(wire.directory, 'dhclient.leases'),
    '-pf',
    join(wire.directory, 'dhclient.pid'),
    ...args,
    wire.clientInterface,
  );
const udhcpc = (...args: string[]) =>
  wire.client('udhcpc', '-i', wire.clientInterface, '-n', '-q', '-f', '-t', '8', '-s', '/bin/true', ...args);
const address = (text: string) => /10\.\d+\.\d+\.\d+/.exec(/(?:bound to|lease of) (\S+)/.exec(text)?.[1] ?? '')?.[0];

test('dhclient gets an address of the discovery pool, asks for it again after a reboot, and releases it', async () => {
  const first = await dhclient();
  assert.equal(first.status, 0, first.stderr);
  const bound = address(first.stderr);
  assert.match(bound ?? '', /^10\.77\.0\.1\d\d$/);
  const again = await dhclient();
  assert.match(again.stderr, /DHCPREQUEST for/);
  assert.doesNotMatch(again.stderr, /DHCPDISCOVER/);
  assert.equal(address(again.stderr), bound);
  // A release is sent by plain UDP, so the client needs the address on its interface.
  await wire.client('ip', 'addr', 'add', `${bound}/24`, 'dev', wire.clientInterface);
  await dhclient('-r');
  await wire.client('ip', 'addr', 'flush', 'dev', wire.clientInterface);
  await until('the release in the store', () => wire.stored().some((l) => l.ipAddress === bound && l.state === 'released'));
  assert.ok(wire.events().some((e) => e.kind === 'dhcp.released' && e.machine.mac === wire.clientMac));
});

test('udhcpc gets the same address as dhclient did, with either reply path', async () => {
  const unicast = await udhcpc();
  assert.equal(unicast.status, 0, unicast.stderr);
  const broadcast = await udhcpc('-B');
  assert.equal(broadcast.status, 0, broadcast.stderr);
  assert.equal(address(unicast.stderr), address(broadcast.stderr));
  assert.equal(address(unicast.stderr), wire.stored()[0]!.ipAddress);
});

test('a client that goes on with an address of another network is refused and starts again', async () => {
  const leases = join(wire.directory, 'wrong.leases');
  writeFileSync(
    leases,
    'lease { interface "eth0"; fixed-address 192.168.5.5; option subnet-mask 255.255.255.0; option dhcp-server-identifier 192.168.5.1; renew 2 2037/01/01 00:00:00; rebind 2 2037/01/01 00:00:00; expire 2 2037/01/01 00:00:00; }\n',
  );
  const { stderr } = await wire.client(
    'dhclient',
    '-4',
    '-1',
    '-v',
    '-sf',
    '/bin/true',
    '-lf',
    leases,
    '-pf',
    join(wire.directory, 'dhclient2.pid'),
    wire.clientInterface,
  );
  assert.match(stderr, /DHCPNAK/);
  assert.match(address(stderr) ?? '', /^10\.77\.0\./);
});

test('kill -9 after the ACK loses no lease, and a store that was down gets them all', async () => {
  writeFileSync(`${wire.settings.storePath}.down`, '');
  const before = address((await udhcpc('-V', 'after-down')).stderr);
  assert.ok(before);
  await until('a failed store', async () => (await wire.metrics())['lease.store-failures']! > 0);
  await wire.end('SIGKILL');
  await wire.start();
  const acks = wire.events().filter((e) => e.kind === 'dhcp.ack').length;
  const lease = await dhclient();
  assert.doesNotMatch(lease.stderr, /DHCPNAK/);
  assert.equal(address(lease.stderr), before);
  assert.ok(wire.events().filter((e) => e.kind === 'dhcp.ack').length > acks);
  const storedBefore = wire.stored().length;
  rmSync(`${wire.settings.storePath}.down`);
  await until('the stored lease', () => wire.stored().length > storedBefore);
  const sequences = wire.stored().map((l) => l.sequence);
  assert.deepEqual(
    sequences,
    sequences.toSorted((a, b) => a - b),
  );
});

test('a full disk gives no ACK, says so with advice, and goes on when there is room again', async () => {
  await wire.end('SIGTERM');
  const data = join(wire.directory, 'small');
  await wire.server('mkdir', data);
  Object.assign(wire.settings, { dataDirectory: data });
  // The mount must be seen by the boot plane, which `ip netns exec` gives a mount namespace of its own, made from ours.
  const mounted = await wire.server('nsenter', '-t', String(process.pid), '-m', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', data);
  assert.equal(mounted.status, 0, mounted.stderr);
  try {
    await wire.start();
    await wire.server('nsenter', '-t', String(process.pid), '-m', 'dd', 'if=/dev/zero', `of=${join(data, 'fill')}`, 'bs=4k', 'count=100');
    const failed = await udhcpc('-t', '2', '-T', '1');
    assert.notEqual(failed.status, 0);
    const told = wire.events().find((e) => e.kind === 'dhcp.journal-failed');
    assert.match(told?.message ?? '', /ENOSPC.*free space/);
    rmSync(join(data, 'fill'));
    const works = await udhcpc();
    assert.equal(works.status, 0, works.stderr);
    await wire.end('SIGTERM');
  } finally {
    await wire.end('SIGKILL');
    await wire.server('nsenter', '-t', String(process.pid), '-m', 'umount', '-l', data);
  }
});

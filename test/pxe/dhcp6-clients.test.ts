import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import { type BootWire, makeBootWire, until } from './boot-wire.ts';

/** Foreign DHCPv6 clients and a relay against a boot plane in network namespaces. Needs root, as the boot plane itself does. */
const run = promisify(execFile);
const leafSpace = `rwpxe-6-${process.pid}`;
let wire: BootWire;
let relay: ReturnType<typeof spawn> | undefined;

const IPV6 = {
  cidr: 'fd00:77::/64',
  serverAddress: 'fd00:77::1',
  dnsServers: ['fd00:77::53'],
  ntpServers: ['fd00:77::123'],
  domainSearch: ['rack.test'],
  pools: [],
  discoveryPool: ['fd00:77::1:0', 'fd00:77::1:ffff'] as const,
  advertisement: { managed: true, otherConfiguration: true, routerLifetimeSeconds: 0 },
};

before(async () => {
  wire = await makeBootWire({ subnet: { ipv6: IPV6 } });
  const { model } = wire.settings;
  const { interface: _, ...near } = model.subnets[0]!;
  const far = {
    ...near,
    id: 'far',
    cidr: '10.78.0.0/24',
    discoveryPool: undefined,
    pools: [],
    ipv6: { ...IPV6, cidr: 'fd00:78::/64', discoveryPool: ['fd00:78::1:0', 'fd00:78::1:ffff'] },
  };
  Object.assign(wire.settings, {
    model: { ...model, relayRules: [{ circuitId: '*', rack: 'r6' }], subnets: [...model.subnets, JSON.parse(JSON.stringify(far))] },
  });
  await wire.server('ip', 'addr', 'add', 'fd00:77::1/64', 'dev', wire.serverInterface, 'nodad');
  await wire.server('ip', 'route', 'add', 'fd00:78::/64', 'via', 'fd00:77::2');
  await wire.client('ip', 'addr', 'add', 'fd00:77::2/64', 'dev', wire.clientInterface, 'nodad');
  await run('ip', ['netns', 'add', leafSpace]);
  await run('ip', ['-n', wire.clientSpace, 'link', 'add', 'tenant0', 'type', 'veth', 'peer', 'name', 'leaf0', 'netns', leafSpace]);
  await wire.client('ip', 'addr', 'add', 'fd00:78::1/64', 'dev', 'tenant0', 'nodad');
  await wire.client('ip', 'link', 'set', 'tenant0', 'up');
  await run('ip', ['-n', leafSpace, 'link', 'set', 'leaf0', 'address', '52:54:00:78:00:01', 'up']);
  await wire.start();
});
after(async () => {
  relay?.kill('SIGKILL');
  await run('ip', ['netns', 'del', leafSpace]).catch(() => {});
  await wire.remove();
});

const dhclient = (...args: string[]) => {
  const files = ['-lf', join(wire.directory, 'dhclient6.leases'), '-pf', join(wire.directory, 'dhclient6.pid')];
  return wire.client('dhclient', '-6', '-1', '-v', '-sf', '/bin/true', ...files, ...args, wire.clientInterface);
};
const isBound = (address: string) => wire.stored().some((one) => one.ipAddress === address && one.state === 'bound');

test('dhclient -6 gets an address, confirms it after a reboot, and releases it', async () => {
  const first = await until('a lease', async () => {
    const { status, stderr } = await dhclient();
    return status === 0 && stderr;
  });
  assert.match(first, /Advertise message/);
  const lease = readFileSync(join(wire.directory, 'dhclient6.leases'), 'utf8');
  const address = /iaaddr (\S+) \{/.exec(lease)?.[1] ?? '';
  assert.match(address, /^fd00:77::1:[0-9a-f]+$/);
  assert.match(lease, /dhcp6\.name-servers fd00:77::53;[^]*dhcp6\.domain-search "rack\.test\."/);
  await until('the stored lease', () => isBound(address));
  assert.ok(wire.events().some((e) => e.kind === 'dhcp6.reply' && e.machine.mac === wire.clientMac && e.machine.ipAddress === address));
  // Ends the daemon and keeps its lease, as a power cut does.
  await dhclient('-x');
  const again = await dhclient();
  assert.match(again.stderr, /Confirm[^]*Reply message/);
  await dhclient('-r');
  await until('the release in the store', () => wire.stored().some((one) => one.ipAddress === address && one.state === 'released'));
});

test('a machine is the same one over IPv4 and IPv6', async () => {
  const { status } = await wire.client('udhcpc', '-i', wire.clientInterface, '-n', '-q', '-f', '-t', '8', '-s', '/bin/true');
  assert.equal(status, 0);
  await until(
    'both leases',
    () => new Set(wire.stored().flatMap((one) => (one.mac === wire.clientMac ? [one.ipAddress.includes(':')] : []))).size === 2,
  );
});

test('perfdhcp -6 finds no exchange dropped: four packets, renewals and releases', async () => {
  for (const mode of [[], ['-f', '20', '-F', '20']]) {
    const args = ['-6', '-r', '100', '-p', '2', '-R', '500', ...mode, '-l', wire.clientInterface];
    const { stdout } = await wire.client('perfdhcp', ...args);
    assert.match(stdout, /received packets: [1-9]/);
    assert.match(stdout, /drops ratio: 0 %|drops: 0/);
  }
  assert.ok((await wire.metrics())['dhcp6.sent.reply']! > 150);
});

test('a client behind dhcrelay -6 gets an address of its own network', async () => {
  const command = ['netns', 'exec', wire.clientSpace, 'dhcrelay', '-6', '-d', '-I', '-l', 'tenant0', '-u', 'fd00:77::1%eth0'];
  relay = spawn('ip', command, { stdio: 'ignore' });
  const files = ['-lf', join(wire.directory, 'leaf.leases'), '-pf', join(wire.directory, 'leaf.pid')];
  const client = ['netns', 'exec', leafSpace, 'timeout', '10', 'dhclient', '-6', '-1', '-v', '-sf', '/bin/true', ...files, 'leaf0'];
  await until('an address through the relay', () =>
    run('ip', client).then(
      () => true,
      () => false,
    ),
  );
  await until('the stored lease', () =>
    wire.stored().some((one) => one.subnetId === 'far' && one.mac === '52:54:00:78:00:01' && one.ipAddress.startsWith('fd00:78::1:')),
  );
  assert.ok(
    wire
      .events()
      .some((e) => e.kind === 'dhcp6.reply' && String(e.evidence?.['via']).startsWith('relay fd00:77::2') && e.evidence?.['rack'] === 'r6'),
  );
});

test('files come over IPv6 by TFTP and HTTP, and the script names our address there', async () => {
  const out = join(wire.directory, 'got6');
  const read = await wire.client('curl', '-sSg', '-o', out, 'tftp://[fd00:77::1]/undionly.kpxe');
  assert.equal(read.status, 0, read.stderr);
  assert.ok(readFileSync(out).equals(readFileSync('/usr/lib/ipxe/undionly.kpxe')));
  const script = await wire.client('curl', '-sSg', `http://[fd00:77::1]:8080/boot/ipxe?mac=${wire.clientMac}&platform=efi`);
  assert.match(script.stdout, /kernel http:\/\/\[fd00:77::1\]:8080\/boot\//);
});

test('kill -9 after the REPLY loses no IPv6 lease', async () => {
  await dhclient();
  const address = wire.events().findLast((e) => e.kind === 'dhcp6.reply' && e.machine.mac === wire.clientMac)?.machine.ipAddress;
  await wire.end('SIGKILL');
  await wire.start();
  await dhclient('-r');
  await until('the release of a lease from before', () => wire.stored().findLast((one) => one.ipAddress === address)?.state === 'released');
});

test('dhcpcd follows the flags of our advertisement to its address', async () => {
  // It writes its lease where the distribution says: into a folder that is there for it alone.
  const own = 'mount -t tmpfs tmpfs /var/lib/dhcpcd && exec dhcpcd "$@"';
  const args = ['-6', '-B', '-d', '-1', '-t', '20', '-c', '/bin/true', '--noconfigure', wire.clientInterface];
  const { stderr, stdout } = await wire.client('unshare', '-m', 'sh', '-c', own, 'dhcpcd', ...args);
  assert.match(stderr + stdout, /Router Advertisement from[^]*REPLY6 received[^]*renew in 300, rebind in 480, expire in 600 seconds/);
});

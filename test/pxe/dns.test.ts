import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type BootWire, makeBootWire, until } from './boot-wire.ts';

/** dig asks for machines: a reserved one, one with a lease, and what is not ours. */
const RESERVED = '52:54:00:77:00:33';
let wire: BootWire;
before(async () => {
  const ipv6 = {
    cidr: 'fd00:77::/64',
    serverAddress: 'fd00:77::1',
    dnsServers: [],
    ntpServers: [],
    domainSearch: [],
    pools: [],
    advertisement: { managed: true, otherConfiguration: true, routerLifetimeSeconds: 0 },
  };
  const boot = { kind: 'hold', reason: 'test' } as const;
  wire = await makeBootWire({
    subnet: { ipv6 },
    model: {
      hosts: [
        { nodeId: 'n1', name: 'm1', macs: ['52:54:00:77:00:01'], reservations: {}, boot },
        {
          nodeId: 'n2',
          name: 'm2',
          macs: [RESERVED],
          reservations: { [RESERVED]: '10.77.0.60' },
          reservations6: { [RESERVED]: 'fd00:77::60' },
          boot,
        },
      ],
    },
  });
  Object.assign(wire.settings, { dnsPort: 53 });
  await wire.server('ip', 'addr', 'add', 'fd00:77::1/64', 'dev', wire.serverInterface, 'nodad');
  await wire.client('ip', 'addr', 'add', '10.77.0.2/24', 'dev', wire.clientInterface);
  await wire.client('ip', 'addr', 'add', 'fd00:77::2/64', 'dev', wire.clientInterface, 'nodad');
  await wire.start();
});
after(() => wire.remove());

const dig = async (...args: string[]) => (await wire.client('dig', '+tries=2', '+time=3', ...args)).stdout;
const short = async (...args: string[]) => (await dig('+short', ...args)).trim();

test('forward and reverse, over UDP and TCP, over IPv4 and IPv6', async () => {
  for (const transport of ['+notcp', '+tcp'])
    for (const server of ['@10.77.0.1', '@fd00:77::1']) {
      assert.equal(await short(transport, server, 'M2.rack.test', 'A'), '10.77.0.60');
      assert.equal(await short(transport, server, 'm2.rack.test', 'AAAA'), 'fd00:77::60');
      assert.equal(await short(transport, server, '-x', '10.77.0.60'), 'm2.rack.test.');
      assert.equal(await short(transport, server, '-x', 'fd00:77::60'), 'm2.rack.test.');
    }
});

test('a machine has its name from its lease on', async () => {
  assert.match(await dig('@10.77.0.1', 'm1.rack.test'), /status: NOERROR[^]*ANSWER: 0, AUTHORITY: 1/);
  const { status } = await wire.client('udhcpc', '-i', wire.clientInterface, '-n', '-q', '-f', '-t', '8', '-s', '/bin/true');
  assert.equal(status, 0);
  const { ipAddress } = await until('the lease', () => wire.stored().find((one) => one.state === 'bound'));
  assert.equal(await short('@10.77.0.1', 'm1.rack.test'), ipAddress);
  assert.equal(await short('@10.77.0.1', '-x', ipAddress), 'm1.rack.test.');
});

test('we answer for our own names with authority, and for no others', async () => {
  assert.match(await dig('@10.77.0.1', 'rack.test', 'SOA'), /flags: qr aa rd;[^]*SOA\s+rack\.test\. hostmaster\.rack\.test\./);
  assert.match(await dig('@10.77.0.1', 'nobody.rack.test'), /status: NXDOMAIN/);
  assert.match(await dig('@10.77.0.1', 'example.org'), /status: REFUSED/);
  assert.match(await dig('@10.77.0.1', '-x', '192.0.2.1'), /status: REFUSED/);
  assert.match(await dig('@10.77.0.1', 'rack.test', 'AXFR'), /Transfer failed/);
  assert.ok((await wire.metrics())['dns.answered.refused']! >= 2);
});

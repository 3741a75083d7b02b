import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeDhcpMessage, encodeDhcpMessage } from '../../pxe/dhcp/dhcp-message-codec.ts';
import { encodeTypedOption, type TypedOption } from '../../pxe/typed-option-codec.ts';
import { type BootWire, makeBootWire, until } from './boot-wire.ts';

/** Options of subnet, class and machine as dhclient and udhcpc read them, and the leases as a relay asks for them. */
let wire: BootWire;
const hex = (option: TypedOption): string => {
  const value = encodeTypedOption(option);
  assert.ok(!isMalformed(value));
  return value.toString('hex');
};

before(async () => {
  wire = await makeBootWire({
    subnet: {
      options: {
        42: hex({ addresses: ['10.77.0.7', '10.77.0.8'] }),
        119: hex({ domains: ['eng.rack.test', 'rack.test'] }),
        121: hex({ routes: [{ to: '10.0.0.0/8', via: '10.77.0.254' }] }),
      },
    },
    model: {
      leaseQueriesFrom: ['10.77.0.2'],
      classes: [{ name: 'quiet', vendorClass: 'udhcp quiet*', options: { 66: hex({ text: 'files.rack.test' }) } }],
      hosts: [
        {
          nodeId: 'n1',
          name: 'm1',
          macs: ['52:54:00:77:00:01'],
          reservations: {},
          boot: { kind: 'hold', reason: 'test' },
          options: { 15: hex({ text: 'own.test' }) },
        },
      ],
    },
  });
  await wire.start();
});
after(() => wire.remove());

test('dhclient understands time servers, search list and routes, and the machine’s own domain', async () => {
  const leases = join(wire.directory, 'leases');
  const configuration = join(wire.directory, 'dhclient.conf');
  writeFileSync(
    configuration,
    'option rfc3442 code 121 = array of unsigned integer 8;\nrequest subnet-mask, domain-name, domain-search, ntp-servers, rfc3442;\n',
  );
  const files = ['-cf', configuration, '-lf', leases, '-pf', join(wire.directory, 'pid')];
  const { status, stderr } = await wire.client('dhclient', '-4', '-1', '-v', '-sf', '/bin/true', ...files, wire.clientInterface);
  assert.equal(status, 0, stderr);
  const lease = readFileSync(leases, 'utf8');
  assert.match(lease, /option ntp-servers 10\.77\.0\.7,10\.77\.0\.8;/);
  assert.match(lease, /option domain-search "eng\.rack\.test\.", "rack\.test\.";/);
  assert.match(lease, /option rfc3442 8,10,10,77,0,254;/);
  assert.match(lease, /option domain-name "own\.test";/);
});

test('udhcpc is told what its class is told, and the event names the class', async () => {
  const script = join(wire.directory, 'script');
  writeFileSync(script, '#!/bin/sh\nenv > "$(dirname "$0")/environment"\n', { mode: 0o755 });
  const args = ['-i', wire.clientInterface, '-n', '-q', '-f', '-t', '8', '-V', 'udhcp quiet 1', '-O', 'tftp', '-O', 'search', '-s', script];
  const { status, stderr } = await wire.client('udhcpc', ...args);
  assert.equal(status, 0, stderr);
  const environment = readFileSync(join(wire.directory, 'environment'), 'utf8');
  assert.match(environment, /^tftp=files\.rack\.test$/m);
  assert.match(environment, /^search=eng\.rack\.test rack\.test$/m);
  assert.deepEqual(wire.events().findLast((e) => e.kind === 'dhcp.ack')?.evidence?.['classes'], ['quiet']);
});

/** A relay's question from 10.77.0.2, which it gives as its giaddr. */
async function query(giaddr: string) {
  const none = { op: 1, htype: 1, hops: 0, xid: 7, secs: 0, flags: 0, ciaddr: 0, yiaddr: 0, siaddr: 0, sname: '', file: '' };
  const chaddr = macAddressToBytes(wire.clientMac);
  const options = new Map([[53, Buffer.from([10])]]);
  const { bytes } = encodeDhcpMessage({ ...none, giaddr: ipv4ToNumber(giaddr)!, chaddr, options }, 548);
  const ask = `const s = require('dgram').createSocket('udp4');
    s.on('message', (m) => { console.log(m.toString('hex')); s.close(); });
    s.bind(67, () => s.send(Buffer.from(process.argv[1], 'hex'), 67, '10.77.0.1'));`;
  const { stdout } = await wire.client('timeout', '3', process.execPath, '-e', ask, bytes.toString('hex'));
  return stdout.trim();
}

test('a relay that is allowed to learns who has which address; another is told nothing, and counted', async () => {
  for (const last of [2, 3]) await wire.client('ip', 'addr', 'add', `10.77.0.${last}/24`, 'dev', wire.clientInterface);
  const bound = await until('the lease', () => wire.stored().find((one) => one.state === 'bound' && one.mac === wire.clientMac));
  const answer = decodeDhcpMessage(Buffer.from(await query('10.77.0.2'), 'hex'));
  assert.ok(!isMalformed(answer));
  assert.deepEqual([answer.options.get(53)?.[0], ipv4FromNumber(answer.ciaddr)], [13, bound.ipAddress]);
  assert.equal(await query('10.77.0.3'), '');
  assert.equal((await wire.metrics())['dhcp.silence.lease-query-not-allowed'], 1);
});

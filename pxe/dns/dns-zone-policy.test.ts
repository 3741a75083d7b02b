import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { BootModel } from '../boot-model.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { indexModel } from '../model/model-index.ts';
import { DNS_TYPE, type DnsQuery, decodeDnsQuery, encodeDnsAnswer } from './dns-message-codec.ts';
import { answerDns } from './dns-zone-policy.ts';

const [FIRST, SECOND, ODD] = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:03'];
const host = (name: string, mac: string, more: object = {}) => ({
  nodeId: name,
  name,
  macs: [mac],
  reservations: {},
  boot: { kind: 'agent' as const, reason: 'test' },
  ...more,
});
const model: BootModel = {
  version: 1_700_000_000_000,
  bootSecret: '',
  subnets: [
    {
      id: 'a',
      cidr: '10.77.0.0/24',
      serverAddress: '10.77.0.1',
      dnsServers: [],
      domain: 'Rack.Test',
      pools: [],
      leaseSeconds: 600,
      routerAdvertisements: false,
      ipv6: {
        cidr: 'fd00:77::/64',
        serverAddress: 'fd00:77::1',
        dnsServers: [],
        ntpServers: [],
        domainSearch: [],
        pools: [],
        advertisement: { managed: true, otherConfiguration: true, routerLifetimeSeconds: 0 },
      },
    },
    {
      id: 'b',
      cidr: '10.78.0.0/20',
      serverAddress: '10.78.0.1',
      dnsServers: [],
      pools: [],
      leaseSeconds: 600,
      routerAdvertisements: false,
    },
  ],
  hosts: [
    host('Machine-1', FIRST, { reservations: { [FIRST]: '10.77.0.55' }, reservations6: { [FIRST]: 'fd00:77::55' } }),
    host('machine-2', SECOND),
    host('no name_for DNS', ODD, { reservations: { [ODD]: '10.77.0.66' } }),
  ],
  files: { agentKernel: '', agentRamdisk: '', agentCommandLine: '', ipxeDirectory: '', imageDirectory: '' },
};

function ask(name: string, type: keyof typeof DNS_TYPE, over: Partial<DnsQuery> = {}, nowMs = 1_000) {
  const leases = new LeaseTable(ipv4ToNumber);
  const lease = { mac: SECOND, subnetId: 'a', state: 'bound' as const, expiresAtMs: 5_000, sequence: 1 };
  leases.put({ ...lease, ipAddress: '10.77.0.100' });
  const query = { id: 1, opcode: 0, wantsRecursion: false, name, type: DNS_TYPE[type], class: 1, question: Buffer.alloc(0), ...over };
  const context = { index: indexModel(model), leases, leases6: new LeaseTable<string>((text) => text), nowMs };
  const answer = answerDns(query, context);
  const values = answer.answers.map((record) => ('value' in record ? record.value : record.type)).join(' ');
  const code = ['', 'format', '', 'no such name', 'not implemented', 'refused'][answer.code];
  return code || values || (answer.authority[0]?.type === 'soa' ? 'nothing of that kind' : 'nothing');
}

const REVERSE6 = `${'5.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.'.slice(0, -1)}.0.0.0.0.0.0.0.0.7.7.0.0.0.0.d.f.ip6.arpa`;
for (const [name, type, expected] of [
  ['machine-1.rack.test', 'a', '10.77.0.55'],
  ['machine-1.rack.test', 'aaaa', 'fd00:77::55'],
  ['machine-1.rack.test', 'any', '10.77.0.55 fd00:77::55'],
  ['machine-2.rack.test', 'a', '10.77.0.100'],
  ['machine-2.rack.test', 'aaaa', 'nothing of that kind'],
  ['machine-3.rack.test', 'a', 'no such name'],
  ['x.machine-1.rack.test', 'a', 'no such name'],
  ['rack.test', 'a', '10.77.0.1'],
  ['rack.test', 'soa', 'soa'],
  ['rack.test', 'ns', 'rack.test'],
  ['example.org', 'a', 'refused'],
  ['xrack.test', 'a', 'refused'],
  ['', 'ns', 'refused'],
  ['55.0.77.10.in-addr.arpa', 'ptr', 'machine-1.rack.test'],
  ['100.0.77.10.in-addr.arpa', 'ptr', 'machine-2.rack.test'],
  ['1.0.77.10.in-addr.arpa', 'ptr', 'rack.test'],
  ['66.0.77.10.in-addr.arpa', 'ptr', 'no such name'],
  ['77.0.77.10.in-addr.arpa', 'ptr', 'no such name'],
  ['0.77.10.in-addr.arpa', 'soa', 'soa'],
  ['5.78.10.in-addr.arpa', 'ptr', 'nothing of that kind'],
  ['5.5.78.10.in-addr.arpa', 'ptr', 'no such name'],
  ['55.0.99.10.in-addr.arpa', 'ptr', 'refused'],
  [REVERSE6, 'ptr', 'machine-1.rack.test'],
  [REVERSE6.replace(/^5/, '6'), 'ptr', 'no such name'],
  [REVERSE6.slice(8), 'ptr', 'nothing of that kind'],
] as const)
  test(`${type} of ${name}: ${expected}`, () => assert.equal(ask(name, type), expected));

test('a lease that ended has no name any more', () => {
  assert.equal(ask('machine-2.rack.test', 'a', {}, 6_000), 'nothing of that kind');
  assert.equal(ask('100.0.77.10.in-addr.arpa', 'ptr', {}, 6_000), 'no such name');
});

test('other classes and other operations than a question are turned down', () => {
  assert.equal(ask('rack.test', 'a', { class: 3 }), 'refused');
  assert.equal(ask('rack.test', 'a', { opcode: 5 }), 'not implemented');
});

const QUESTION = Buffer.from('1234010000010000000000010472616b6304746573740000010001' + '0000290200000000000000', 'hex');

test('the question comes back with the case of its letters; its size limit counts', () => {
  const query = decodeDnsQuery(QUESTION);
  assert.ok(!isMalformed(query));
  assert.deepEqual([query.name, query.udpBytes, query.wantsRecursion], ['rakc.test', 512, true]);
  const answers = Array.from({ length: 40 }, () => ({ type: 'a' as const, name: 'rakc.test', value: '10.0.0.1' }));
  const answer = { code: 0, isAuthoritative: true, answers, authority: [] };
  const cut = encodeDnsAnswer(query, answer, 'udp');
  assert.ok(cut.length <= 512);
  assert.equal(cut.readUInt16BE(2) & 0x0200, 0x0200, 'truncated');
  assert.equal(encodeDnsAnswer(query, answer, 'tcp').readUInt16BE(6), 40);
});

for (const [what, hex] of [
  ['a header cut short', '1234'],
  ['an answer', '1234810000010000000000000000010001'],
  ['no question', '123401000000000000000000'],
  ['a name that points to itself', '123401000001000000000000c00c00010001'],
  ['a name without an end', '1234010000010000000000000461'],
  ['a question cut short', '123401000001000000000000000001'],
] as const)
  test(`${what} is malformed`, () => assert.ok(isMalformed(decodeDnsQuery(Buffer.from(hex, 'hex')))));

test('no bytes make the decoder or the zone throw', () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      const query = decodeDnsQuery(Buffer.concat([QUESTION.subarray(0, 12), Buffer.from(bytes)]));
      if (!isMalformed(query)) ask(query.name, 'any', query);
    }),
  ));

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import type { BootModel, LeaseRecord } from '../boot-model.ts';
import { encodeUint32, MESSAGE_TYPE, OPTION } from '../dhcp/dhcp-option-codec.ts';
import { answerDhcp } from '../dhcp/dhcp-policy.ts';
import { encodeIaNa, MESSAGE6, OPTION6 } from '../dhcp6/dhcp6-option-codec.ts';
import { answerDhcp6 } from '../dhcp6/dhcp6-policy.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { indexModel } from '../model/model-index.ts';
import { SHARE_VALID_MS, slotOf, SLOTS } from '../network-share.ts';
import { AnswerBook } from './answer-book.ts';
import { clientHash, STAND_IN_REQUESTS } from './answer-share-policy.ts';
import { LeaseSharing } from './lease-sharing.ts';

const [SELF, PEER] = ['10.77.0.1', '10.77.0.2'] as const;
const PEER_DUID = '0004ffffffffffffffffffffffffffffffff';
const NOW = 1_790_000_000_000;
const model: BootModel = {
  version: 1,
  bootSecret: '',
  subnets: [
    {
      id: 'boot',
      cidr: '10.77.0.0/24',
      interface: 'boot0',
      serverAddress: SELF,
      dnsServers: [],
      pools: [],
      discoveryPool: ['10.77.0.100', '10.77.0.199'],
      leaseSeconds: 600,
      routerAdvertisements: false,
      ipv6: {
        cidr: 'fd00:77::/64',
        serverAddress: 'fd00:77::1',
        dnsServers: [],
        ntpServers: [],
        domainSearch: [],
        pools: [],
        discoveryPool: ['fd00:77::1000', 'fd00:77::1fff'],
        advertisement: { managed: true, otherConfiguration: true, routerLifetimeSeconds: 0 },
      },
    },
  ],
  hosts: [],
  files: { agentKernel: '', agentRamdisk: '', agentCommandLine: '', ipxeDirectory: '', imageDirectory: '' },
};
const slots = Array.from({ length: SLOTS }, (_, slot) => (slot % 2 === 0 ? SELF : PEER));
const macs = Array.from({ length: 40 }, (_, at) => `52:54:00:00:00:${at.toString(16).padStart(2, '0')}`);
const ours = macs.find((mac) => clientHash(mac) % 2 === 0)!;
const theirs = macs.find((mac) => clientHash(mac) % 2 === 1)!;

/** This server, with another on its network, which is alive unless the test says otherwise. */
function server(options: { isAlive?: boolean; validUntilMs?: number } = {}) {
  const records: LeaseRecord[] = [];
  const sharing = new LeaseSharing(() => records);
  sharing.setShares([
    { subnetId: 'boot', epoch: 1, self: SELF, members: [SELF, PEER], slots, validUntilMs: options.validUntilMs ?? NOW + SHARE_VALID_MS },
  ]);
  const [leases, leases6] = [new LeaseTable(ipv4ToNumber, sharing), new LeaseTable<string>((text) => text, sharing)];
  const answers = new AnswerBook(sharing, { isAlive: () => options.isAlive ?? true, hasDuid: (_subnet, duid) => duid === PEER_DUID });
  const common = { index: indexModel(model), interface: 'boot0', httpPort: 8080, nowMs: NOW, answers };
  const bound = (mac: string, ipAddress: string): void => {
    const record: LeaseRecord = { ipAddress, mac, subnetId: 'boot', state: 'bound', expiresAtMs: NOW + 1000, sequence: 1 };
    (ipAddress.includes(':') ? leases6 : leases).put(record);
  };
  const ask = (
    type: keyof typeof MESSAGE_TYPE,
    mac: string,
    given: { secs?: number; ciaddr?: string; server?: string; wants?: string } = {},
  ) => {
    const named = [
      [OPTION.requestedAddress, given.wants],
      [OPTION.serverIdentifier, given.server],
    ] as const;
    const decision = answerDhcp(
      {
        op: 1,
        htype: 1,
        hops: 0,
        xid: 7,
        secs: given.secs ?? 0,
        flags: 0,
        ciaddr: given.ciaddr === undefined ? 0 : ipv4ToNumber(given.ciaddr)!,
        yiaddr: 0,
        siaddr: 0,
        giaddr: 0,
        chaddr: macAddressToBytes(mac),
        sname: '',
        file: '',
        options: new Map([
          [OPTION.messageType, Buffer.from([MESSAGE_TYPE[type]])],
          ...named.flatMap(([code, text]) => (text === undefined ? [] : [[code, encodeUint32(ipv4ToNumber(text)!)] as const])),
        ]),
      },
      { ...common, leases },
    );
    return decision.kind === 'silence' ? decision.reason : decision;
  };
  const ask6 = (type: keyof typeof MESSAGE6, mac: string, given: { elapsed?: number; duid?: string; address?: string } = {}) => {
    const addresses = given.address === undefined ? [] : [{ address: given.address, preferredSeconds: 0, validSeconds: 0 }];
    const elapsed = Buffer.alloc(2);
    elapsed.writeUInt16BE(given.elapsed ?? 0);
    const options = [
      [OPTION6.clientId, Buffer.concat([Buffer.from('00030001', 'hex'), macAddressToBytes(mac)])],
      [OPTION6.iaNa, encodeIaNa({ iaid: 7, t1: 0, t2: 0, addresses })],
      [OPTION6.elapsedTime, elapsed],
      ...(given.duid === undefined ? [] : [[OPTION6.serverId, Buffer.from(given.duid, 'hex')] as const]),
    ] as const;
    const packet = { relays: [], message: { type: MESSAGE6[type], transaction: 1, options } };
    const decision = answerDhcp6(packet, { ...common, leases: leases6, source: 'fe80::1' });
    return decision.kind === 'silence' ? decision.reason : decision;
  };
  return { ask, ask6, bound, answers };
}
const why = (decision: string | { readonly why: string }) => (typeof decision === 'string' ? decision : decision.why);

test('each server answers its own part, and the other’s when that does not', () => {
  const { ask, ask6, answers } = server();
  assert.doesNotMatch(why(ask('discover', ours)), /in place/);
  assert.equal(ask('discover', theirs), 'left-to-peer');
  assert.match(why(ask('discover', theirs, { secs: 3 })), /in place of boot server 10\.77\.0\.2, which does not answer/);
  for (let request = 0; request < STAND_IN_REQUESTS; request += 1) answers.noteLeft(theirs, NOW);
  assert.match(why(ask('discover', theirs)), /in place of boot server 10\.77\.0\.2/);
  assert.match(why(ask6('solicit', theirs)), /in place of boot server 10\.77\.0\.2/);
  answers.noteChosen(theirs);
  assert.equal(ask('discover', theirs), 'left-to-peer');
  assert.equal(ask6('solicit', theirs), 'left-to-peer');
  assert.match(why(ask6('solicit', theirs, { elapsed: 300 })), /in place of/);
  assert.match(why(server({ isAlive: false }).ask('discover', theirs)), /in place of/);
  assert.match(why(server({ isAlive: false }).ask6('solicit', theirs)), /in place of/);
});

test('who chose the other server met no stranger of a server', () => {
  const { ask, ask6 } = server();
  assert.equal(ask('request', ours, { server: PEER, wants: '10.77.0.101' }), 'peer-chosen');
  assert.equal(ask('request', ours, { server: '10.77.0.9', wants: '10.77.0.101' }), 'other-server-chosen');
  assert.equal(ask6('request', ours, { duid: PEER_DUID }), 'peer-chosen');
  assert.equal(ask6('request', ours, { duid: '0004aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }), 'other-server-chosen');
});

test('a stranger gets an address out of this server’s slots, and keeps one of the other’s that it has', () => {
  const { ask, ask6, bound } = server();
  const offer = ask('discover', ours);
  assert.ok(typeof offer === 'object' && offer.kind === 'reply');
  assert.equal(slots[slotOf(offer.message.yiaddr)], SELF);
  const [address = ''] = [100, 101].map((last) => `10.77.0.${last}`).filter((text) => slots[slotOf(ipv4ToNumber(text)!)] === PEER);
  assert.equal(ask('request', theirs, { ciaddr: address }), 'address-of-peer', 'nobody said here that it has it');
  bound(theirs, address);
  const ack = ask('request', theirs, { ciaddr: address });
  assert.ok(typeof ack === 'object' && ack.kind === 'reply' && ack.type === 'ack');
  assert.equal(ipv4FromNumber(ack.message.yiaddr), address);
  const address6 = ['fd00:77::1000', 'fd00:77::1001'].find(
    (text) => slots[slotOf(BigInt(`0x${text.slice(-4)}`) + (0xfd000077n << 96n))] === PEER,
  )!;
  assert.equal(ask6('rebind', theirs, { address: address6 }), 'address-of-peer');
  bound(theirs, address6);
  assert.match(why(ask6('rebind', theirs, { address: address6 })), /goes on with/);
});

test('a server that the control plane has not heard of for more than a day gives nothing but reservations', () => {
  const { ask, bound } = server({ validUntilMs: NOW });
  assert.equal(ask('discover', ours), 'pool-exhausted');
  bound(ours, '10.77.0.100');
  assert.equal(ask('request', ours, { ciaddr: '10.77.0.100' }), 'address-of-peer');
  const { ask: dayAfter } = server({ validUntilMs: NOW - 24 * 60 * 60 * 1000 + SHARE_VALID_MS });
  assert.equal(typeof dayAfter('discover', ours), 'object');
});

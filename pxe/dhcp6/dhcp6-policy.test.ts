import assert from 'node:assert/strict';
import test from 'node:test';
import { isMalformed } from '../../core/base/malformed.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import type { BootModel, LeaseRecord } from '../boot-model.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { createMutator, MUTATE_ROUNDS } from '../../core/base/mutate-packets.ts';
import { indexModel } from '../model/model-index.ts';
import { decodeDhcp6Packet, type Dhcp6Options, type Dhcp6Packet, type Dhcp6Relay, encodeDhcp6Packet } from './dhcp6-message-codec.ts';
import {
  decodeIaNa,
  encodeIaNa,
  encodeTexts,
  encodeUint16,
  encodeVendorClass6,
  type IdentityAssociation,
  MESSAGE6,
  option6,
  OPTION6,
  STATUS6,
} from './dhcp6-option-codec.ts';
import { answerDhcp6, type Dhcp6Reply, type Dhcp6Silence } from './dhcp6-policy.ts';
import { serverDuid } from './dhcp6-reply-policy.ts';

const KNOWN = '52:54:00:00:00:01';
const RESERVED = '52:54:00:00:00:02';
const STRANGER = '52:54:00:00:00:99';
const NOW = 1_000_000;

const model: BootModel = {
  version: 1,
  bootSecret: 'c2VjcmV0',
  subnets: [
    {
      id: 'a',
      cidr: '10.77.0.0/24',
      interface: 'boot0',
      serverAddress: '10.77.0.1',
      dnsServers: [],
      pools: [],
      leaseSeconds: 600,
      routerAdvertisements: true,
      ipv6: {
        cidr: 'fd00:77::/64',
        serverAddress: 'fd00:77::1',
        dnsServers: ['fd00:77::53'],
        ntpServers: ['fd00:77::123'],
        domainSearch: ['rack.test'],
        pools: [['fd00:77::1000', 'fd00:77::10ff']],
        discoveryPool: ['fd00:77::2000', 'fd00:77::2003'],
        advertisement: { managed: true, otherConfiguration: true, routerLifetimeSeconds: 0 },
      },
    },
  ],
  hosts: [
    { nodeId: 'n1', name: 'm1', macs: [KNOWN], reservations: {}, boot: { kind: 'agent', reason: 'test' } },
    {
      nodeId: 'n2',
      name: 'm2',
      macs: [RESERVED],
      reservations: {},
      reservations6: { [RESERVED]: 'fd00:77::1055' },
      boot: { kind: 'agent', reason: 'test' },
    },
  ],
  files: { agentKernel: '', agentRamdisk: '', agentCommandLine: '', ipxeDirectory: '', imageDirectory: '' },
};

const duidOf = (mac: string) => Buffer.concat([Buffer.from('00030001', 'hex'), macAddressToBytes(mac)]);
const DUID_UUID = Buffer.from('000400112233445566778899aabbccddeeff', 'hex');

interface Ask {
  readonly mac?: string;
  readonly duid?: Buffer | null;
  readonly address?: string | null;
  readonly server?: boolean | Buffer;
  readonly options?: Dhcp6Options;
  readonly relays?: readonly Dhcp6Relay[];
  readonly source?: string;
  readonly interface?: string;
  readonly nowMs?: number;
}

/** A server for one test: applies what the policy decides, as the real one does. */
function rack(boot: BootModel = model) {
  const leases = new LeaseTable<string>((text) => text);
  const index = indexModel(boot);
  let sequence = 0;
  const packetOf = (type: keyof typeof MESSAGE6, a: Ask): Dhcp6Packet => {
    const options: (readonly [number, Buffer])[] = [];
    const duid = a.duid === undefined ? duidOf(a.mac ?? KNOWN) : a.duid;
    if (duid) options.push([OPTION6.clientId, duid]);
    if (a.server) options.push([OPTION6.serverId, a.server === true ? serverDuid(index.serverUuid) : a.server]);
    const addresses = a.address ? [{ address: a.address, preferredSeconds: 0, validSeconds: 0 }] : [];
    if (a.address !== null) options.push([OPTION6.iaNa, encodeIaNa({ iaid: 7, t1: 0, t2: 0, addresses })]);
    options.push(...(a.options ?? []));
    const relays = a.relays ?? [];
    return {
      relays,
      ...(relays.length === 0 ? {} : { envelope: 'forward' as const }),
      message: { type: MESSAGE6[type], transaction: 0xabcdef, options },
    };
  };
  const decide = (packet: Dhcp6Packet, a: Ask): Dhcp6Reply | Dhcp6Silence => {
    const nowMs = a.nowMs ?? NOW;
    const { interface: name = 'boot0', source = 'fe80::1' } = a;
    const decision = answerDhcp6(packet, { index, leases, interface: name === '' ? undefined : name, source, httpPort: 8080, nowMs });
    for (const draft of decision.leases) leases.put({ ...draft, sequence: ++sequence } as LeaseRecord);
    if (decision.kind === 'reply' && decision.hold) leases.hold(decision.hold, decision.facts.mac, nowMs);
    return decision;
  };
  const ask = (type: keyof typeof MESSAGE6, a: Ask = {}): Dhcp6Reply => {
    const decision = decide(packetOf(type, a), a);
    assert.equal(decision.kind, 'reply', decision.why);
    return decision as Dhcp6Reply;
  };
  const quiet = (type: keyof typeof MESSAGE6, a: Ask = {}): string => {
    const decision = decide(packetOf(type, a), a);
    return decision.kind === 'silence' ? decision.reason : `${decision.type}: ${decision.why}`;
  };
  return { leases, ask, quiet, decide, packetOf };
}

const association = (reply: Dhcp6Reply): IdentityAssociation => {
  const decoded = decodeIaNa(option6(reply.packet.message.options, OPTION6.iaNa)!);
  assert.ok(!isMalformed(decoded));
  return decoded;
};
const addressOf = (reply: Dhcp6Reply) => association(reply).addresses[0]?.address;
const statusOf = (reply: Dhcp6Reply) => option6(reply.packet.message.options, OPTION6.statusCode)?.readUInt16BE(0);
const textOf = (reply: Dhcp6Reply, code: number) => option6(reply.packet.message.options, code)?.toString('latin1');

test('SOLICIT, REQUEST, RENEW, RELEASE: one address, durable from the REPLY on', () => {
  const { leases, ask } = rack();
  const offer = ask('solicit');
  assert.equal(offer.type, 'advertise');
  assert.equal(offer.leases.length, 0);
  const address = addressOf(offer)!;
  assert.match(address, /^fd00:77::10[0-9a-f]{2}$/);
  const reply = ask('request', { server: true, address });
  assert.equal(addressOf(reply), address);
  assert.deepEqual(association(reply).addresses, [{ address, preferredSeconds: 600, validSeconds: 600 }]);
  assert.deepEqual([association(reply).t1, association(reply).t2], [300, 480]);
  assert.equal(leases.lease(address)?.expiresAtMs, NOW + 600_000);
  ask('renew', { server: true, address, nowMs: NOW + 300_000 });
  assert.equal(leases.lease(address)?.expiresAtMs, NOW + 900_000);
  ask('rebind', { address, nowMs: NOW + 480_000 });
  assert.equal(leases.lease(address)?.expiresAtMs, NOW + 1_080_000);
  assert.equal(statusOf(ask('release', { server: true, address, nowMs: NOW + 500_000 })), STATUS6.success);
  assert.equal(leases.lease(address)?.state, 'released');
  assert.equal(addressOf(ask('solicit', { nowMs: NOW + 600_000 })), address, 'a machine that comes back finds its address');
});

test('rapid commit is one exchange, and its lease is written down', () => {
  const reply = rack().ask('solicit', { options: [[OPTION6.rapidCommit, Buffer.alloc(0)]] });
  assert.equal(reply.type, 'reply');
  assert.equal(reply.leases[0]?.state, 'bound');
  assert.notEqual(option6(reply.packet.message.options, OPTION6.rapidCommit), undefined);
});

test('firmware, iPXE and system of one machine share one address, however each names itself', () => {
  const { ask } = rack();
  const eui = 'fe80::5054:ff:fe00:2';
  const firmware = ask('solicit', { mac: RESERVED, duid: DUID_UUID, source: eui });
  assert.equal(firmware.host?.name, 'm2');
  assert.equal(addressOf(firmware), 'fd00:77::1055');
  assert.equal(addressOf(ask('solicit', { mac: RESERVED })), 'fd00:77::1055');
  const relays = [{ hops: 0, link: 'fd00:77::1', peer: 'fe80::abcd', options: [[79, Buffer.from('0001525400000002', 'hex')]] as const }];
  assert.equal(addressOf(ask('solicit', { duid: DUID_UUID, relays })), 'fd00:77::1055');
});

test('the DUID of another port of the machine does not hide the port that asks', () => {
  const { ask } = rack();
  const reply = ask('solicit', { duid: duidOf(STRANGER), source: 'fe80::5054:ff:fe00:1' });
  assert.equal(reply.facts.mac, KNOWN);
});

test('a client that nothing names is not answered, nor one that breaks the rules of its message', () => {
  const { quiet } = rack();
  assert.equal(quiet('solicit', { duid: DUID_UUID, source: 'fe80::aaaa' }), 'no-link-layer-address');
  assert.equal(quiet('solicit', { duid: null, source: 'fe80::5054:ff:fe00:1' }), 'unusable-request');
  assert.equal(quiet('solicit', { server: true }), 'unusable-request');
  assert.equal(quiet('request', { address: 'fd00:77::1000' }), 'unusable-request');
  assert.equal(quiet('informationRequest', {}), 'unusable-request');
  assert.equal(quiet('confirm', {}), 'unusable-request');
  assert.equal(quiet('advertise'), 'not-a-request');
  assert.equal(quiet('reconfigure'), 'not-a-request');
  assert.equal(quiet('request', { server: Buffer.from('000300019999', 'hex') }), 'other-server-chosen');
  assert.equal(quiet('solicit', { interface: 'other0' }), 'no-subnet');
  assert.equal(quiet('solicit', { interface: '', source: 'fd00:99::1' }), 'no-subnet');
  assert.match(quiet('solicit', { interface: '', source: 'fd00:77::2' }), /^advertise/);
  assert.equal(quiet('solicit', { relays: [{ hops: 0, link: 'fd00:99::1', peer: 'fe80::1', options: [] }] }), 'no-subnet');
  assert.equal(quiet('rebind', { mac: STRANGER, address: 'fd00:77::1001' }), 'no-record-of-client');
});

test('CONFIRM tells a machine that moved from one that stayed', () => {
  const { ask } = rack();
  assert.equal(statusOf(ask('confirm', { address: 'fd00:77::1000' })), STATUS6.success);
  assert.equal(statusOf(ask('confirm', { address: 'fd00:88::1000' })), STATUS6.notOnLink);
});

test('an address of another network is taken back, one that is another’s is not bound', () => {
  const { ask } = rack();
  const moved = association(ask('renew', { server: true, address: 'fd00:88::5' }));
  assert.deepEqual(moved.addresses, [{ address: 'fd00:88::5', preferredSeconds: 0, validSeconds: 0 }]);
  assert.equal(association(ask('renew', { server: true, address: 'fd00:77::1055' })).status?.code, STATUS6.noBinding);
});

test('a declined address is set aside for an hour, and a client that declines everything is not served', () => {
  const { ask, quiet, leases } = rack();
  for (let i = 0; i < 8; i += 1) {
    const address = addressOf(ask('request', { server: true }))!;
    assert.equal(statusOf(ask('decline', { server: true, address })), STATUS6.success);
    assert.equal(leases.lease(address)?.state, 'declined');
  }
  assert.equal(quiet('solicit'), 'declines-too-often');
  assert.match(quiet('solicit', { nowMs: NOW + 3_600_001 }), /^advertise/);
});

test('a pool of four serves four strangers, and tells the fifth', () => {
  const { ask } = rack();
  const given = [1, 2, 3, 4].map((n) => addressOf(ask('request', { mac: `52:54:00:00:01:0${n}`, server: true })));
  assert.equal(new Set(given).size, 4);
  const fifth = ask('solicit', { mac: '52:54:00:00:01:05' });
  assert.equal(association(fifth).status?.code, STATUS6.noAddrsAvail);
  assert.equal(fifth.severity, 'warning');
  assert.deepEqual(fifth.exhausted, ['fd00:77::2000']);
});

test('who boots gets the file for its architecture, iPXE its script', () => {
  const { ask } = rack();
  const arch = (code: number): [number, Buffer] => [OPTION6.clientArchitecture, encodeUint16(code)];
  const pxe = ask('solicit', { options: [arch(7), [OPTION6.vendorClass, encodeVendorClass6(343, 'PXEClient:Arch:00007')]] });
  assert.equal(textOf(pxe, OPTION6.bootFileUrl), 'tftp://[fd00:77::1]/snponly.efi');
  const http = ask('solicit', { options: [arch(16), [OPTION6.vendorClass, encodeVendorClass6(343, 'HTTPClient:Arch:00016')]] });
  assert.equal(textOf(http, OPTION6.bootFileUrl), 'http://[fd00:77::1]:8080/boot/snponly.efi');
  assert.match(textOf(http, OPTION6.vendorClass)!, /HTTPClient$/);
  const ipxe = ask('solicit', { options: [arch(7), [OPTION6.userClass, encodeTexts(['iPXE'])]] });
  assert.match(textOf(ipxe, OPTION6.bootFileUrl)!, /^http:\/\/\[fd00:77::1\]:8080\/boot\/ipxe\?mac=52:54:00:00:00:01&/);
  const system = ask('informationRequest', { address: null });
  assert.equal(textOf(system, OPTION6.bootFileUrl), undefined);
  assert.equal(option6(system.packet.message.options, OPTION6.dnsServers)?.toString('hex'), 'fd000077000000000000000000000053');
  assert.equal(option6(system.packet.message.options, OPTION6.informationRefreshTime)?.readUInt32BE(0), 600);
});

test('a relayed answer is in the envelopes of its request, with their interface identifiers', () => {
  const relays = [
    { hops: 1, link: '::', peer: 'fd00:99::1', options: [[OPTION6.interfaceId, Buffer.from('out')]] as const },
    {
      hops: 0,
      link: 'fd00:77::2',
      peer: 'fe80::5054:ff:fe00:1',
      options: [
        [OPTION6.interfaceId, Buffer.from('in')],
        [37, Buffer.alloc(8)],
      ] as const,
    },
  ];
  const { packet } = rack().ask('solicit', { relays, interface: 'elsewhere' });
  assert.equal(packet.envelope, 'reply');
  assert.deepEqual(packet.relays, [relays[0], { ...relays[1]!, options: [[OPTION6.interfaceId, Buffer.from('in')]] }]);
});

test('prefixes and temporary addresses are refused by name', () => {
  const value = Buffer.from('000000090000000000000000', 'hex');
  const { packet } = rack().ask('solicit', {
    options: [
      [OPTION6.iaPd, value],
      [OPTION6.iaTa, value.subarray(0, 4)],
    ],
  });
  assert.equal(option6(packet.message.options, OPTION6.iaPd)?.readUInt16BE(16), STATUS6.noPrefixAvail);
  assert.equal(option6(packet.message.options, OPTION6.iaTa)?.readUInt16BE(8), STATUS6.noAddrsAvail);
});

test('mutated packets are answered, refused or malformed, and what is sent can be read', () => {
  const { decide, packetOf, leases } = rack();
  const relays = [
    { hops: 0, link: 'fd00:77::2', peer: 'fe80::5054:ff:fe00:1', options: [[79, Buffer.from('0001525400000001', 'hex')]] as const },
  ];
  const golden = (['solicit', 'request', 'renew', 'rebind', 'confirm', 'release', 'decline'] as const).flatMap((type) => {
    const server = !['solicit', 'rebind', 'confirm'].includes(type);
    return [
      packetOf(type, { server, address: 'fd00:77::1010' }),
      packetOf(type, {
        server,
        relays,
        options: [
          [OPTION6.userClass, encodeTexts(['iPXE'])],
          [OPTION6.clientArchitecture, encodeUint16(7)],
        ],
      }),
    ];
  });
  const mutator = createMutator(golden.map(encodeDhcp6Packet), 6);
  let answered = 0;
  for (let round = 0; round < MUTATE_ROUNDS; round += 1) {
    const packet = decodeDhcp6Packet(mutator.next());
    if (isMalformed(packet)) continue;
    const decision = decide(packet, { nowMs: NOW + round });
    if (decision.kind === 'silence') continue;
    answered += 1;
    assert.ok(!isMalformed(decodeDhcp6Packet(encodeDhcp6Packet(decision.packet))));
  }
  assert.ok(answered > 0);
  assert.ok(leases.size <= 256 + 4, 'no more leases than the pools have addresses');
});

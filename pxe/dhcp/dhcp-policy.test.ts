import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import type { BootModel, BootSubnet, LeaseRecord } from '../boot-model.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { indexModel } from '../model/model-index.ts';
import type { DhcpMessage } from './dhcp-message-codec.ts';
import { encodeUint32, MESSAGE_TYPE, OPTION } from './dhcp-option-codec.ts';
import { encodeRelayParts } from './relay-information-codec.ts';
import type { DhcpReply, DhcpSilence } from './dhcp-exchange.ts';
import { answerDhcp } from './dhcp-policy.ts';

const KNOWN = '52:54:00:00:00:01';
const RESERVED = '52:54:00:00:00:02';
const STRANGER = '52:54:00:00:00:99';
const NOW = 1_000_000;
const ip = (text: string) => ipv4ToNumber(text)!;

const subnet = (over: Partial<BootSubnet> = {}): BootSubnet => ({
  id: 'a',
  cidr: '10.77.0.0/24',
  interface: 'boot0',
  serverAddress: '10.77.0.1',
  gateway: '10.77.0.254',
  dnsServers: ['10.77.0.1'],
  pools: [['10.77.0.50', '10.77.0.59']],
  discoveryPool: ['10.77.0.100', '10.77.0.109'],
  leaseSeconds: 600,
  routerAdvertisements: false,
  ...over,
});

const model = (
  subnets: BootSubnet[] = [
    subnet(),
    subnet({
      id: 'b',
      cidr: '10.78.0.0/24',
      interface: undefined as never,
      serverAddress: '10.77.0.1',
      pools: [['10.78.0.50', '10.78.0.59']],
      discoveryPool: ['10.78.0.100', '10.78.0.109'],
    }),
  ],
): BootModel => ({
  version: 1,
  subnets,
  bootSecret: '',
  hosts: [
    { nodeId: 'n1', name: 'rack1-m1', macs: [KNOWN], reservations: {}, boot: { kind: 'agent', reason: 'test' } },
    {
      nodeId: 'n2',
      name: 'rack1-m2',
      macs: [RESERVED],
      reservations: { [RESERVED]: '10.77.0.55' },
      boot: { kind: 'disk', reason: 'test' },
    },
  ],
  files: { agentKernel: '', agentRamdisk: '', agentCommandLine: '', ipxeDirectory: '', imageDirectory: '' },
});

interface Ask {
  type: keyof typeof MESSAGE_TYPE;
  mac?: string;
  options?: [number, Buffer][];
  header?: Partial<DhcpMessage>;
  interface?: string;
  nowMs?: number;
}

/** A server for one test: applies what the policy decides, as the real one does. */
function rack(boot: BootModel = model()) {
  const leases = new LeaseTable(ipv4ToNumber);
  let sequence = 0;
  let index = indexModel(boot);
  const put = (draft: Omit<LeaseRecord, 'sequence'>) => leases.put({ ...draft, sequence: ++sequence });
  const ask = (a: Ask): DhcpReply | DhcpSilence => {
    const mac = a.mac ?? KNOWN;
    const nowMs = a.nowMs ?? NOW;
    const decision = answerDhcp(
      {
        op: 1,
        htype: 1,
        hops: 0,
        xid: 7,
        secs: 0,
        flags: 0,
        ciaddr: 0,
        yiaddr: 0,
        siaddr: 0,
        giaddr: 0,
        chaddr: macAddressToBytes(mac),
        sname: '',
        file: '',
        options: new Map([[OPTION.messageType, Buffer.from([MESSAGE_TYPE[a.type]])], ...(a.options ?? [])]),
        ...a.header,
      },
      { index, leases, interface: a.interface ?? 'boot0', httpPort: 8080, nowMs },
    );
    if (decision.kind === 'reply' && decision.hold !== undefined) leases.hold(decision.hold, mac, nowMs);
    if (decision.kind === 'silence' && decision.exhausted) leases.noteExhausted(decision.exhausted, nowMs);
    for (const lease of decision.leases) put(lease);
    return decision;
  };
  const reply = (a: Ask): DhcpReply => {
    const decision = ask(a);
    assert.equal(decision.kind, 'reply', decision.why);
    return decision as DhcpReply;
  };
  const silence = (a: Ask): DhcpSilence => {
    const decision = ask(a);
    assert.equal(decision.kind, 'silence', decision.why);
    return decision as DhcpSilence;
  };
  const select = (address: number, server = '10.77.0.1'): [number, Buffer][] => [
    [OPTION.requestedAddress, encodeUint32(address)],
    [OPTION.serverIdentifier, encodeUint32(ip(server))],
  ];
  const bind = (mac: string): number => {
    const { yiaddr } = reply({ type: 'discover', mac }).message;
    assert.equal(reply({ type: 'request', mac, options: select(yiaddr) }).type, 'ack');
    return yiaddr;
  };
  return { leases, ask, reply, silence, select, bind, put, replace: (next: BootModel) => (index = indexModel(next)) };
}

const text = (reply: DhcpReply, code: number) => reply.message.options.get(code)?.toString('latin1');
const requested = (address: string): [number, Buffer][] => [[OPTION.requestedAddress, encodeUint32(ip(address))]];

test('known, reserved and strange machines get addresses from where they belong', () => {
  const r = rack();
  assert.match(ipv4FromNumber(r.bind(KNOWN)), /^10\.77\.0\.5\d$/);
  assert.equal(ipv4FromNumber(r.bind(RESERVED)), '10.77.0.55');
  assert.match(ipv4FromNumber(r.bind(STRANGER)), /^10\.77\.0\.10\d$/);
});

test('a client keeps its address: after expiry, after release, and with the whole table lost', () => {
  const r = rack();
  const address = r.bind(KNOWN);
  assert.equal(r.reply({ type: 'discover', nowMs: NOW + 10_000_000 }).message.yiaddr, address);
  assert.equal(r.silence({ type: 'release', header: { ciaddr: address } }).reason, 'released');
  assert.equal(r.reply({ type: 'discover' }).message.yiaddr, address);
  assert.equal(rack().bind(KNOWN), address);
});

test('a full pool is told, and a reserved address is never handed to another', () => {
  const r = rack();
  const seen = new Set<number>();
  for (let i = 0; i < 10; i += 1) seen.add(r.bind(`52:54:00:00:02:0${i}`));
  assert.equal(seen.size, 10);
  const full = r.silence({ type: 'discover', mac: STRANGER });
  assert.equal(full.reason, 'pool-exhausted');
  assert.match(full.why, /enlarge/);
  assert.equal(r.reply({ type: 'discover', mac: RESERVED }).message.yiaddr, ip('10.77.0.55'));
});

test('a machine with an instance gets the way to its metadata, others the network’s own options', () => {
  const routed = model([subnet({ options: { 121: '00' }, instanceOptions: { 121: '01' } })]);
  const [first, ...others] = routed.hosts;
  const r = rack({ ...routed, hosts: [{ ...first!, hasInstance: true }, ...others] });
  const routes = (mac: string) => r.reply({ type: 'discover', mac }).message.options.get(121)?.toString('hex');
  assert.deepEqual([routes(first!.macs[0]!), routes(RESERVED), routes(STRANGER)], ['01', '00', '00']);
});

test('two strangers are not offered one address', () => {
  const r = rack(model([subnet({ discoveryPool: ['10.77.0.100', '10.77.0.101'] })]));
  const first = r.reply({ type: 'discover', mac: STRANGER }).message.yiaddr;
  const second = r.reply({ type: 'discover', mac: '52:54:00:00:00:98' }).message.yiaddr;
  assert.notEqual(first, second);
  assert.equal(r.silence({ type: 'discover', mac: '52:54:00:00:00:97' }).reason, 'pool-exhausted');
  assert.equal(r.reply({ type: 'discover', mac: '52:54:00:00:00:97', nowMs: NOW + 61_000 }).type, 'offer');
});

test('strangers get neither offer nor NAK where discovery is off', () => {
  const { discoveryPool: _, ...closed } = subnet();
  const r = rack(model([closed]));
  for (const ask of [
    { type: 'discover' },
    { type: 'request', options: requested('192.168.1.5') },
    { type: 'request', header: { ciaddr: ip('192.168.1.5') } },
    { type: 'inform' },
  ] as Ask[])
    assert.equal(r.silence({ ...ask, mac: STRANGER }).reason, 'stranger-not-answered');
});

test('a machine on a network that was taken from us is not answered, others are', () => {
  const r = rack({ ...model(), withdrawnMacs: [RESERVED] });
  for (const type of ['discover', 'request', 'inform'] as const)
    assert.equal(r.silence({ type, mac: RESERVED }).reason, 'network-withdrawn');
  assert.equal(r.reply({ type: 'discover', mac: KNOWN }).type, 'offer');
});

test('REQUEST in every state of RFC 2131 §4.3.2', () => {
  const r = rack();
  const address = r.bind(KNOWN);
  const other = r.bind(STRANGER);
  const type = (ask: Omit<Ask, 'type'>) => {
    const d = r.ask({ ...ask, type: 'request' });
    return d.kind === 'reply' ? d.type : d.reason;
  };
  const init = (a: string | number) => [[OPTION.requestedAddress, encodeUint32(typeof a === 'string' ? ip(a) : a)]] as [number, Buffer][];
  assert.equal(type({ options: r.select(address, '10.77.0.9') }), 'other-server-chosen');
  assert.equal(type({ options: r.select(other) }), 'nak', 'SELECTING another client’s address');
  assert.equal(type({ options: init(address) }), 'ack', 'INIT-REBOOT with its own');
  assert.equal(type({ options: init('10.77.0.51') }), 'nak', 'INIT-REBOOT with another than its own');
  assert.equal(type({ options: init('192.168.7.7') }), 'nak', 'INIT-REBOOT on the wrong network');
  assert.equal(type({ mac: '52:54:00:00:00:55', options: init('10.77.0.105') }), 'no-record-of-client');
  assert.equal(type({ header: { ciaddr: address } }), 'ack', 'RENEWING or REBINDING');
  assert.equal(type({ header: { ciaddr: other } }), 'nak', 'REBINDING another client’s');
  assert.equal(type({ header: { ciaddr: ip('10.99.0.1') } }), 'nak', 'REBINDING on the wrong network');
  assert.equal(type({ header: { ciaddr: ip('10.77.0.1') } }), 'nak', 'our own address');
  assert.equal(type({}), 'unusable-request');
});

test('a machine at work keeps its address when a reservation comes, and moves at its next boot', () => {
  const r = rack();
  const address = r.bind(STRANGER);
  const boot = model();
  r.replace({
    ...boot,
    hosts: [
      ...boot.hosts,
      { nodeId: 'n3', name: 'new', macs: [STRANGER], reservations: { [STRANGER]: '10.77.0.58' }, boot: { kind: 'agent', reason: '' } },
    ],
  });
  assert.equal(r.reply({ type: 'request', mac: STRANGER, header: { ciaddr: address } }).type, 'ack');
  assert.equal(r.reply({ type: 'request', mac: STRANGER, options: [[OPTION.requestedAddress, encodeUint32(address)]] }).type, 'nak');
  const offered = r.reply({ type: 'discover', mac: STRANGER }).message.yiaddr;
  assert.equal(ipv4FromNumber(offered), '10.77.0.58');
  const ack = r.reply({ type: 'request', mac: STRANGER, options: r.select(offered) });
  assert.deepEqual(
    ack.leases.map((l) => [l.ipAddress, l.state]),
    [
      [ipv4FromNumber(address), 'released'],
      ['10.77.0.58', 'bound'],
    ],
  );
});

test('a reserved address that another client still holds is told, and a pool address given meanwhile', () => {
  const r = rack();
  r.put({ ipAddress: '10.77.0.55', mac: STRANGER, subnetId: 'a', state: 'bound', expiresAtMs: NOW + 5000 });
  const offer = r.reply({ type: 'discover', mac: RESERVED });
  assert.match(ipv4FromNumber(offer.message.yiaddr), /^10\.77\.0\.5[^5]$/);
  assert.equal(offer.notes[0]?.kind, 'dhcp.reservation-blocked');
  assert.equal(r.reply({ type: 'request', mac: STRANGER, header: { ciaddr: ip('10.77.0.55') } }).type, 'nak');
  assert.equal(r.reply({ type: 'discover', mac: RESERVED, nowMs: NOW + 70_000 }).message.yiaddr, ip('10.77.0.55'));
});

test('a declined address is set aside, only its holder may decline, and not without end', () => {
  const r = rack();
  const first = r.bind(STRANGER);
  const decline = (mac: string, address: number) =>
    r.silence({
      type: 'decline',
      mac,
      options: [
        [OPTION.requestedAddress, encodeUint32(address)],
        [OPTION.serverIdentifier, encodeUint32(ip('10.77.0.1'))],
      ],
    });
  assert.equal(decline(KNOWN, first).reason, 'not-the-holder');
  assert.equal(decline(STRANGER, first).reason, 'declined');
  for (let i = 1; i < 8; i += 1) {
    const next = r.bind(STRANGER);
    assert.notEqual(next, first);
    decline(STRANGER, next);
  }
  assert.equal(r.silence({ type: 'discover', mac: STRANGER }).reason, 'declines-too-often');
  assert.equal(r.reply({ type: 'discover', mac: STRANGER, nowMs: NOW + 3_700_000 }).type, 'offer');
});

test('INFORM gets settings, no address and no lease', () => {
  const ack = rack().reply({ type: 'inform', header: { ciaddr: ip('10.77.0.7') } });
  assert.deepEqual([ack.type, ack.message.yiaddr, ack.leases.length, ack.message.options.has(OPTION.leaseTime)], ['ack', 0, 0, false]);
  assert.deepEqual(ack.destination, { kind: 'unicast', address: ip('10.77.0.7') });
});

test('where replies go, RFC 2131 §4.1', () => {
  const r = rack();
  const offer = (header: Partial<DhcpMessage>) => r.reply({ type: 'discover', header }).destination;
  assert.equal(offer({}).kind, 'client');
  assert.equal(offer({ flags: 0x8000 }).kind, 'broadcast');
  assert.deepEqual(offer({ giaddr: ip('10.78.0.1') }), { kind: 'relay', address: ip('10.78.0.1') });
  const nak = r.reply({ type: 'request', header: { ciaddr: ip('9.9.9.9') } });
  assert.equal(nak.destination.kind, 'broadcast');
  const relayed = r.reply({ type: 'request', options: requested('9.9.9.9'), header: { giaddr: ip('10.78.0.1') } });
  assert.deepEqual([relayed.type, relayed.destination.kind, relayed.message.flags & 0x8000], ['nak', 'relay', 0x8000]);
});

test('a relay selects the subnet, its option 82 and the client identifier come back', () => {
  const r = rack();
  const information = Buffer.from('0104deadbeef', 'hex');
  const id = Buffer.from('01525400000001', 'hex');
  const offer = r.reply({
    type: 'discover',
    interface: 'elsewhere',
    header: { giaddr: ip('10.78.0.1') },
    options: [
      [OPTION.relayAgentInformation, information],
      [OPTION.clientIdentifier, id],
    ],
  });
  assert.match(ipv4FromNumber(offer.message.yiaddr), /^10\.78\.0\.5\d$/);
  assert.deepEqual(offer.message.options.get(OPTION.clientIdentifier), id);
  assert.deepEqual([...offer.message.options].at(-1), [OPTION.relayAgentInformation, information]);
  const link = Buffer.concat([Buffer.from([5, 4]), encodeUint32(ip('10.78.0.0'))]);
  const linked = r.reply({ type: 'discover', header: { giaddr: ip('172.16.0.1') }, options: [[OPTION.relayAgentInformation, link]] });
  assert.match(ipv4FromNumber(linked.message.yiaddr), /^10\.78\.0\./);
  assert.equal(r.silence({ type: 'discover', header: { giaddr: ip('172.16.0.1') } }).reason, 'no-subnet');
  assert.equal(r.silence({ type: 'discover', interface: 'elsewhere' }).reason, 'no-subnet');
});

const architecture = (code: number): [number, Buffer][] => [
  [OPTION.clientArchitecture, Buffer.from([0, code])],
  [OPTION.vendorClass, Buffer.from(`PXEClient:Arch:000${code}`)],
];
const http = (code: number): [number, Buffer][] => [
  [OPTION.clientArchitecture, Buffer.from([0, code])],
  [OPTION.vendorClass, Buffer.from('HTTPClient')],
];
const SCRIPT = `http://10.77.0.1:8080/boot/ipxe?mac=${KNOWN}&uuid=\${uuid}&serial=\${serial:uristring}&platform=\${platform}`;
for (const [what, options, file, note] of [
  ['BIOS', architecture(0), 'undionly.kpxe', undefined],
  ['an old ROM without option 93', [[OPTION.vendorClass, Buffer.from('PXEClient:Arch:00000:UNDI:002001')]], 'undionly.kpxe', undefined],
  ['UEFI x64', architecture(7), 'snponly.efi', undefined],
  ['UEFI x64 as byte code', architecture(9), 'snponly.efi', undefined],
  ['UEFI HTTP x64', http(16), 'http://10.77.0.1:8080/boot/snponly.efi', undefined],
  ['ARM64', architecture(11), 'shimaa64.efi', undefined],
  ['ARM64 HTTP', http(19), 'http://10.77.0.1:8080/boot/snponly-arm64.efi', undefined],
  ['32-bit ARM HTTP', http(18), '', /32-bit ARM UEFI HTTP .* not supported/],
  ['an architecture nobody knows', architecture(99), '', /architecture 99 .* not known/],
  ['iPXE', [...architecture(0), [OPTION.userClass, Buffer.from('iPXE')]], SCRIPT, undefined],
  ['iPXE with RFC 3004 lengths', [...architecture(7), [OPTION.userClass, Buffer.from('\x04iPXE')]], SCRIPT, undefined],
  ['an operating system', [[OPTION.vendorClass, Buffer.from('udhcp 1.35')]], '', undefined],
] as [string, [number, Buffer][], string, RegExp | undefined][])
  test(`${what} is told to load ${file === '' ? 'nothing' : file.slice(0, 40)}`, () => {
    const offer = rack().reply({ type: 'discover', options: [...options, [OPTION.parameterRequestList, Buffer.from([67])]] });
    assert.equal(offer.message.file, file);
    assert.equal(text(offer, OPTION.bootFileName) ?? '', file);
    assert.equal(text(offer, OPTION.vendorClass), /\/boot\/snponly.*efi$/.test(file) ? 'HTTPClient' : undefined);
    if (note) assert.match(offer.notes[0]!.message, note);
    else assert.deepEqual(offer.notes, []);
  });

test('whatever a client sends, the policy answers, and never with an address of ours or of another', () => {
  const r = rack();
  const taken = r.bind(KNOWN);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 20 })), { maxLength: 6 }),
      fc.constantFrom(0, ip('10.77.0.1'), taken, ip('10.78.0.1'), 0xffffffff),
      fc.constantFrom(0, ip('10.78.0.1'), 0xffffffff),
      (type, options, ciaddr, giaddr) => {
        const d = r.ask({
          type: 'discover',
          mac: STRANGER,
          header: { ciaddr, giaddr },
          options: [...options.map(([c, v]) => [c, Buffer.from(v)] as [number, Buffer]), [OPTION.messageType, Buffer.from([type])]],
        });
        if (d.kind === 'reply' && d.message.yiaddr)
          assert.ok(![taken, ip('10.77.0.1'), ip('10.77.0.0'), ip('10.77.0.255')].includes(d.message.yiaddr));
      },
    ),
  );
});

const RULES: BootModel = {
  ...model(),
  relayRules: [
    { circuitId: 'Ethernet1/*', rack: 'r1', pool: ['10.78.0.20', '10.78.0.20'] },
    { circuitId: 'uplink', remoteId: '0xdeadbeef', rack: 'r2', subnetId: 'a' },
    { vpn: 'red', rack: 'r3', subnetId: 'b' },
  ],
};
const relayed = (...parts: [number, Buffer][]) => ({
  type: 'discover' as const,
  interface: 'elsewhere',
  header: { giaddr: ip('10.78.0.1') },
  options: [[OPTION.relayAgentInformation, encodeRelayParts(parts)]] as [number, Buffer][],
});
const named = (code: number, name: string): [number, Buffer] => [code, Buffer.from(name)];

test('the port that a relay names tells the rack, its pool and its network', () => {
  const r = rack(RULES);
  const first = r.reply(relayed(named(1, 'Ethernet1/7')));
  assert.equal(ipv4FromNumber(first.message.yiaddr), '10.78.0.20');
  assert.equal(first.relay?.rule?.rule.rack, 'r1');
  const full = r.silence({ ...relayed(named(1, 'Ethernet1/8')), mac: STRANGER });
  assert.equal(full.reason, 'pool-exhausted', 'a rack does not take the addresses of another');
  const other = r.reply(relayed(named(1, 'uplink'), [2, Buffer.from('deadbeef', 'hex')]));
  assert.match(ipv4FromNumber(other.message.yiaddr), /^10\.77\.0\.5\d$/);
  const none = r.reply({ ...relayed(named(1, 'uplink')), mac: RESERVED });
  assert.equal(none.relay?.rule, undefined);
});

test('a network that no rule names is not served, as its addresses may be anybody’s', () => {
  const r = rack(RULES);
  assert.equal(r.silence(relayed([151, Buffer.from('\0blue')])).reason, 'unknown-vpn');
  const red = r.reply(relayed([151, Buffer.from('\0red')], [152, Buffer.alloc(0)]));
  assert.deepEqual(red.message.options.get(OPTION.relayAgentInformation), encodeRelayParts([[151, Buffer.from('\0red')]]));
});

test('a relay that stands for the server is named as the server, and requests to it are ours (RFC 5107)', () => {
  const r = rack();
  const override: [number, Buffer] = [11, encodeUint32(ip('10.78.0.1'))];
  const offer = r.reply(relayed(override));
  assert.deepEqual(offer.message.options.get(OPTION.serverIdentifier), encodeUint32(ip('10.78.0.1')));
  const request = relayed(override);
  const options = [...r.select(offer.message.yiaddr, '10.78.0.1'), ...request.options];
  assert.equal(r.reply({ ...request, type: 'request', options }).type, 'ack');
  assert.equal(r.silence({ ...request, type: 'request', options: options.slice(0, 2) }).reason, 'other-server-chosen');
});

test('option 82 that cannot be read is not guessed at', () => {
  assert.equal(
    rack().silence({ ...relayed(), options: [[OPTION.relayAgentInformation, Buffer.from([1, 9, 0])]] }).reason,
    'unusable-request',
  );
});

test('only an address that is new to its client is asked after, by ARP here and by echo behind a relay', () => {
  const subnets = model().subnets.map((one) => ({ ...one, probeAddresses: true }));
  const r = rack(model(subnets));
  const probe = (a: Partial<Ask>) => r.reply({ type: 'discover', ...a }).probe;
  assert.deepEqual(probe({}), { way: { kind: 'wire', interface: 'boot0' }, subnetId: 'a' });
  assert.deepEqual(probe({ header: { giaddr: ip('10.78.0.1') } }), { way: { kind: 'routed' }, subnetId: 'b' });
  assert.equal(probe({ mac: RESERVED }), undefined);
  r.bind(KNOWN);
  assert.equal(probe({}), undefined);
  assert.equal(rack().reply({ type: 'discover' }).probe, undefined);
});

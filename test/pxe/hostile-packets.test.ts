import assert from 'node:assert/strict';
import test from 'node:test';
import { isMalformed } from '../../core/base/malformed.ts';
import { createMutator, MUTATE_ROUNDS } from '../../core/base/mutate-packets.ts';
import { decodeArp, decodeEchoReply } from '../../pxe/conflict/arp-codec.ts';
import { decodeDhcpMessage } from '../../pxe/dhcp/dhcp-message-codec.ts';
import { decodeDnsQuery, encodeDnsAnswer } from '../../pxe/dns/dns-message-codec.ts';
import { decodeRelayInformation, echoRelayInformation } from '../../pxe/dhcp/relay-information-codec.ts';
import { decodeDhcp6Packet, encodeDhcp6Packet } from '../../pxe/dhcp6/dhcp6-message-codec.ts';
import { decodeIaNa, decodeUserClasses6, decodeVendorClass6, options6 } from '../../pxe/dhcp6/dhcp6-option-codec.ts';

/** Seeded mutations of packets that real clients sent; `MUTATE_ROUNDS=1000000` for the long run. */
const ROUNDS = Number(process.env['MUTATE_ROUNDS'] ?? MUTATE_ROUNDS);
/** A decoder that keeps what it has seen would keep all of it. */
const GROWTH_BYTES_MAX = 64 << 20;

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

/** DHCPDISCOVER of iPXE, and with its options overloaded into `file`. */
const DISCOVER = Buffer.concat([
  hex('01010600 12345678 00000000 00000000 00000000 00000000 00000000 525400770001 00000000000000000000'),
  Buffer.alloc(192),
  hex('63825363 350101 39020' + '5c0 5d020000 5e03010201 3c20' + Buffer.from('PXEClient:Arch:00000:UNDI:002001').toString('hex')),
  hex('4d0469505845 3711 0103060c0d0f112b3c4243808182838485 52 0c 0104 65746830 0204 deadbeef 6111 00 00112233445566778899aabbccddeeff ff'),
]);
const overloaded = Buffer.from(DISCOVER);
hex('4d0141 ff').copy(overloaded, 108);

/** SOLICIT of OVMF, alone and through two relays. */
const SOLICIT = hex(
  '01abcdef 0001 0012 0004 00112233445566778899aabbccddeeff 0003 0028 00000001 00000000 00000000 0005 0018 fd000077000000000000000000001000 00000000 00000000' +
    '0006 0008 003b 003c 0017 0018 003d 0002 0007 0010 0026 00000157 0020' +
    Buffer.from('PXEClient:Arch:00007:UNDI:003001').toString('hex') +
    '000f 0006 0004 69505845 0008 0002 0000',
);
const relayed = (message: Buffer, head: string) => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([hex(head), hex('0009'), length, message]);
};
const once = relayed(
  SOLICIT,
  '0c00 fd000078000000000000000000000001 fe80000000000000505400fffe780001 0012 0004 65746830 004f 0008 0001525400780001',
);
const twice = relayed(once, '0c01 00000000000000000000000000000000 fd000078000000000000000000000001');

const CODECS: readonly { name: string; golden: readonly Buffer[]; read: (bytes: Buffer) => unknown }[] = [
  { name: 'DHCPv4', golden: [DISCOVER, overloaded], read: decodeDhcpMessage },
  {
    name: 'option 82',
    golden: [
      hex('0104 65746830 0204 deadbeef 0504 0a4e0000 0a01 80 0b04 0a4e0001 9705 00 72656431 9800'),
      hex('0106 000400640101 0208 0006525400000001 9708 01 00000100000007'),
    ],
    read(bytes) {
      echoRelayInformation(bytes);
      return decodeRelayInformation(bytes);
    },
  },
  { name: 'ARP', golden: [hex('0001080006040002 525400770001 0a4d0064 525400770002 0a4d0001')], read: decodeArp },
  {
    name: 'echo replies',
    golden: [
      hex('4500001c 00004000 40010000 0a4d0064 0a4d0001 0000 edcb 1234 0001'),
      hex('46000020 00000000 40010000 0a4d0064 0a4d0001 94040000 0000 edcb 1234 0001'),
    ],
    read: decodeEchoReply,
  },
  {
    name: 'DNS',
    golden: [
      hex('1234010000010000000000010472616b6304746573740000010001 0000290200000000000000'),
      hex('000100000001000000000000 023535013002373702313007696e2d61646472046172706100000c0001'),
    ],
    read(bytes) {
      const query = decodeDnsQuery(bytes);
      if (!isMalformed(query)) encodeDnsAnswer(query, { code: 0, isAuthoritative: true, answers: [], authority: [] }, 'udp');
      return query;
    },
  },
  {
    name: 'DHCPv6',
    golden: [SOLICIT, once, twice],
    read(bytes) {
      const packet = decodeDhcp6Packet(bytes);
      if (isMalformed(packet)) return packet;
      for (const value of options6(packet.message.options, 3)) decodeIaNa(value);
      for (const [, value] of packet.message.options) void [decodeUserClasses6(value), decodeVendorClass6(value)];
      assert.deepEqual(decodeDhcp6Packet(encodeDhcp6Packet(packet)), packet);
      return packet;
    },
  },
];

for (const { name, golden, read } of CODECS)
  test(`${name}: mutated packets are values, all of them, and leave nothing behind`, () => {
    for (const packet of golden) assert.ok(!isMalformed(read(packet)), `${name}: a golden packet is read`);
    const mutator = createMutator(golden, golden.length);
    let malformed = 0;
    const before = process.memoryUsage().heapUsed;
    for (let round = 0; round < ROUNDS; round += 1) if (isMalformed(read(mutator.next()))) malformed += 1;
    assert.ok(malformed > ROUNDS / 100 && malformed < ROUNDS, `${malformed} of ${ROUNDS} were malformed`);
    assert.ok(process.memoryUsage().heapUsed - before < GROWTH_BYTES_MAX);
  });

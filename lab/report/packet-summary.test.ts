import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { encodeUdpPacket } from '../../pxe/socket/udp-frame-codec.ts';
import { encodeTftpPacket } from '../../pxe/tftp/tftp-codec.ts';
import { encodeDiscover } from '../fault/stranger.ts';
import { encodePcapHeader, encodePcapPacket, readPcap } from '../switch/pcap-codec.ts';
import { summariseFrame } from './packet-summary-codec.ts';
import { withoutTokens } from './without-tokens.ts';

const MAC = '52:54:00:00:01:01';
const ETHERNET_IPV4 = Buffer.from('ffffffffffff5254000001010800', 'hex');

const udpFrame = (sourcePort: number, destinationPort: number, payload: Buffer) =>
  Buffer.concat([
    ETHERNET_IPV4,
    encodeUdpPacket({ sourceAddress: 0, destinationAddress: ipv4ToNumber('10.77.0.1')!, sourcePort, destinationPort, payload }),
  ]);

function tcpFrame(text: string): Buffer {
  const ip = Buffer.alloc(20);
  ip[0] = 0x45;
  ip[9] = 6;
  const tcp = Buffer.alloc(20);
  tcp[12] = 5 << 4;
  return Buffer.concat([ETHERNET_IPV4, ip, tcp, Buffer.from(text)]);
}

test('the packets of a boot, one line each', () => {
  assert.deepEqual(summariseFrame(udpFrame(68, 67, encodeDiscover(MAC, 7, new Map()))), { protocol: 'DHCP', text: `DISCOVER from ${MAC}` });
  const read = encodeTftpPacket({ kind: 'read', path: 'undionly.kpxe', mode: 'octet', options: new Map([['blksize', '1432']]) });
  assert.deepEqual(summariseFrame(udpFrame(2070, 69, read)), { protocol: 'TFTP', text: 'read undionly.kpxe (octet blksize=1432)' });
  assert.deepEqual(summariseFrame(tcpFrame('HTTP/1.1 206 Partial Content\r\ncontent-length: 9\r\n\r\n')), {
    protocol: 'HTTP',
    text: 'HTTP/1.1 206 Partial Content',
  });
});

test('damaged DHCP is told, and what is no packet of a boot is not', () => {
  assert.match(summariseFrame(udpFrame(68, 67, Buffer.alloc(20)))!.text, /^damaged: /);
  assert.equal(summariseFrame(udpFrame(5000, 5001, Buffer.from('hello'))), undefined);
  assert.equal(summariseFrame(tcpFrame('\u0016\u0003\u0001 TLS')), undefined);
  assert.equal(summariseFrame(Buffer.alloc(64)), undefined);
});

test('any bytes are a line or nothing, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(67, 68, 69, 4011), (bytes, port) => {
      summariseFrame(Buffer.concat([ETHERNET_IPV4, bytes]));
      const summary = summariseFrame(udpFrame(1, port, Buffer.from(bytes)));
      assert.match(summary?.text ?? '', /^[\x20-\x7e]*$/);
    }),
  );
});

test('tokens stay in the rack', () => {
  const token = `${'a'.repeat(120)}.${'B'.repeat(43)}`;
  assert.equal(summariseFrame(tcpFrame(`GET /boot/${token}/kernel HTTP/1.1\r\n\r\n`))!.text, 'GET /boot/<token>/kernel HTTP/1.1');
  assert.equal(withoutTokens(`http://10.77.0.1:8080/images/${token}/x.raw.zst ok`), 'http://10.77.0.1:8080/images/<token>/x.raw.zst ok');
  assert.equal(withoutTokens(`quiet rackwright.token=${token} x=1`), 'quiet rackwright.token=<token> x=1');
});

test('a capture reads back, and one that a killed rack left ends at its last whole packet', () => {
  const frame = udpFrame(68, 67, encodeDiscover(MAC, 7, new Map()));
  const file = Buffer.concat([encodePcapHeader(), encodePcapPacket(frame, 1_500.25, frame.length), encodePcapPacket(frame, 2_000, 60)]);
  const packets = [...readPcap(file)];
  assert.deepEqual(
    packets.map(({ atMs, bytes }) => [atMs, bytes.length]),
    [
      [1_500.25, frame.length],
      [2_000, 60],
    ],
  );
  assert.equal([...readPcap(file.subarray(0, -1))].length, 1);
  assert.deepEqual([...readPcap(Buffer.from('no capture at all, only text'))], []);
});

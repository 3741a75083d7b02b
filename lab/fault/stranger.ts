import { once } from 'node:events';
import { connect } from 'node:net';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import { encodeDhcpMessage, type DhcpMessage } from '../../pxe/dhcp/dhcp-message-codec.ts';
import { encodeUdpPacket } from '../../pxe/socket/udp-frame-codec.ts';
import type { Rack } from '../start-rack.ts';
import { createStreamFrameReader, encodeStreamFrame } from '../switch/stream-frame-codec.ts';

/** A device on the switch's spare port that says whatever a fault wants to be said. */
export interface Stranger {
  readonly mac: string;
  send(frame: Buffer): void;
  /** UDP to the rack's server, or to everybody. */
  sendUdp(packet: { from?: string; to: string; sourcePort: number; destinationPort: number; payload: Buffer }): void;
  onFrame(listener: (frame: Buffer) => void): void;
  close(): void;
}

const BROADCAST = Buffer.alloc(6, 0xff);
const ETHERTYPE_IPV4 = Buffer.from([0x08, 0x00]);
export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;
/** IP and UDP headers behind the Ethernet header. */
const UDP_PAYLOAD_OFFSET = 14 + 20 + 8;

export async function plugStranger(rack: Rack, mac: string): Promise<Stranger> {
  const socket = connect(rack.sparePortSocket);
  await once(socket, 'connect');
  const listeners = new Set<(frame: Buffer) => void>();
  const read = createStreamFrameReader();
  socket.on('data', (chunk: Buffer) => {
    for (const frame of read(chunk) ?? []) for (const listener of listeners) listener(frame);
  });
  // The rack may end first; the stranger has nothing to say about that.
  socket.on('error', () => socket.destroy());
  const send = (frame: Buffer) => void (socket.destroyed || socket.write(encodeStreamFrame(frame)));
  return {
    mac,
    send,
    sendUdp({ from = '0.0.0.0', to, sourcePort, destinationPort, payload }) {
      const packet = encodeUdpPacket({
        sourceAddress: ipv4ToNumber(from)!,
        destinationAddress: ipv4ToNumber(to)!,
        sourcePort,
        destinationPort,
        payload,
      });
      send(Buffer.concat([BROADCAST, macAddressToBytes(mac), ETHERTYPE_IPV4, packet]));
    },
    onFrame: (listener) => void listeners.add(listener),
    close: () => void socket.destroy(),
  };
}

export const DISCOVER_BYTES_MAX = 576;

/** A DHCPDISCOVER with these options. */
export const encodeDiscover = (mac: string, xid: number, options: DhcpMessage['options']): Buffer =>
  encodeDhcpMessage(
    {
      op: 1,
      htype: 1,
      hops: 0,
      xid,
      secs: 0,
      flags: 0x8000,
      ciaddr: 0,
      yiaddr: 0,
      siaddr: 0,
      giaddr: 0,
      chaddr: macAddressToBytes(mac),
      sname: '',
      file: '',
      options: new Map([[53, Buffer.from([1])], ...options]),
    },
    DISCOVER_BYTES_MAX,
  ).bytes;

/** The payload of a UDP frame to this port. */
export function udpPayloadTo(frame: Buffer, port: number): Buffer | undefined {
  if (frame.length <= UDP_PAYLOAD_OFFSET || frame.readUInt16BE(12) !== 0x0800 || frame[23] !== 17) return undefined;
  return frame.readUInt16BE(36) === port ? frame.subarray(UDP_PAYLOAD_OFFSET) : undefined;
}

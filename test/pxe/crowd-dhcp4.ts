import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { BOOT_REPLY, BROADCAST_FLAG, decodeDhcpMessage, type DhcpMessage, encodeDhcpMessage } from '../../pxe/dhcp/dhcp-message-codec.ts';
import { MESSAGE_TYPE, OPTION } from '../../pxe/dhcp/dhcp-option-codec.ts';
import { createHearing } from './crowd-hearing.ts';
import { type Crowd, type CrowdLease, TRIES_MAX } from './crowd-lease.ts';

const BROADCAST = '255.255.255.255';
const macOf = (client: number) => Buffer.from([0x52, 0x54, 0x00, 0x0c, client >> 8, client & 255]);

const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const typeOf = (message: DhcpMessage) => message.options.get(OPTION.messageType)?.[0];
const serverOf = (message: DhcpMessage) => ipv4FromNumber(message.options.get(OPTION.serverIdentifier)!.readUInt32BE(0));

interface Sent {
  readonly type: number;
  readonly to: string;
  readonly secs: number;
  readonly ciaddr?: number;
  readonly options?: readonly (readonly [number, Buffer])[];
}

export async function openCrowd4(): Promise<Crowd> {
  const socket = createSocket('udp4');
  const { heard, next } = createHearing<DhcpMessage>();
  const hear = (client: number, types: readonly number[]) => next(client, (message) => types.includes(typeOf(message)!));
  socket.on('message', (bytes) => {
    const message = decodeDhcpMessage(bytes);
    if (isMalformed(message) || message.op !== BOOT_REPLY || message.chaddr[3] !== 0x0c) return;
    heard((message.chaddr[4]! << 8) | message.chaddr[5]!, message);
  });

  function send(client: number, { type, to, secs, ciaddr = 0, options = [] }: Sent): void {
    const message: DhcpMessage = {
      op: 1,
      htype: 1,
      hops: 0,
      xid: 0x0c000000 + client,
      secs,
      flags: ciaddr === 0 ? BROADCAST_FLAG : 0,
      ciaddr,
      yiaddr: 0,
      siaddr: 0,
      giaddr: 0,
      chaddr: macOf(client),
      sname: '',
      file: '',
      options: new Map([[OPTION.messageType, Buffer.from([type])], ...options]),
    };
    socket.send(encodeDhcpMessage(message, 548).bytes, 67, to);
  }

  async function acquire(client: number): Promise<CrowdLease> {
    const start = performance.now();
    let packets = 0;
    const secs = () => Math.floor((performance.now() - start) / 1000);
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const offered = hear(client, [MESSAGE_TYPE.offer]);
      send(client, { type: MESSAGE_TYPE.discover, to: BROADCAST, secs: secs() });
      packets += 1;
      const offer = await offered;
      if (offer === undefined) continue;
      const answered = hear(client, [MESSAGE_TYPE.ack, MESSAGE_TYPE.nak]);
      const options = [
        [OPTION.requestedAddress, uint32(offer.yiaddr)],
        [OPTION.serverIdentifier, offer.options.get(OPTION.serverIdentifier)!],
      ] as const;
      send(client, { type: MESSAGE_TYPE.request, to: BROADCAST, secs: secs(), options });
      packets += 1;
      const ack = await answered;
      if (ack === undefined || typeOf(ack) !== MESSAGE_TYPE.ack) continue;
      return { client, address: ipv4FromNumber(ack.yiaddr), server: serverOf(ack), ms: performance.now() - start, packets };
    }
    throw new Error(`client ${client} got no address`);
  }

  /** Asks its own server twice, then all. */
  async function renew(client: number, lease: CrowdLease): Promise<CrowdLease> {
    const start = performance.now();
    const { address, server } = lease;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const answered = hear(client, [MESSAGE_TYPE.ack, MESSAGE_TYPE.nak]);
      send(client, { type: MESSAGE_TYPE.request, to: tries < 2 ? server : BROADCAST, secs: tries, ciaddr: ipv4ToNumber(address)! });
      const ack = await answered;
      if (ack === undefined) continue;
      if (typeOf(ack) !== MESSAGE_TYPE.ack) throw new Error(`client ${client} was refused ${address} by ${serverOf(ack)}`);
      return { client, address: ipv4FromNumber(ack.yiaddr), server: serverOf(ack), ms: performance.now() - start, packets: tries + 1 };
    }
    throw new Error(`client ${client} could not renew ${address}`);
  }

  socket.bind(68, '0.0.0.0');
  await once(socket, 'listening');
  socket.setBroadcast(true);
  return { acquire, renew };
}

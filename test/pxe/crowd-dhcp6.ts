import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeDhcp6Packet, type Dhcp6Message, encodeDhcp6Packet } from '../../pxe/dhcp6/dhcp6-message-codec.ts';
import { decodeIaNa, encodeIaNa, encodeUint16, MESSAGE6, option6, OPTION6 } from '../../pxe/dhcp6/dhcp6-option-codec.ts';
import { createHearing } from './crowd-hearing.ts';
import { type Crowd, type CrowdLease, INTERFACE, TRIES_MAX } from './crowd-lease.ts';

const SERVERS = `ff02::1:2%${INTERFACE}`;
const IAID = 7;
/** DUID-LL of Ethernet: the servers take the MAC from it. */
const duidOf = (client: number) => Buffer.from([0, 3, 0, 1, 0x52, 0x54, 0x00, 0x0d, client >> 8, client & 255]);

interface Answer {
  readonly message: Dhcp6Message;
  /** Link-local, without its zone. */
  readonly server: string;
}

const serverId = ({ message }: Answer) => option6(message.options, OPTION6.serverId)!;
/** What the answer gives: an address with a lifetime. */
function addressOf({ message }: Answer): string | undefined {
  const value = option6(message.options, OPTION6.iaNa);
  const association = value && decodeIaNa(value);
  const [given] = association === undefined || isMalformed(association) ? [] : association.addresses;
  return given !== undefined && given.validSeconds > 0 ? given.address : undefined;
}

/** @param elapsedMs since the first packet of this work (option 8 counts hundredths of seconds) */
function encode(
  client: number,
  type: number,
  elapsedMs: number,
  given: { server?: Buffer | undefined; address?: string | undefined },
): Buffer {
  const addresses = given.address === undefined ? [] : [{ address: given.address, preferredSeconds: 0, validSeconds: 0 }];
  const options = [
    [OPTION6.clientId, duidOf(client)],
    ...(given.server === undefined ? [] : [[OPTION6.serverId, given.server] as const]),
    [OPTION6.iaNa, encodeIaNa({ iaid: IAID, t1: 0, t2: 0, addresses })],
    [OPTION6.elapsedTime, encodeUint16(Math.min(0xffff, Math.floor(elapsedMs / 10)))],
  ] as const;
  return encodeDhcp6Packet({ relays: [], message: { type, transaction: 0x0d0000 + client, options } });
}

export async function openCrowd6(): Promise<Crowd> {
  const socket = createSocket({ type: 'udp6', ipv6Only: true });
  const { heard, next } = createHearing<Answer>();
  const serverIds = new Map<number, Buffer>();
  socket.on('message', (bytes, { address }) => {
    const packet = decodeDhcp6Packet(bytes);
    if (isMalformed(packet) || packet.relays.length > 0 || packet.message.transaction >> 16 !== 0x0d) return;
    heard(packet.message.transaction & 0xffff, { message: packet.message, server: address.split('%')[0]! });
  });
  const ask = (
    client: number,
    type: keyof typeof MESSAGE6,
    answer: 'advertise' | 'reply',
    elapsedMs: number,
    given: Parameters<typeof encode>[3] = {},
  ) => {
    const answered = next(client, ({ message }) => message.type === MESSAGE6[answer]);
    socket.send(encode(client, MESSAGE6[type], elapsedMs, given), 547, SERVERS);
    return answered;
  };

  async function acquire(client: number): Promise<CrowdLease> {
    const start = performance.now();
    const elapsedMs = () => performance.now() - start;
    for (let packets = 0; packets < TRIES_MAX; packets += 1) {
      const offer = await ask(client, 'solicit', 'advertise', elapsedMs());
      const offered = offer && addressOf(offer);
      if (offered === undefined) continue;
      packets += 1;
      const got = await ask(client, 'request', 'reply', elapsedMs(), { server: serverId(offer!), address: offered });
      const address = got && addressOf(got);
      if (address === undefined) continue;
      serverIds.set(client, serverId(got!));
      return { client, address, server: got!.server, ms: elapsedMs(), packets: packets + 1 };
    }
    throw new Error(`client ${client} got no IPv6 address`);
  }

  /** Asks its own server twice (RENEW), then all (REBIND). */
  async function renew(client: number, { address }: CrowdLease): Promise<CrowdLease> {
    const start = performance.now();
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const server = tries < 2 ? serverIds.get(client) : undefined;
      const got = await ask(client, server === undefined ? 'rebind' : 'renew', 'reply', performance.now() - start, { server, address });
      if (got === undefined) continue;
      if (addressOf(got) !== address) throw new Error(`client ${client} was refused ${address} by ${got.server}`);
      serverIds.set(client, serverId(got));
      return { client, address, server: got.server, ms: performance.now() - start, packets: tries + 1 };
    }
    throw new Error(`client ${client} could not renew ${address}`);
  }

  socket.bind(546, '::');
  await once(socket, 'listening');
  return { acquire, renew };
}

/**
 * Many DHCP clients in one process and one network namespace. Commands are JSON lines on standard input, answers JSON lines on standard
 * output: `{ "acquire": [first, count] }` and `{ "renew": [first, count] }` answer each client's address and server; clients are numbered.
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { BOOT_REPLY, BROADCAST_FLAG, decodeDhcpMessage, type DhcpMessage, encodeDhcpMessage } from '../../pxe/dhcp/dhcp-message-codec.ts';
import { MESSAGE_TYPE, OPTION } from '../../pxe/dhcp/dhcp-option-codec.ts';

export interface CrowdLease {
  readonly client: number;
  readonly address: string;
  readonly server: string;
  /** From the first packet to the ACK. */
  readonly ms: number;
  /** Packets that the client sent for it. */
  readonly packets: number;
}

const AGAIN_MS = 1000;
const TRIES_MAX = 30;
const [INTERFACE, BROADCAST] = ['br0', '255.255.255.255'];
const leases = new Map<number, CrowdLease>();
const waiting = new Map<number, (message: DhcpMessage) => void>();
const macOf = (client: number) => Buffer.from([0x52, 0x54, 0x00, 0x0c, client >> 8, client & 255]);
const socket = createSocket('udp4');

const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const typeOf = (message: DhcpMessage) => message.options.get(OPTION.messageType)?.[0];
const serverOf = (message: DhcpMessage) => ipv4FromNumber(message.options.get(OPTION.serverIdentifier)!.readUInt32BE(0));

socket.on('message', (bytes) => {
  const message = decodeDhcpMessage(bytes);
  if (isMalformed(message) || message.op !== BOOT_REPLY || message.chaddr[3] !== 0x0c) return;
  waiting.get((message.chaddr[4]! << 8) | message.chaddr[5]!)?.(message);
});

interface Sent {
  readonly type: number;
  readonly to: string;
  readonly secs: number;
  readonly ciaddr?: number;
  readonly options?: readonly (readonly [number, Buffer])[];
}

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

/** The next answer of one of these types, or undefined after a while. */
const hear = (client: number, types: readonly number[]): Promise<DhcpMessage | undefined> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), AGAIN_MS);
    waiting.set(client, (message) => {
      if (!types.includes(typeOf(message)!)) return;
      clearTimeout(timer);
      waiting.delete(client);
      resolve(message);
    });
  });

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
async function renew(client: number): Promise<CrowdLease> {
  const start = performance.now();
  const { address, server } = leases.get(client)!;
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

async function obey(command: { acquire?: [number, number]; renew?: [number, number] }): Promise<CrowdLease[]> {
  const [first, count] = command.acquire ?? command.renew!;
  const clients = Array.from({ length: count }, (_each, at) => first + at);
  const got = await Promise.all(clients.map(command.acquire ? acquire : renew));
  // The answer to a renewal is sent to the address itself.
  if (command.acquire)
    execFileSync('ip', ['-batch', '-'], { input: got.map(({ address }) => `addr add ${address}/32 dev ${INTERFACE}\n`).join('') });
  for (const lease of got) leases.set(lease.client, lease);
  return got;
}

socket.bind(68, '0.0.0.0', () => {
  socket.setBroadcast(true);
  process.stdout.write('"ready"\n');
  createInterface({ input: process.stdin }).on('line', (line) => {
    obey(JSON.parse(line) as Parameters<typeof obey>[0]).then(
      (got) => process.stdout.write(`${JSON.stringify(got)}\n`),
      (error: Error) => process.stdout.write(`${JSON.stringify({ error: error.message })}\n`),
    );
  });
});

import dgram from 'node:dgram';
import { once } from 'node:events';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { createDatagramReceiver, writeInetName } from '../socket/datagram-arena.ts';
import { createBlockSender, type BlockSender, type ClientAddress } from './block-sender.ts';
import { encodeTftpPacket, TFTP_ERROR } from './tftp-codec.ts';

/*
 * The ports that transfers come from. With system calls of our own a few ports serve all clients: what waits for all of them is taken in by one call, and answered
 * by one. Plain Node, and IPv6, give each transfer a socket.
 */
export interface TftpPeer {
  readonly address: string;
  readonly port: number;
}

/** One transfer's way to its client; its port is the server's transfer identifier (RFC 1350 §4). */
export interface TransferLink {
  /** A DATA block, which leaves with `flush` at the latest. */
  queue(block: number, bytes: Buffer): void;
  flush(): void;
  /** Any other packet, at once. An unreachable client shows as a timeout. */
  send(packet: Buffer): void;
  /** Calls `take` with each packet of the client; its memory is used again after the call. */
  receive(take: (packet: Buffer) => void): void;
  close(): void;
}

export interface TransferPorts {
  /** From `localAddress` where that is possible. */
  open(peer: TftpPeer, localAddress: string | undefined): Promise<TransferLink>;
  close(): void;
}

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
/** A rack's windows at once; what an unprivileged process may not have costs it retransmissions. */
const BUFFER_BYTES = 8 << 20;
const RECEIVE_SLOTS = 64;
/** An ACK is 4 bytes, the text of an error should be short. */
const PACKET_BYTES_MAX = 600;
/** A client's next transfer comes from another port, so that nothing late of the one before is taken for its own. */
const PORTS_IN_TURN = 4;
/** Whose turn is remembered; a client that is forgotten begins anew. */
const CLIENTS_MAX = 10_000;
const ERROR_OPCODE = 5;
const FOREIGN = encodeTftpPacket({ kind: 'error', code: TFTP_ERROR.unknownTransfer, message: 'this transfer belongs to another client' });

const nameOf = ({ address, port }: ClientAddress): Buffer => {
  const name = Buffer.alloc(16);
  writeInetName(name, address, port);
  return name;
};

function openDescriptor(system: LinuxCalls, localAddress: string | undefined): number {
  const fd = system.socket(AF_INET, SOCK_DGRAM, 0);
  try {
    system.bind(fd, nameOf({ address: ipv4ToNumber(localAddress ?? '0.0.0.0')!, port: 0 }));
  } catch (error) {
    system.close(fd);
    throw error;
  }
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(BUFFER_BYTES);
  for (const name of [SO_SNDBUFFORCE, SO_RCVBUFFORCE])
    try {
      system.setsockopt(fd, SOL_SOCKET, name, bytes);
    } catch {
      // Without CAP_NET_ADMIN the kernel's defaults stand.
    }
  return fd;
}

/** Which is never answered: two that answer each other's would do so for ever. */
const isError = (packet: Buffer): boolean => packet[1] === ERROR_OPCODE;

interface SharedPort {
  open(client: ClientAddress): TransferLink;
  close(): void;
}

/** Both in one number. */
const keyOf = ({ address, port }: ClientAddress): number => address * 65_536 + port;

function openSharedPort(system: LinuxCalls, localAddress: string | undefined): SharedPort {
  const fd = openDescriptor(system, localAddress);
  const receiver = createDatagramReceiver(system, RECEIVE_SLOTS, PACKET_BYTES_MAX);
  const blocks: BlockSender = createBlockSender(system, fd);
  const takers = new Map<number, (packet: Buffer) => void>();
  let isGathering = false;
  const close = system.watchReadable(fd, () => {
    isGathering = true;
    for (let count = RECEIVE_SLOTS; count === RECEIVE_SLOTS;) {
      count = receiver.receive(fd);
      for (let slot = 0; slot < count; slot += 1) {
        const client = { address: receiver.address(slot), port: receiver.port(slot) };
        const take = takers.get(keyOf(client));
        const packet = receiver.bytes(slot);
        if (take !== undefined) take(packet);
        else if (takers.size > 0 && !isError(packet)) system.sendTo(fd, FOREIGN, nameOf(client));
      }
    }
    isGathering = false;
    blocks.flush();
  });
  return {
    open(client) {
      const key = keyOf(client);
      takers.set(key, () => {});
      return {
        queue: (block, bytes) => blocks.queue(client, block, bytes),
        // What answers packets that came together leaves together.
        flush: () => (isGathering ? undefined : blocks.flush()),
        send: (packet) => void system.sendTo(fd, packet, nameOf(client)),
        receive: (take) => void takers.set(key, take),
        close: () => void takers.delete(key),
      };
    },
    close,
  };
}

async function openSocket({ address, port }: TftpPeer, localAddress: string | undefined): Promise<TransferLink> {
  const isIpv6 = address.includes(':');
  const socket = dgram.createSocket(isIpv6 ? 'udp6' : 'udp4');
  try {
    const listening = once(socket, 'listening');
    listening.catch(() => {});
    if (localAddress === undefined) socket.bind();
    else socket.bind(0, localAddress);
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  let isOpen = true;
  let leaving = 0;
  const closeWhenSent = () => {
    if (!isOpen && leaving === 0) socket.close();
  };
  const sendTo = (packet: Buffer, toPort: number, toAddress: string) => {
    if (!isOpen) return;
    leaving += 1;
    socket.send(packet, toPort, toAddress, () => {
      leaving -= 1;
      closeWhenSent();
    });
  };
  const send = (packet: Buffer) => sendTo(packet, port, address);
  socket.on('error', () => {});
  return {
    queue: (block, bytes) => send(encodeTftpPacket({ kind: 'data', block: block & 0xffff, bytes })),
    flush: () => {},
    send,
    receive: (take) =>
      void socket.on('message', (packet, from) => {
        if (from.address === address && from.port === port) take(packet);
        else if (!isError(packet)) sendTo(FOREIGN, from.port, from.address);
      }),
    close() {
      isOpen = false;
      closeWhenSent();
    },
  };
}

/** @param system undefined: plain Node */
export function createTransferPorts(system: LinuxCalls | undefined): TransferPorts {
  const shared = new Map<string, SharedPort[]>();
  const turns = new Map<number, number>();

  const openShared = (calls: LinuxCalls, client: ClientAddress, localAddress: string | undefined): TransferLink => {
    const ports = shared.get(localAddress ?? '') ?? [];
    shared.set(localAddress ?? '', ports);
    const at = turns.get(client.address) ?? 0;
    turns.delete(client.address);
    turns.set(client.address, (at + 1) % PORTS_IN_TURN);
    if (turns.size > CLIENTS_MAX) turns.delete(turns.keys().next().value!);
    while (ports.length <= at) ports.push(openSharedPort(calls, localAddress));
    return ports[at]!.open(client);
  };
  const attempt = async (peer: TftpPeer, localAddress: string | undefined): Promise<TransferLink> => {
    const address = ipv4ToNumber(peer.address);
    return system === undefined || address === undefined
      ? openSocket(peer, localAddress)
      : openShared(system, { address, port: peer.port }, localAddress);
  };
  return {
    async open(peer, localAddress) {
      if (localAddress === undefined) return attempt(peer, undefined);
      try {
        return await attempt(peer, localAddress);
      } catch {
        // The address is not ours any more: from any, which the client may or may not take.
        return attempt(peer, undefined);
      }
    },
    close() {
      for (const ports of shared.values()) for (const port of ports) port.close();
      shared.clear();
    },
  };
}

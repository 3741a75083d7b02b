import dgram from 'node:dgram';
import { once } from 'node:events';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { createDatagramSender, writeInetName } from '../socket/datagram-arena.ts';
import { decodeTftpPacket, encodeTftpPacket, TFTP_ERROR } from './tftp-codec.ts';
import { acknowledgedBlock, lastBlockOf, type TransferSettings } from './tftp-transfer-policy.ts';

/** Something to send: bytes in memory or a file. */
export interface TftpSource {
  readonly sizeBytes: number;
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

export interface TftpTransferResult {
  readonly outcome: 'complete' | 'timeout' | 'client-error' | 'read-error' | 'stopped';
  readonly bytesAcknowledged: number;
  readonly retransmits: number;
  readonly detail?: string;
}

/** With the doubling waits some 30 s from the first second: firmware that is silent for longer has rebooted. */
const ATTEMPTS_MAX = 5;
const TIMEOUT_MS_MAX = 16_000;
/** One read of the file feeds many blocks. */
const READ_AHEAD_BYTES = 256 * 1024;
const DATA_OPCODE = 3;
const DATA_HEADER_BYTES = 4;

export interface TftpPeer {
  readonly address: string;
  readonly port: number;
}

/** One transfer's socket: its port is the server's transfer identifier. With `batch` a window of blocks leaves with one system call. */
export interface TransferSocket {
  readonly socket: dgram.Socket;
  readonly batch?: { readonly system: LinuxCalls; readonly fd: number };
}

const AF_INET = 2;
const SOCK_DGRAM = 2;

function openDescriptor(system: LinuxCalls, localAddress: string | undefined): number {
  const fd = system.socket(AF_INET, SOCK_DGRAM, 0);
  const name = Buffer.alloc(16);
  writeInetName(name, ipv4ToNumber(localAddress ?? '0.0.0.0')!, 0);
  try {
    system.bind(fd, name);
    return fd;
  } catch (error) {
    system.close(fd);
    throw error;
  }
}

/** Towards `peer`, from `localAddress` where that is possible. IPv6 goes through plain Node. */
export async function openTransferSocket(
  peer: TftpPeer,
  localAddress: string | undefined,
  calls: LinuxCalls | undefined,
): Promise<TransferSocket> {
  const isIpv6 = peer.address.includes(':');
  const system = isIpv6 ? undefined : calls;
  for (const address of [localAddress, undefined]) {
    const socket = dgram.createSocket(isIpv6 ? 'udp6' : 'udp4');
    try {
      const listening = once(socket, 'listening');
      listening.catch(() => {});
      const fd = system && openDescriptor(system, address);
      if (fd !== undefined) socket.bind({ fd });
      else if (address === undefined) socket.bind();
      else socket.bind(0, address);
      await listening;
      return { socket, ...(system && fd !== undefined ? { batch: { system, fd } } : {}) };
    } catch (error) {
      socket.close();
      if (address === undefined) throw error;
    }
  }
  throw new Error('unreachable');
}

/** Sends DATA blocks of a window together. */
function createBlockSender({ socket, batch }: TransferSocket, peer: TftpPeer, settings: TransferSettings) {
  const address = ipv4ToNumber(peer.address);
  if (batch === undefined || address === undefined)
    return {
      queue: (block: number, bytes: Buffer) =>
        socket.send(encodeTftpPacket({ kind: 'data', block: block & 0xffff, bytes }), peer.port, peer.address, () => {}),
      flush: () => {},
    };
  const sender = createDatagramSender(batch.system, batch.fd, {
    slots: settings.windowBlocks,
    slotBytes: DATA_HEADER_BYTES + settings.blockBytes,
    nameBytes: 16,
    // An unreachable client shows as a timeout; the error adds nothing to it.
    onFailure: () => {},
  });
  return {
    queue(block: number, bytes: Buffer) {
      const slot = sender.slot();
      slot[0] = 0;
      slot[1] = DATA_OPCODE;
      slot[2] = (block >>> 8) & 255;
      slot[3] = block & 255;
      bytes.copy(slot, DATA_HEADER_BYTES);
      sender.queue(DATA_HEADER_BYTES + bytes.length, (name) => writeInetName(name, address, peer.port));
    },
    flush: () => sender.flush(),
  };
}

/** Reads the file a stretch at a time and hands out blocks of it. */
function createBlockReader(source: TftpSource, settings: TransferSettings) {
  const stretch = Math.max(READ_AHEAD_BYTES, settings.blockBytes * settings.windowBlocks);
  let start = 0;
  let bytes: Buffer = Buffer.alloc(0);
  return async (block: number): Promise<Buffer> => {
    const offset = (block - 1) * settings.blockBytes;
    const length = Math.max(0, Math.min(settings.blockBytes, source.sizeBytes - offset));
    if (offset < start || offset + length > start + bytes.length) {
      start = offset;
      bytes = await source.read(offset, Math.min(stretch, source.sizeBytes - offset));
      if (bytes.length < length) throw new Error('the file became shorter while it was sent');
    }
    return bytes.subarray(offset - start, offset - start + length);
  };
}

/** Sends the whole source to the peer and resolves with how it ended; never rejects. Closes neither socket nor source. */
export function runTftpTransfer(
  opened: TransferSocket,
  peer: TftpPeer,
  source: TftpSource,
  settings: TransferSettings,
  signal: AbortSignal,
): Promise<TftpTransferResult> {
  const { promise, resolve } = Promise.withResolvers<TftpTransferResult>();
  const last = lastBlockOf(source.sizeBytes, settings.blockBytes);
  const readBlock = createBlockReader(source, settings);
  const { socket } = opened;
  const blocks = createBlockSender(opened, peer, settings);
  // Block 0 stands for the OACK; without one the first window goes out at once.
  const negotiating = settings.granted.size > 0;
  let acknowledged = negotiating ? -1 : 0;
  let sent = acknowledged;
  let attempts = 0;
  let retransmits = 0;
  let timer: NodeJS.Timeout | undefined;
  // Counts windows, so that a window that is still being read when its ACK comes stops sending.
  let window = 0;
  let over = false;

  const finish = (outcome: TftpTransferResult['outcome'], detail?: string) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    const bytesAcknowledged = Math.max(0, Math.min(source.sizeBytes, acknowledged * settings.blockBytes));
    resolve({ outcome, bytesAcknowledged, retransmits, ...(detail === undefined ? {} : { detail }) });
  };
  const onAbort = () => finish('stopped');
  const transmit = (bytes: Buffer) => {
    // An unreachable client shows as a timeout; the error adds nothing to it.
    if (!over) socket.send(bytes, peer.port, peer.address, () => {});
  };
  const sendWindow = async () => {
    const mine = ++window;
    clearTimeout(timer);
    if (acknowledged < 0) {
      sent = 0;
      transmit(encodeTftpPacket({ kind: 'option-ack', options: settings.granted }));
    } else {
      const end = Math.min(last, acknowledged + settings.windowBlocks);
      for (let block = acknowledged + 1; block <= end; block += 1) {
        const bytes = await readBlock(block);
        if (over || mine !== window) return;
        sent = Math.max(sent, block);
        blocks.queue(block, bytes);
      }
      blocks.flush();
    }
    timer = setTimeout(onTimeout, Math.min(TIMEOUT_MS_MAX, settings.timeoutMs * 2 ** attempts));
  };
  const step = () => {
    sendWindow().catch((error: Error) => {
      transmit(encodeTftpPacket({ kind: 'error', code: TFTP_ERROR.undefined, message: 'the file cannot be read' }));
      finish('read-error', error.message);
    });
  };
  const onTimeout = () => {
    attempts += 1;
    if (attempts >= ATTEMPTS_MAX) return finish('timeout');
    retransmits += 1;
    step();
  };
  socket.on('error', (error) => finish('client-error', error.message));
  socket.on('message', (bytes, from) => {
    if (from.address !== peer.address || from.port !== peer.port) {
      socket.send(
        encodeTftpPacket({ kind: 'error', code: TFTP_ERROR.unknownTransfer, message: 'this transfer belongs to another client' }),
        from.port,
        from.address,
        () => {},
      );
      return;
    }
    const packet = decodeTftpPacket(bytes);
    if (isMalformed(packet)) return;
    if (packet.kind === 'error') return finish('client-error', packet.message);
    if (packet.kind !== 'ack') return;
    const block = acknowledgedBlock(packet.block, acknowledged, sent);
    if (block === undefined) return;
    acknowledged = block;
    attempts = 0;
    if (acknowledged >= last) finish('complete');
    else step();
  });
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  else step();
  return promise;
}

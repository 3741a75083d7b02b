import dgram from 'node:dgram';
import { once } from 'node:events';
import type { Clock } from '../../core/base/clock.ts';
import type { JsonObject } from '../../core/base/json.ts';
import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import type { Logger } from '../../core/base/logger.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import type { RecordEvent } from '../../core/base/machine-event.ts';
import type { BootCounters } from '../model/boot-counters.ts';
import type { BootClient } from '../model/boot-directory.ts';
import type { EventGate } from '../model/event-gate.ts';
import { decodeTftpPacket, encodeNetascii, encodeTftpPacket, TFTP_ERROR, type TftpPacket } from './tftp-codec.ts';
import { tellEnd } from './tftp-events.ts';
import { UNPACED, type Pace } from './tftp-pace-policy.ts';
import { negotiate } from './tftp-transfer-policy.ts';
import { runTftpTransfer, type TftpSource } from './tftp-transfer.ts';
import { createTransferPorts, type TftpPeer, type TransferPorts } from './transfer-port.ts';

export interface TftpRejection {
  readonly code: number;
  readonly message: string;
  /** Boot programs ask whether it is there, and go on without. */
  readonly isAskedInVain?: true;
}

/** What a client finds under a path: each client may find something else. */
export type TftpResolver = (path: string, client: BootClient) => Promise<TftpSource | Buffer | TftpRejection>;

export interface TftpServerOptions {
  readonly port: number;
  readonly address: string;
  readonly resolve: TftpResolver;
  readonly identify: (ipAddress: string) => BootClient;
  /** The address of ours that a client knows; its transfer comes from there. */
  readonly localAddressFor: (ipAddress: string) => string | undefined;
  readonly system: LinuxCalls | undefined;
  readonly counters: BootCounters;
  readonly recordEvent: RecordEvent;
  readonly gate: EventGate;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface TftpServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Each has up to 256 KiB of its file in memory: a rack or two at once. More are not answered, and ask again a second later. */
const TRANSFERS_MAX = 512;
/** A client that keeps asking from new ports must not use up the others' transfers. */
const TRANSFERS_PER_CLIENT_MAX = 16;
/** Text mode is converted in memory. */
const NETASCII_BYTES_MAX = 4 << 20;

type ReadRequest = Extract<TftpPacket, { kind: 'read' | 'write' }>;

export const bytesSource = (bytes: Buffer, evidence: JsonObject = {}): TftpSource => ({
  sizeBytes: bytes.length,
  evidence,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
  close: async () => {},
});

/** The source as the mode wants it, or a rejection. */
async function sourceInMode(source: TftpSource, mode: string): Promise<TftpSource | TftpRejection> {
  if (mode === 'octet') return source;
  if (mode !== 'netascii') return { code: TFTP_ERROR.illegalOperation, message: `mode ${mode.slice(0, 20)} is not served; use octet` };
  if (source.sizeBytes > NETASCII_BYTES_MAX)
    return { code: TFTP_ERROR.accessViolation, message: 'too large for netascii; use octet (binary) mode' };
  return bytesSource(encodeNetascii(await source.read(0, source.sizeBytes)), source.evidence);
}

class Transfers {
  readonly #options: TftpServerOptions;
  readonly #byPeer = new Map<string, AbortController>();
  readonly #perClient = new Map<string, number>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: TftpServerOptions) {
    this.#options = options;
  }

  /** Why a request is not taken up now, or undefined. */
  refusal(peer: TftpPeer): string | undefined {
    if (this.#byPeer.has(`${peer.address}:${peer.port}`)) return 'duplicate';
    if (this.#byPeer.size >= TRANSFERS_MAX) return 'busy';
    return (this.#perClient.get(peer.address) ?? 0) >= TRANSFERS_PER_CLIENT_MAX ? 'client-busy' : undefined;
  }

  start(peer: TftpPeer, work: (signal: AbortSignal) => Promise<void>): void {
    const key = `${peer.address}:${peer.port}`;
    const abort = new AbortController();
    this.#byPeer.set(key, abort);
    this.#perClient.set(peer.address, (this.#perClient.get(peer.address) ?? 0) + 1);
    const done = work(abort.signal)
      .catch((error: unknown) => {
        this.#options.counters.add('tftp.drop.internal-error');
        this.#options.logger.error({ err: error, client: peer.address }, 'a TFTP transfer ended by a fault in the server');
      })
      .finally(() => {
        this.#byPeer.delete(key);
        const left = (this.#perClient.get(peer.address) ?? 1) - 1;
        if (left > 0) this.#perClient.set(peer.address, left);
        else this.#perClient.delete(peer.address);
        this.#running.delete(done);
      });
    this.#running.add(done);
  }

  async stop(): Promise<void> {
    for (const abort of this.#byPeer.values()) abort.abort();
    await Promise.all(this.#running);
  }
}

/** Whose pace is remembered. */
const PACES_MAX = 10_000;

const sendError = (socket: dgram.Socket, peer: TftpPeer, rejection: TftpRejection): Promise<void> =>
  new Promise((resolve) => socket.send(encodeTftpPacket({ kind: 'error', ...rejection }), peer.port, peer.address, () => resolve()));

interface Serving {
  readonly options: TftpServerOptions;
  readonly ports: TransferPorts;
  /** By IP address, the one that was used last at the end. */
  readonly paces: Map<string, Pace>;
}

function remember(paces: Map<string, Pace>, address: string, pace: Pace): void {
  paces.delete(address);
  paces.set(address, pace);
  if (paces.size > PACES_MAX) paces.delete(paces.keys().next().value!);
}

async function serveRead(serving: Serving, peer: TftpPeer, request: ReadRequest, signal: AbortSignal): Promise<void> {
  const { options, ports, paces } = serving;
  // A link-local address has its interface behind a `%`.
  const client = options.identify(peer.address.split('%')[0]!);
  // Whoever reads a timeline shall not be able to boot as that machine.
  const path = request.path.replace(/[^\x20-\x7e]/g, '?').replace(/(boot\/)[^/]+(\/)/, '$1<token>$2');
  const startedMs = options.clock.nowMs();
  const link = await ports.open(peer, options.localAddressFor(peer.address));
  let opened: TftpSource | undefined;
  try {
    const found = await options.resolve(request.path, client);
    if (!Buffer.isBuffer(found) && 'read' in found) opened = found;
    const source = Buffer.isBuffer(found) ? bytesSource(found) : found;
    const ready = 'read' in source ? await sourceInMode(source, request.mode) : source;
    if (!('read' in ready)) {
      options.counters.add('tftp.rejected');
      options.gate.record(`tftp ${peer.address} ${path}`, {
        source: 'tftp',
        kind: 'tftp.rejected',
        severity: ready.isAskedInVain ? 'debug' : 'warning',
        message: `${peer.address} asked for ${path}: ${ready.message}`,
        machine: { ...(client.mac ? { mac: client.mac } : {}), ipAddress: peer.address },
        evidence: { path, code: ready.code },
      });
      return link.send(encodeTftpPacket({ kind: 'error', ...ready }));
    }
    const settings = negotiate(request.options, ready.sizeBytes);
    const { windowBlocks } = settings;
    options.counters.add('tftp.started');
    const result = await runTftpTransfer(link, ready, settings, paces.get(peer.address) ?? UNPACED, signal);
    if (windowBlocks > 1) remember(paces, peer.address, result.pace);
    tellEnd(options, client, { path, startedMs, evidence: ready.evidence ?? {} }, settings, result);
  } finally {
    link.close();
    await opened?.close();
  }
}

/** What one packet to the well-known port leads to. */
function createRequestHandler(serving: Serving, transfers: Transfers) {
  const { counters, gate } = serving.options;
  return (socket: dgram.Socket, bytes: Buffer, from: TftpPeer): void => {
    counters.add('tftp.received');
    const packet = decodeTftpPacket(bytes);
    if (isMalformed(packet)) {
      counters.add('tftp.drop.malformed');
      gate.record(`tftp malformed ${from.address}`, {
        source: 'tftp',
        kind: 'tftp.malformed',
        severity: 'warning',
        message: `a packet from ${from.address} is not TFTP: ${packet.reason}`,
        machine: { ipAddress: from.address },
      });
      return;
    }
    if (packet.kind === 'write') {
      counters.add('tftp.write-refused');
      gate.record(`tftp write ${from.address}`, {
        source: 'tftp',
        kind: 'tftp.rejected',
        severity: 'warning',
        message: `${from.address} tried to write a file; this server is read-only`,
        machine: { ipAddress: from.address },
      });
      void sendError(socket, from, { code: TFTP_ERROR.accessViolation, message: 'this server is read-only' });
      return;
    }
    if (packet.kind !== 'read') return counters.add('tftp.drop.stray');
    const refusal = transfers.refusal(from);
    if (refusal) return counters.add(`tftp.drop.${refusal}`);
    transfers.start(from, (signal) => serveRead(serving, from, packet, signal));
  };
}

async function listen(socket: dgram.Socket, port: number, address: string): Promise<void> {
  const listening = once(socket, 'listening');
  socket.bind(port, address);
  await listening;
}

/** Listens on IPv6 too where it listens on all addresses and the host has IPv6. */
export async function startTftpServer(options: TftpServerOptions): Promise<TftpServer> {
  const transfers = new Transfers(options);
  const ports = createTransferPorts(options.system);
  const handle = createRequestHandler({ options, ports, paces: new Map() }, transfers);
  const sockets: dgram.Socket[] = [];
  const open = async (type: 'udp4' | 'udp6', port: number, address: string) => {
    const socket = dgram.createSocket({ type, ipv6Only: type === 'udp6' });
    try {
      await listen(socket, port, address);
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.on('message', (bytes, from) => handle(socket, bytes, from));
    socket.on('error', (error) => options.logger.error({ err: error }, 'the TFTP socket reported an error'));
    sockets.push(socket);
    return socket.address().port;
  };
  const port = await open('udp4', options.port, options.address);
  if (options.address === '0.0.0.0')
    await open('udp6', port, '::').catch((error: unknown) => options.logger.warn({ err: error }, 'TFTP is not served over IPv6'));
  return {
    port,
    async stop() {
      for (const socket of sockets) socket.close();
      await transfers.stop();
      ports.close();
    },
  };
}

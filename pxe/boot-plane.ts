import type { Clock } from '../core/base/clock.ts';
import type { Logger } from '../core/base/logger.ts';
import type { RecordEvent } from '../core/base/machine-event.ts';
import type { Random } from '../core/base/random.ts';
import { startRouterAdvertiser } from './advertisement/router-advertiser.ts';
import type { AskHost, BootModel, LeaseRecord, StoreLeases } from './boot-model.ts';
import { createAddressProber } from './conflict/address-prober.ts';
import type { DhcpListen } from './dhcp/dhcp-socket.ts';
import { startDhcpServer } from './dhcp/dhcp-server.ts';
import { startDhcp6Server } from './dhcp6/dhcp6-server.ts';
import { startDnsServer } from './dns/dns-server.ts';
import { startBootHttpServer } from './http/boot-http-server.ts';
import { firstSequence, LeaseBook } from './lease/lease-book.ts';
import { startLeaseForwarder } from './lease/lease-forwarder.ts';
import { openLeaseJournal } from './lease/lease-journal.ts';
import { BootCounters } from './model/boot-counters.ts';
import { createBootDirectory } from './model/boot-directory.ts';
import { EventGate } from './model/event-gate.ts';
import { indexModel, type ModelIndex, serverNextTo } from './model/model-index.ts';
import { type FrameSender, openFrameSender } from './socket/frame-sender.ts';
import { openNeighbourTable } from './socket/neighbour-table.ts';
import { loadLinuxCalls, type LinuxCalls } from '../core/base/linux-calls.ts';
import { tellStart } from './model/tell-start.ts';
import type { NetworkShare } from './network-share.ts';
import { AnswerBook } from './sharing/answer-book.ts';
import { startPeerLinks } from './sharing/peer-links.ts';
import { createBootFileResolver } from './tftp/boot-file-resolver.ts';
import { startTftpServer } from './tftp/tftp-server.ts';

export interface BootPlaneOptions {
  readonly model: BootModel;
  /** The lease journal lives here; made when missing. */
  readonly dataDirectory: string;
  /** 8080; 0 for any free port. */
  readonly httpPort?: number;
  /** 69; 0 for any free port. */
  readonly tftpPort?: number;
  /** 67. Clients are answered on the next port, relays on the same. */
  readonly dhcpPort?: number;
  /** 4011; open where a subnet has a proxy. */
  readonly proxyDhcpPort?: number;
  /** 53; absent: names of machines are not served. */
  readonly dnsPort?: number;
  /** 647: where other boot servers of a shared network are heard. */
  readonly peerPort?: number;
  /** How networks are shared, as it was known last. Absent: this server is alone, and all addresses are its own. */
  readonly shares?: readonly NetworkShare[];
  /** 547. Clients are answered on the port below, relays on the same. */
  readonly dhcp6Port?: number;
  /** The address that HTTP and TFTP listen on; all by default. */
  readonly listenAddress?: string;
  readonly recordEvent: RecordEvent;
  readonly storeLeases: StoreLeases;
  /** Absent, late or failing: scripts follow the model. */
  readonly askHost?: AskHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface PeerView {
  readonly subnetId: string;
  readonly address: string;
  readonly isAlive: boolean;
  /** Records that it has not accepted yet. */
  readonly untold: number;
}

export interface BootPlaneAddresses {
  readonly dhcp: readonly DhcpListen[];
  /** Interfaces on which DHCPv6 clients are heard. */
  readonly dhcp6: readonly string[];
  /** Addresses on which names of machines are served. */
  readonly dns: readonly string[];
  /** Interfaces on which router solicitations are answered. */
  readonly routerAdvertisements: readonly string[];
  readonly tftpPort: number;
  readonly httpPort: number;
}

export interface BootPlane {
  /** Takes effect with the next packet. False, and without effect, when its version is lower than the current one's. */
  replaceModel(model: BootModel): Promise<boolean>;
  /** Takes effect with the next packet; an older share of a network never replaces a newer one. */
  setShares(shares: readonly NetworkShare[]): void;
  /** Takes in leases as the control plane has them, from this server's lost journal or another server. Resolves when they are durable. */
  learnLeases(leases: readonly LeaseRecord[]): Promise<void>;
  /** Resolves when the control plane has every lease that was durable before the call; rejects with the signal. */
  leasesStored(signal: AbortSignal): Promise<void>;
  /** The other boot servers of each network, as they are seen now. */
  peers(): readonly PeerView[];
  /** The newest record of every address. */
  leases(): readonly LeaseRecord[];
  addresses(): BootPlaneAddresses;
  /** Counters by dotted name, with a `drop` or `silence` for everything that was not answered. */
  metrics(): Readonly<Record<string, number>>;
  /** Ends every socket and timer within two seconds. Transfers break off; durable leases stay. */
  stop(): Promise<void>;
}

/** Interfaces come and go; leases run out: looked after this often. */
const HOUSEKEEPING_MS = 5000;

function openFrames(system: LinuxCalls | undefined, logger: Logger): FrameSender | undefined {
  if (!system) {
    logger.warn(
      {},
      'this Node cannot bind sockets to interfaces (node:ffi is missing): DHCP listens on all of them and can serve one directly attached subnet only',
    );
    return undefined;
  }
  try {
    return openFrameSender(system);
  } catch (error) {
    logger.warn({ err: error }, 'packet sockets are not allowed (CAP_NET_RAW): clients without an address are answered by broadcast');
    return undefined;
  }
}

async function openBook(options: BootPlaneOptions) {
  const { clock, random, logger } = options;
  const loaded = await openLeaseJournal(options.dataDirectory);
  if (loaded.damagedLines > 0)
    logger.warn({ damagedLines: loaded.damagedLines }, 'the lease journal had lines that could not be read; after a crash one is normal');
  const forwarder = startLeaseForwarder({
    storeLeases: options.storeLeases,
    clock,
    random,
    logger,
    onStored: (sequence) => loaded.journal.noteStored(sequence),
  });
  forwarder.add(loaded.leases.filter((lease) => lease.sequence > loaded.storedThrough));
  const book = new LeaseBook(loaded.leases, loaded.journal, forwarder, firstSequence(loaded.leases, loaded.storedThrough, clock.nowMs()));
  return { journal: loaded.journal, forwarder, book };
}

type Closers = (() => Promise<void> | void)[];

/** Starts the four services; each puts its end on `closers` as soon as it runs. */
async function startServices(
  options: BootPlaneOptions,
  currentIndex: () => ModelIndex,
  book: LeaseBook,
  counters: BootCounters,
  closers: Closers,
) {
  const { clock, logger, recordEvent } = options;
  const system = loadLinuxCalls();
  let boundHttpPort = options.httpPort ?? 8080;
  const httpPort = () => boundHttpPort;
  const directory = createBootDirectory({ currentIndex, leases: book, clock, httpPort, counters, askHost: options.askHost });
  const gate = new EventGate(recordEvent, clock);
  const shared = { currentIndex, counters, gate, recordEvent, clock, logger, address: options.listenAddress ?? '0.0.0.0' };
  const http = await startBootHttpServer({ ...shared, port: boundHttpPort, directory, system, random: options.random });
  boundHttpPort = http.port;
  closers.push(() => http.stop());
  const localAddressFor = (address: string) => serverNextTo(currentIndex(), address)?.address;
  const tftp = await startTftpServer({
    ...shared,
    port: options.tftpPort ?? 69,
    system,
    resolve: createBootFileResolver(directory, currentIndex, options.clock, system),
    identify: directory.identify,
    localAddressFor,
  });
  closers.push(() => tftp.stop());
  const frames = openFrames(system, logger);
  if (frames) closers.push(() => frames.close());
  const prober = system && createAddressProber({ system, clock, random: options.random, counters, logger });
  if (prober) closers.push(() => prober.close());
  const peers = startPeerLinks({ ...shared, port: options.peerPort ?? 647, book, random: options.random });
  closers.push(() => peers.stop());
  const answers = new AnswerBook(book.sharing, peers);
  const dhcp = startDhcpServer({
    prober,
    ...shared,
    answers,
    port: options.dhcpPort ?? 67,
    proxyPort: options.proxyDhcpPort ?? 4011,
    httpPort,
    book,
    system,
    frames,
  });
  closers.push(() => dhcp.stop());
  const neighbours = system && openNeighbourTable(system);
  if (neighbours) closers.push(() => neighbours.close());
  const dhcp6 = startDhcp6Server({
    ...shared,
    answers,
    port: options.dhcp6Port ?? 547,
    httpPort,
    book,
    neighbourOf: (address, interfaceName) => neighbours?.macOf(address, interfaceName),
  });
  closers.push(() => dhcp6.stop());
  const dns = options.dnsPort === undefined ? undefined : startDnsServer({ ...shared, port: options.dnsPort, book });
  closers.push(() => dns?.stop());
  const advertiser = startRouterAdvertiser({ ...shared, system });
  closers.push(() => advertiser.stop());
  return { http, tftp, dhcp, dhcp6, dns, advertiser, peers };
}

function readModel(model: BootModel, logger: Logger): ModelIndex {
  const index = indexModel(model);
  for (const problem of index.problems) logger.warn({ version: model.version }, `boot model: ${problem}`);
  return index;
}

/**
 * Starts DHCP, router advertisements, TFTP and HTTP boot in this process. Rejects when the journal cannot be read or the TFTP
 * or HTTP port cannot be had; an interface that is missing is waited for.
 */
export async function startBootPlane(options: BootPlaneOptions): Promise<BootPlane> {
  const { clock, logger } = options;
  const counters = new BootCounters();
  let index = readModel(options.model, logger);
  const { journal, forwarder, book } = await openBook(options);
  const closers: Closers = [() => journal.close(), () => forwarder.stop()];
  const stop = async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    if (options.shares !== undefined) book.sharing.setShares(options.shares);
    const { http, tftp, dhcp, dhcp6, dns, advertiser, peers } = await startServices(options, () => index, book, counters, closers);
    // One after the other: two at once would open a socket twice.
    let reconciling = Promise.resolve();
    const reconcile = () => (reconciling = reconciling.then(reconcileAll));
    const reconcileAll = async () => {
      advertiser.reconcile();
      peers.reconcile();
      await dhcp.reconcile();
      await dhcp6.reconcile();
      await dns?.reconcile();
    };
    await reconcile();
    const housekeeping = setInterval(() => {
      void reconcile();
      book
        .expire(clock.nowMs())
        .catch((error: unknown) => logger.warn({ err: error }, 'expired leases could not be written down; they are tried again'));
    }, HOUSEKEEPING_MS);
    closers.push(() => clearInterval(housekeeping));
    tellStart(options);
    return {
      async replaceModel(model) {
        if (model.version < index.model.version) return false;
        index = readModel(model, logger);
        await reconcile();
        return true;
      },
      setShares(shares) {
        book.sharing.setShares(shares);
        peers.reconcile();
      },
      learnLeases: async (leases) => void (await book.merge(leases, clock.nowMs())),
      async leasesStored(signal) {
        // What was decided before is handed to the forwarder when this is on the disk.
        await journal.append([]);
        await forwarder.stored(signal);
      },
      peers: () =>
        book.sharing
          .networks()
          .flatMap(({ share: { subnetId }, outboxes }) =>
            [...outboxes].map(([address, { size }]) => ({ subnetId, address, isAlive: peers.isAlive(subnetId, address), untold: size })),
          ),
      leases: () => book.records(),
      addresses: () => ({
        dhcp: dhcp.listening(),
        dhcp6: dhcp6.listening(),
        dns: dns?.listening() ?? [],
        routerAdvertisements: advertiser.listening(),
        tftpPort: tftp.port,
        httpPort: http.port,
      }),
      metrics: () => ({
        ...counters.snapshot(),
        'lease.known': book.table.size + book.table6.size,
        'lease.stored': forwarder.counters.stored,
        'lease.store-failures': forwarder.counters.failures,
        'lease.store-pending': forwarder.pending(),
        'journal.writes': journal.counters.writes,
        'journal.compactions': journal.counters.compactions,
        'journal.failures': journal.counters.failures,
      }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

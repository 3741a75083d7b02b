import type { Clock } from '../core/base/clock.ts';
import { ipv4ToNumber } from '../core/base/ipv4-address.ts';
import type { Logger } from '../core/base/logger.ts';
import type { MacAddress } from '../core/base/mac-address.ts';
import type { RecordEvent } from '../core/base/machine-event.ts';
import type { Random } from '../core/base/random.ts';
import type { AskHost, BootModel, LeaseRecord, StoreLeases } from './boot-model.ts';
import { createPacketHandler, type DhcpListener } from './dhcp/dhcp-server.ts';
import { tellFile, tellScript, type FileEnd } from './http/http-events.ts';
import { firstSequence, LeaseBook } from './lease/lease-book.ts';
import { startLeaseForwarder } from './lease/lease-forwarder.ts';
import { BootCounters } from './model/boot-counters.ts';
import { createBootDirectory } from './model/boot-directory.ts';
import { EventGate } from './model/event-gate.ts';
import { indexModel } from './model/model-index.ts';
import { tellStart } from './model/tell-start.ts';
import { tellEnd } from './tftp/tftp-events.ts';
import { UNPACED } from './tftp/tftp-pace-policy.ts';
import { negotiate } from './tftp/tftp-transfer-policy.ts';

/**
 * The boot plane without sockets and disks: packets and requests come in as values, and so do the ends of transfers, which somebody else
 * acts out. Decisions, leases and events are those of `boot-plane.ts`.
 */
export interface BootDesk {
  replaceModel(model: BootModel): void;
  /** A DHCP packet from a client on the interface; what is answered comes by `onReply`. */
  takeDhcp(packet: Buffer, interfaceName: string): void;
  /** The iPXE script for a machine, as text. */
  script(mac: MacAddress, ipAddress: string, platform: string): Promise<string>;
  endTftp(ipAddress: string, path: string, end: TftpEnd): void;
  endFile(ipAddress: string, shownPath: string, end: FileEnd & { readonly startedMs: number }): void;
  /** What the next desk of this boot server starts with. */
  leases(): readonly LeaseRecord[];
  stop(): Promise<void>;
}

export interface TftpEnd {
  readonly outcome: 'complete' | 'timeout';
  readonly bytes: number;
  readonly retransmits: number;
  readonly startedMs: number;
}

export interface BootDeskOptions {
  readonly model: BootModel;
  readonly leases: readonly LeaseRecord[];
  /** A lease is durable when this resolves; rejects when it can not be made so, and then no ACK is sent. */
  readonly keepLeases: (leases: readonly LeaseRecord[]) => Promise<void>;
  readonly onReply: (packet: Buffer) => void;
  readonly httpPort: number;
  readonly recordEvent: RecordEvent;
  readonly storeLeases: StoreLeases;
  readonly askHost: AskHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const DHCP_PORT = 67;
const CLIENT_PORT = 68;

export function createBootDesk(options: BootDeskOptions): BootDesk {
  const { clock, random, logger, recordEvent } = options;
  let index = indexModel(options.model);
  const currentIndex = () => index;
  const counters = new BootCounters();
  const forwarder = startLeaseForwarder({ storeLeases: options.storeLeases, clock, random, logger, onStored: () => {} });
  const journal = {
    append: options.keepLeases,
    noteStored: () => {},
    counters: { writes: 0, compactions: 0, failures: 0 },
    close: async () => {},
  };
  const book = new LeaseBook(options.leases, journal, forwarder, firstSequence(options.leases, 0, clock.nowMs()));
  const httpPort = () => options.httpPort;
  const directory = createBootDirectory({ currentIndex, leases: book, clock, httpPort, counters, askHost: options.askHost });
  const gate = new EventGate(recordEvent, clock);
  const told = { counters, recordEvent, clock };
  const handler = createPacketHandler(
    {
      ...told,
      port: DHCP_PORT,
      httpPort,
      currentIndex,
      book,
      gate,
      logger,
      answers: undefined,
      system: undefined,
      frames: undefined,
      prober: undefined,
    },
    () => true,
  );
  const channel = { send: options.onReply, flush: () => {}, close: () => {} };
  const call = (ipAddress: string) => ({ client: directory.identify(ipAddress), id: `http-${random.bytes(6).toString('hex')}` });
  tellStart(options);
  return {
    replaceModel(model) {
      if (model.version >= index.model.version) index = indexModel(model);
    },
    takeDhcp(packet, name) {
      const listen = { kind: 'interface', interface: name } as const;
      const listener: DhcpListener = { key: `interface ${name}`, listen, port: DHCP_PORT, channel, interface: name, interfaceIndex: 0 };
      handler.onPackets(listener, [{ bytes: packet, from: ipv4ToNumber('0.0.0.0')!, fromPort: CLIENT_PORT }], false);
    },
    async script(mac, ipAddress, platform) {
      const script = await directory.script(mac, ipAddress, { platform });
      tellScript(told, call(ipAddress), { mac, script, said: new URLSearchParams({ platform }) });
      return script.text;
    },
    endTftp(ipAddress, path, { outcome, bytes, retransmits, startedMs }) {
      const settings = negotiate(new Map([['blksize', '1456']]), bytes);
      const result = { outcome, bytesAcknowledged: bytes, retransmits, pace: UNPACED };
      tellEnd(told, directory.identify(ipAddress), { path, startedMs }, settings, result);
    },
    endFile(ipAddress, shownPath, { startedMs, ...end }) {
      tellFile(told, { ...call(ipAddress), startedMs, shownPath }, end);
    },
    leases: () => book.records(),
    stop: () => forwarder.stop(),
  };
}

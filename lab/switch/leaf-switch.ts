import type { Clock } from '../../core/base/clock.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeLldp } from '../../deploy-agent/agent/inventory/lldp-codec.ts';
import type { FrameDisturber } from './frame-faults.ts';
import { encodeLldp } from './lldp-codec.ts';
import { FRAME_BYTES_MIN } from './stream-frame-codec.ts';
import { putTag, readTag, takeTag } from './vlan-tag-codec.ts';

/** A learning Ethernet switch with VLANs (IEEE 802.1Q) in memory: ports are functions, frames are buffers. */
export interface LeafSwitch {
  readonly name: string;
  readonly chassisMac: string;
  addPort(settings: PortSettings): LeafPort;
  ports(): readonly LeafPort[];
  /** Frames of a VLAN that it does not have are dropped. */
  setVlans(vlans: Iterable<number>): void;
  /** Sends one LLDP frame out of every port that announces; called by a timer. */
  announce(): void;
}

export interface PortSettings {
  /** `Ethernet1/7` */
  readonly name: string;
  readonly description: string;
  /** Towards whatever is plugged in; false when it could not take the frame. */
  readonly deliver: (frame: Buffer) => boolean;
  readonly announces: boolean;
  /** Default: those of the provisioning VLAN. */
  readonly vlans?: LeafVlans;
  /** Sees every frame that passes the port, either way. */
  readonly capture?: (frame: Buffer, atMs: number) => void;
}

export interface LeafVlans {
  /** Of frames without a tag; null: they are dropped. */
  readonly untagged: number | null;
  readonly tagged: readonly number[] | 'all';
}

export interface LeafPort {
  readonly name: string;
  readonly description: string;
  vlans(): LeafVlans;
  /** What was learnt on it is forgotten. */
  setVlans(vlans: LeafVlans): void;
  /** Ports of one name are one link: a frame goes out of one of them, and never back into it. LACP is not spoken. Null: alone. */
  setLag(name: string | null): void;
  lag(): string | null;
  /** Who announced itself there last. */
  neighbour(): { readonly systemName: string; readonly portId: string } | undefined;
  readonly counters: Readonly<PortCounters>;
  linkUp(): boolean;
  /** A port that is down passes nothing, and what was learnt on it is forgotten. */
  setLink(up: boolean): void;
  receive(frame: Buffer): void;
}

export interface PortCounters {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  dropped: number;
  runts: number;
}

export interface LeafSettings {
  readonly name: string;
  readonly chassisMac: string;
  readonly clock: Clock;
  /** Between a frame's arrival and its forwarding. Default: nothing happens to it. */
  readonly disturber?: FrameDisturber;
}

/** What everything is in unless somebody says otherwise: the provisioning network. */
export const DEFAULT_VLAN = 1;
export const LLDP_TIME_TO_LIVE_SECONDS = 120;
const ETHERTYPE_LLDP = 0x88cc;
/** 01:80:c2:00:00:00 to 0f stay on their link (IEEE 802.1Q-2018 table 8-1). */
const LINK_LOCAL_PREFIX = 0x0180c20000;
/** An address that moved is relearnt with its next frame; one that left is forgotten after this time. */
const LEARNT_MS = 300_000;
/** In each VLAN: a guest that invents addresses must not fill the memory. */
const ADDRESSES_MAX = 4_096;

interface Port extends LeafPort {
  readonly settings: PortSettings;
  readonly counters: PortCounters;
  /** Out of the port as it is. */
  send(frame: Buffer): void;
  /** A frame of this VLAN, with no tag: with one where the port has the VLAN so, not at all where it has not. */
  sendIn(vlan: number, frame: Buffer): void;
}

type Addresses = Map<number, { port: Port; untilMs: number }>;

const hasTagged = ({ tagged }: LeafVlans, vlan: number) => tagged === 'all' || tagged.includes(vlan);

/** The VLAN of a frame that comes in, and the frame without its tag; undefined: the port does not have it (802.1Q-2018, 8.6.2). */
function classify(vlans: LeafVlans, frame: Buffer): { vlan: number; frame: Buffer } | undefined {
  const tag = readTag(frame);
  // A tag with VLAN 0 only says a priority.
  const plain = tag === undefined ? frame : takeTag(frame);
  if (tag === undefined || tag === 0) return vlans.untagged === null ? undefined : { vlan: vlans.untagged, frame: plain };
  return hasTagged(vlans, tag) && tag !== vlans.untagged ? { vlan: tag, frame: plain } : undefined;
}

export function createLeafSwitch(settings: LeafSettings): LeafSwitch {
  const { clock, disturber } = settings;
  const ports: Port[] = [];
  const tables = new Map<number, Addresses>([[DEFAULT_VLAN, new Map()]]);

  const learn = (addresses: Addresses, source: number, port: Port) => {
    if (!addresses.has(source) && addresses.size >= ADDRESSES_MAX) {
      const oldest = addresses.keys().next();
      if (!oldest.done) addresses.delete(oldest.value);
    }
    addresses.set(source, { port, untilMs: clock.nowMs() + LEARNT_MS });
  };
  const forget = (port: Port) => {
    for (const addresses of tables.values()) for (const [address, entry] of addresses) if (entry.port === port) addresses.delete(address);
  };
  const forward = (vlan: number, frame: Buffer, from: Port) => {
    const isGroup = (frame[0]! & 1) === 1;
    const destination = frame.readUIntBE(0, 6);
    const known = isGroup ? undefined : tables.get(vlan)?.get(destination);
    if (known && known.untilMs > clock.nowMs()) {
      if (!isSameLink(known.port, from)) known.port.sendIn(vlan, frame);
      return;
    }
    for (const port of ports) if (!isSameLink(port, from) && isFirst(port)) port.sendIn(vlan, frame);
  };
  /** Of the members of its LAG with a link. */
  const isFirst = (port: Port) => port.lag() === null || port === ports.find((one) => one.lag() === port.lag() && one.linkUp());
  const enter = (frame: Buffer, port: Port) => {
    if (isLinkLocal(frame)) return;
    const inside = classify(port.vlans(), frame);
    const addresses = inside === undefined ? undefined : tables.get(inside.vlan);
    if (inside === undefined || addresses === undefined || inside.frame.length < FRAME_BYTES_MIN) return void (port.counters.dropped += 1);
    if ((frame[6]! & 1) === 0) learn(addresses, frame.readUIntBE(6, 6), port);
    if (disturber) disturber.pass(inside.frame, (each) => forward(inside.vlan, each, port));
    else forward(inside.vlan, inside.frame, port);
  };

  return {
    name: settings.name,
    chassisMac: settings.chassisMac,
    ports: () => ports,
    setVlans(vlans) {
      const wanted = new Set(vlans);
      for (const vlan of tables.keys()) if (!wanted.has(vlan)) tables.delete(vlan);
      for (const vlan of wanted) if (!tables.has(vlan)) tables.set(vlan, new Map());
    },
    addPort(portSettings) {
      const port = createPort(portSettings, clock, enter, forget);
      ports.push(port);
      return port;
    },
    announce() {
      for (const port of ports) if (port.settings.announces) port.send(announcementOf(settings, port));
    },
  };
}

const isSameLink = (one: LeafPort, other: LeafPort) => one === other || (one.lag() !== null && one.lag() === other.lag());

const isLinkLocal = (frame: Buffer) => Math.floor(frame.readUIntBE(0, 6) / 256) === LINK_LOCAL_PREFIX && (frame[5]! & 0xf0) === 0;

const announcementOf = (settings: LeafSettings, port: Port): Buffer =>
  encodeLldp({
    chassisMac: settings.chassisMac,
    portId: port.name,
    portDescription: port.settings.description,
    systemName: settings.name,
    timeToLiveSeconds: LLDP_TIME_TO_LIVE_SECONDS,
  });

function createPort(settings: PortSettings, clock: Clock, enter: (frame: Buffer, port: Port) => void, forget: (port: Port) => void): Port {
  const counters: PortCounters = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0, dropped: 0, runts: 0 };
  let up = true;
  let vlans = settings.vlans ?? { untagged: DEFAULT_VLAN, tagged: [] };
  let lag: string | null = null;
  let neighbour: ReturnType<LeafPort['neighbour']>;
  const port: Port = {
    name: settings.name,
    description: settings.description,
    settings,
    counters,
    linkUp: () => up,
    setLink(next) {
      up = next;
      if (!up) forget(port);
    },
    vlans: () => vlans,
    setVlans(next) {
      vlans = next;
      forget(port);
    },
    lag: () => lag,
    setLag(next) {
      if (next === lag) return;
      lag = next;
      forget(port);
    },
    neighbour: () => neighbour,
    receive(frame) {
      if (frame.length < FRAME_BYTES_MIN) return void (counters.runts += 1);
      if (!up) return void (counters.dropped += 1);
      counters.framesIn += 1;
      counters.bytesIn += frame.length;
      settings.capture?.(frame, clock.nowMs());
      if (frame.readUInt16BE(12) === ETHERTYPE_LLDP) {
        const said = decodeLldp(frame);
        if (!isMalformed(said)) neighbour = { systemName: said.systemName ?? said.chassisId, portId: said.portId };
      }
      enter(frame, port);
    },
    send(frame) {
      if (!up || !settings.deliver(frame)) return void (counters.dropped += 1);
      counters.framesOut += 1;
      counters.bytesOut += frame.length;
      settings.capture?.(frame, clock.nowMs());
    },
    sendIn(vlan, frame) {
      if (vlan === vlans.untagged) port.send(frame);
      else if (hasTagged(vlans, vlan)) port.send(putTag(frame, vlan));
    },
  };
  return port;
}

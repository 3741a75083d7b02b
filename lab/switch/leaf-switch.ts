import type { Clock } from '../../core/base/clock.ts';
import type { FrameDisturber } from './frame-faults.ts';
import { encodeLldp } from './lldp-codec.ts';
import { FRAME_BYTES_MIN } from './stream-frame-codec.ts';

/** A learning Ethernet switch in memory: ports are functions, frames are buffers. */
export interface LeafSwitch {
  addPort(settings: PortSettings): LeafPort;
  ports(): readonly LeafPort[];
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
  /** Sees every frame that passes the port, either way. */
  readonly capture?: (frame: Buffer, atMs: number) => void;
}

export interface LeafPort {
  readonly name: string;
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

const LLDP_TIME_TO_LIVE_SECONDS = 120;
/** 01:80:c2:00:00:00 to 0f stay on their link (IEEE 802.1Q-2018 table 8-1). */
const LINK_LOCAL_PREFIX = 0x0180c20000;
/** An address that moved is relearnt with its next frame; one that left is forgotten after this time. */
const LEARNT_MS = 300_000;
/** A guest that invents addresses must not fill the memory. */
const ADDRESSES_MAX = 4_096;

interface Port extends LeafPort {
  readonly settings: PortSettings;
  readonly counters: PortCounters;
  send(frame: Buffer): void;
}

export function createLeafSwitch(settings: LeafSettings): LeafSwitch {
  const { clock, disturber } = settings;
  const ports: Port[] = [];
  const addresses = new Map<number, { port: Port; untilMs: number }>();

  const learn = (source: number, port: Port) => {
    if (!addresses.has(source) && addresses.size >= ADDRESSES_MAX) {
      const oldest = addresses.keys().next();
      if (!oldest.done) addresses.delete(oldest.value);
    }
    addresses.set(source, { port, untilMs: clock.nowMs() + LEARNT_MS });
  };

  const forward = (frame: Buffer, from: Port) => {
    const destination = frame.readUIntBE(0, 6);
    if (Math.floor(destination / 256) === LINK_LOCAL_PREFIX && (destination & 0xf0) === 0) return;
    const isGroup = (frame[0]! & 1) === 1;
    const known = isGroup ? undefined : addresses.get(destination);
    if (known && known.untilMs > clock.nowMs()) {
      if (known.port !== from) known.port.send(frame);
      return;
    }
    for (const port of ports) if (port !== from) port.send(frame);
  };

  const createPort = (portSettings: PortSettings): Port => {
    const counters: PortCounters = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0, dropped: 0, runts: 0 };
    let up = true;
    const port: Port = {
      name: portSettings.name,
      settings: portSettings,
      counters,
      linkUp: () => up,
      setLink(next) {
        up = next;
        if (!up) for (const [address, entry] of addresses) if (entry.port === port) addresses.delete(address);
      },
      receive(frame) {
        if (frame.length < FRAME_BYTES_MIN) return void (counters.runts += 1);
        if (!up) return void (counters.dropped += 1);
        counters.framesIn += 1;
        counters.bytesIn += frame.length;
        portSettings.capture?.(frame, clock.nowMs());
        const source = frame.readUIntBE(6, 6);
        if ((frame[6]! & 1) === 0) learn(source, port);
        if (disturber) disturber.pass(frame, (each) => forward(each, port));
        else forward(frame, port);
      },
      send(frame) {
        if (!up || !portSettings.deliver(frame)) return void (counters.dropped += 1);
        counters.framesOut += 1;
        counters.bytesOut += frame.length;
        portSettings.capture?.(frame, clock.nowMs());
      },
    };
    return port;
  };

  return {
    ports: () => ports,
    addPort(portSettings) {
      const port = createPort(portSettings);
      ports.push(port);
      return port;
    },
    announce() {
      for (const port of ports) {
        if (!port.settings.announces) continue;
        port.send(
          encodeLldp({
            chassisMac: settings.chassisMac,
            portId: port.name,
            portDescription: port.settings.description,
            systemName: settings.name,
            timeToLiveSeconds: LLDP_TIME_TO_LIVE_SECONDS,
          }),
        );
      }
    },
  };
}

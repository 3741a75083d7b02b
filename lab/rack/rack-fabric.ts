import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/base/clock.ts';
import { seededRandom } from '../../core/base/random.ts';
import { createFrameDisturber, type FrameDisturber } from '../switch/frame-faults.ts';
import { createLeafSwitch, type LeafPort, type LeafSwitch } from '../switch/leaf-switch.ts';
import { openPcapWriter, type PcapWriter } from '../switch/pcap-writer.ts';
import { listenStreamSocket, type StreamSocket } from '../switch/stream-socket-server.ts';
import { openTapDevice } from '../switch/tap-device.ts';
import type { MachineSpec } from '../topology.ts';
import type { RackConfig } from './rack-message.ts';

/** The rack's network: a leaf switch with a port for each NIC and an uplink to the namespace's own interface. */
export interface RackFabric {
  readonly leaf: LeafSwitch;
  readonly disturber: FrameDisturber;
  nicSockets(machine: MachineSpec): readonly string[];
  /** Where the cable is that was plugged into this port at the start. */
  port(cable: number): LeafPort | undefined;
  /** The cable that was in port `cable` at the start goes into another port; the one in there takes its place. */
  plug(cable: number, switchPort: number): void;
  close(): void;
}

const UPLINK = 'Uplink1';
/** IEEE 802.1AB recommends 30 s; an agent that listens for a few seconds shall hear one. */
const ANNOUNCE_MS = 2_000;

const portName = (switchPort: number): string => `Ethernet1/${switchPort}`;

export async function startFabric(config: RackConfig, clock: Clock): Promise<RackFabric> {
  const { spec, faults, runDirectory, socketDirectory } = config;
  const captures = join(runDirectory, 'captures');
  mkdirSync(captures, { recursive: true });
  const writers: PcapWriter[] = [];
  /** By the port that the cable was in at the start. */
  const sockets = new Map<number, StreamSocket>();
  const byNumber = new Map<number, LeafPort>();
  const portOfCable = new Map<number, number>();
  const cableOfPort = new Map<number, number>();
  const disturber = createFrameDisturber(faults.frames ?? {}, seededRandom(spec.seed));
  const leaf = createLeafSwitch({ ...spec.leaf, clock, disturber });
  const capture = (name: string) => {
    const writer = openPcapWriter(join(captures, `${name.replace('/', '-').toLowerCase()}.pcap`));
    writers.push(writer);
    return (frame: Buffer, atMs: number) => writer.write(frame, atMs);
  };
  const socketPath = (switchPort: number) => join(socketDirectory, `port-${switchPort}`);

  const tap = openTapDevice(spec.network.interface, (frame) => uplink.receive(frame));
  const uplink = leaf.addPort({
    name: UPLINK,
    description: spec.network.interface,
    deliver: (frame) => tap.write(frame),
    announces: false,
    capture: capture(UPLINK),
  });

  const portOf = (cable: number) => byNumber.get(portOfCable.get(cable)!);
  const connectCable = (cable: number, switchPort: number) => {
    portOfCable.set(cable, switchPort);
    cableOfPort.set(switchPort, cable);
  };
  const plug = (cable: number, switchPort: number) => {
    const [before, other] = [portOfCable.get(cable), cableOfPort.get(switchPort)];
    if (before === undefined || other === undefined) throw new Error(`there is no port ${before === undefined ? cable : switchPort}`);
    connectCable(other, before);
    connectCable(cable, switchPort);
    for (const port of [byNumber.get(before)!, byNumber.get(switchPort)!]) port.setVlans(port.vlans());
    leaf.announce();
  };

  const addPort = async (description: string, switchPort: number) => {
    const name = portName(switchPort);
    const socket = await listenStreamSocket(
      socketPath(switchPort),
      (frame) => portOf(switchPort)?.receive(frame),
      () => leaf.announce(),
    );
    sockets.set(switchPort, socket);
    const port = leaf.addPort({
      name,
      description,
      deliver: (frame) => sockets.get(cableOfPort.get(switchPort)!)!.deliver(frame),
      announces: true,
      capture: capture(name),
    });
    byNumber.set(switchPort, port);
    connectCable(switchPort, switchPort);
  };
  for (const machine of spec.machines)
    for (const [nic, { switchPort }] of machine.nics.entries()) await addPort(`${machine.name} nic ${nic + 1}`, switchPort);
  await addPort('spare', spec.leaf.sparePort);
  const timer = setInterval(() => leaf.announce(), ANNOUNCE_MS);

  return {
    leaf,
    disturber,
    nicSockets: (machine) => machine.nics.map((nic) => socketPath(nic.switchPort)),
    port: portOf,
    plug,
    close() {
      clearInterval(timer);
      for (const socket of sockets.values()) socket.close();
      tap.close();
      for (const writer of writers) writer.close();
    },
  };
}

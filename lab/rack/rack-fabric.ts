import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/base/clock.ts';
import { createLeafSwitch, type LeafPort, type LeafSwitch } from '../switch/leaf-switch.ts';
import { openPcapWriter, type PcapWriter } from '../switch/pcap-writer.ts';
import { listenStreamSocket, type StreamSocket } from '../switch/stream-socket-server.ts';
import { openTapDevice } from '../switch/tap-device.ts';
import type { MachineSpec } from '../topology.ts';
import type { RackConfig } from './rack-message.ts';

/** The rack's network: a leaf switch with a port for each NIC and an uplink to the namespace's own interface. */
export interface RackFabric {
  readonly leaf: LeafSwitch;
  nicSockets(machine: MachineSpec): readonly string[];
  port(switchPort: number): LeafPort | undefined;
  close(): void;
}

const UPLINK = 'Uplink1';
/** IEEE 802.1AB recommends 30 s; an agent that listens for a few seconds shall hear one. */
const ANNOUNCE_MS = 2_000;

const portName = (switchPort: number): string => `Ethernet1/${switchPort}`;

export async function startFabric(config: RackConfig, clock: Clock): Promise<RackFabric> {
  const { spec, runDirectory, socketDirectory } = config;
  const captures = join(runDirectory, 'captures');
  mkdirSync(captures, { recursive: true });
  const writers: PcapWriter[] = [];
  const sockets: StreamSocket[] = [];
  const byNumber = new Map<number, LeafPort>();
  const leaf = createLeafSwitch({ ...spec.leaf, clock });
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

  const addNic = async (machine: MachineSpec, nic: number, switchPort: number) => {
    const name = portName(switchPort);
    const socket = await listenStreamSocket(
      socketPath(switchPort),
      (frame) => port.receive(frame),
      () => leaf.announce(),
    );
    sockets.push(socket);
    const port = leaf.addPort({
      name,
      description: `${machine.name} nic ${nic + 1}`,
      deliver: (frame) => socket.deliver(frame),
      announces: true,
      capture: capture(name),
    });
    byNumber.set(switchPort, port);
  };
  for (const machine of spec.machines) for (const [nic, { switchPort }] of machine.nics.entries()) await addNic(machine, nic, switchPort);
  const timer = setInterval(() => leaf.announce(), ANNOUNCE_MS);

  return {
    leaf,
    nicSockets: (machine) => machine.nics.map((nic) => socketPath(nic.switchPort)),
    port: (switchPort) => byNumber.get(switchPort),
    close() {
      clearInterval(timer);
      for (const socket of sockets) socket.close();
      tap.close();
      for (const writer of writers) writer.close();
    },
  };
}

import { systemClock } from '../core/base/clock.ts';
import { createTlsIdentity } from '../core/base/tls-identity.ts';
import { startEapiServer } from './switch/eapi/eapi-server.ts';
import { createEosCli } from './switch/eapi/eos-cli.ts';
import { createLeafSwitch, type LeafPort, type LeafVlans } from './switch/leaf-switch.ts';
import { openTapDevice } from './switch/tap-device.ts';

/**
 * A leaf switch alone, as a program in a namespace of its own: a TAP device for each port, which whoever started it moves to where it is plugged in, and its
 * management. Its argument is a {@link SwitchProcessConfig} as JSON; it prints a {@link SwitchProcessReady} and ends with its standard input.
 */
export interface SwitchProcessConfig {
  readonly name: string;
  readonly chassisMac: string;
  readonly ports: readonly { readonly name: string; readonly tap: string; readonly vlans?: LeafVlans }[];
  /** Port 0: any. */
  readonly management: { readonly address: string; readonly port: number; readonly username: string; readonly password: string };
}

export interface SwitchProcessReady {
  readonly port: number;
  readonly certificatePem: string;
}

const { name, chassisMac, ports, management } = JSON.parse(process.argv[2]!) as SwitchProcessConfig;
const leaf = createLeafSwitch({ name, chassisMac, clock: systemClock });
for (const { name: portName, tap, vlans } of ports) {
  const device = openTapDevice(tap, (frame) => port.receive(frame));
  const port: LeafPort = leaf.addPort({
    name: portName,
    description: tap,
    announces: false,
    deliver: (frame) => device.write(frame),
    ...(vlans === undefined ? {} : { vlans }),
  });
}
const tls = createTlsIdentity(name, systemClock.nowMs());
const server = await startEapiServer({ ...management, cli: createEosCli(leaf), tls });
const ready: SwitchProcessReady = { port: server.port, certificatePem: tls.certificatePem };
process.stdout.write(`${JSON.stringify(ready)}\n`);
process.stdin.once('close', () => process.exit(0)).resume();

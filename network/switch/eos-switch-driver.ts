import { randomBytes } from 'node:crypto';
import { parseMacAddress } from '../../core/base/mac-address.ts';
import { createEapiClient, type EapiClient, type EapiOptions } from './eapi-client.ts';
import { lagCommands, type EosPorts } from './eos-lag-policy.ts';
import {
  decodePortChannels,
  decodeSwitchport,
  encodeSwitchport,
  PORT_CHANNEL,
  type PortChannelsValue,
  type SwitchportValue,
} from './eos-port-codec.ts';
import { describeVlans, SwitchError, type Neighbour, type PortVlans, type SwitchDriver } from './switch-driver.ts';

/*
 * Arista EOS by eAPI. Changes go through a configuration session, which is committed as a whole or aborted; a name is put into a command only after the switch
 * has listed it as a switch port, so neither a range nor a management interface is ever meant.
 */
export interface EosOptions extends EapiOptions {
  /** What was made outlives a restart of the switch: without it a machine's port would be in its old network until the next look. */
  readonly savesConfiguration: boolean;
}

export function createEosSwitchDriver(options: EosOptions): SwitchDriver {
  const client = createEapiClient(options);
  return {
    async describe(signal) {
      const [shown] = (await client.run(['show version'], signal)) as [{ systemMacAddress?: string; modelName?: string; version?: string }];
      const chassisMac = parseMacAddress(shown.systemMacAddress ?? '');
      if (chassisMac === undefined) throw new SwitchError('absent', `${options.host} does not say its system MAC address`);
      return { chassisMac, model: shown.modelName ?? '', software: `EOS ${shown.version ?? ''}`.trim() };
    },
    readPorts: async (names, signal) => {
      const { ports: all } = await readAll(client, signal);
      return new Map(names.flatMap((name) => (all.has(name) ? [[name, all.get(name)!] as const] : [])));
    },
    async writePorts(wished, signal) {
      if (wished.size === 0) return;
      const known = await readAll(client, signal);
      const commands = [...wished].flatMap(([name, vlans]) => portCommands(options.host, known, name, vlans));
      const groups = lagCommands(known, wished, switchportCommands);
      await commit(client, [...vlanCommands([...wished.values()]), ...commands, ...groups], signal);
      if (options.savesConfiguration) await client.run(['enable', 'write memory'], signal);
    },
    async neighbours(signal) {
      const [shown] = (await client.run(['show lldp neighbors'], signal)) as [
        { lldpNeighbors?: readonly { port: string; neighborDevice: string; neighborPort: string }[] },
      ];
      return (shown.lldpNeighbors ?? []).map((one): Neighbour => ({
        port: one.port,
        device: one.neighborDevice,
        devicePort: one.neighborPort,
      }));
    },
    close: () => undefined,
  };
}

/** The VLANs of a member are those of its port channel; its own wait until it is alone. */
async function readAll(client: EapiClient, signal: AbortSignal): Promise<EosPorts> {
  const [shown, channels] = (await client.run(['show interfaces switchport', 'show port-channel dense'], signal)) as [
    { switchports?: Record<string, SwitchportValue> },
    PortChannelsValue,
  ];
  const all = new Map(Object.entries(shown.switchports ?? {}).map(([name, value]) => [name, decodeSwitchport(value)]));
  const { byMember, numbers } = decodePortChannels(channels);
  const ports = new Map([...all].filter(([name]) => !name.startsWith(PORT_CHANNEL)));
  for (const [name, { number, lag }] of byMember) ports.set(name, { ...(all.get(`${PORT_CHANNEL}${number}`) ?? CLOSED), lag });
  const made = [...all.keys()].filter((name) => name.startsWith(PORT_CHANNEL)).map((name) => Number(name.slice(PORT_CHANNEL.length)));
  return { ports, channels: byMember, numbers: numbers.union(new Set(made)) };
}

const CLOSED: PortVlans = { untagged: null, tagged: [] };

/** A member's own VLANs too: they count as soon as it is alone. */
function portCommands(host: string, { ports }: EosPorts, name: string, vlans: PortVlans): string[] {
  if (!ports.has(name)) throw new SwitchError('refused', `${host} has no switch port ${name}`);
  return [`interface ${name}`, ...switchportCommands(vlans), 'exit'];
}

function switchportCommands(vlans: PortVlans): string[] {
  const commands = encodeSwitchport(vlans);
  if (commands === undefined) throw new SwitchError('refused', `EOS can not have ${describeVlans(vlans)} on a port`);
  return commands;
}

/** A port in a VLAN that is not there passes nothing. */
const vlanCommands = (all: readonly PortVlans[]): string[] =>
  [...new Set(all.flatMap(({ untagged, tagged }) => [...(untagged === null ? [] : [untagged]), ...tagged]))].flatMap((vlan) => [
    `vlan ${vlan}`,
    'exit',
  ]);

async function commit(client: EapiClient, commands: readonly string[], signal: AbortSignal): Promise<void> {
  const session = `rackwright-${randomBytes(4).toString('hex')}`;
  try {
    await client.run(['enable', `configure session ${session}`, ...commands, 'commit'], signal);
  } catch (error) {
    // A session that is left open counts towards the few that EOS allows.
    if (error instanceof SwitchError && error.code === 'refused')
      await client.run(['enable', `no configure session ${session}`], signal).catch(() => undefined);
    throw error;
  }
}

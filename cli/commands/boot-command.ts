import { Command } from 'commander';
import { BOOT_SERVER_SILENT_SECONDS } from '../../inventory/boot-share-policy.ts';
import { connect, show, type NodeFlags } from '../node/node-connection.ts';
import type { Terminal } from '../terminal/terminal.ts';

interface SeenServer {
  readonly address: string;
  readonly slots: number;
  readonly slots_in_all: number;
  readonly seen_at: string;
  readonly peers: Readonly<Record<string, { readonly alive: boolean; readonly untold: number }>>;
  readonly counters: Readonly<Record<string, number>>;
}

interface SeenNetwork {
  readonly cidr: string;
  readonly servers: readonly SeenServer[];
}

const withConnection = (command: Command): Command =>
  command.option('--data <dir>', 'data folder of the control plane on this machine').option('--json', 'print what the API answers');

export const bootCommand = (terminal: Terminal): Command =>
  new Command('boot')
    .description('boot servers: who answers on which network, and for whom')
    .addCommand(
      withConnection(new Command('status'))
        .description('each network’s boot servers: their part of its addresses, whom they see, what they answered and left')
        .action(async (flags: NodeFlags) => {
          const told = await (await connect(flags)).call('GET', '/boot_servers');
          const networks = told['networks'] as unknown as readonly SeenNetwork[];
          await show(terminal, flags, told, () => bootStatus(networks, Date.now()));
        }),
    )
    .addCommand(
      withConnection(new Command('forget'))
        .description('a boot server that will not run again: its addresses go to the others at once')
        .argument('<address>', 'its address on the network')
        .argument('<network>', 'such as 10.77.0.0/24')
        .action(async (address: string, network: string, flags: NodeFlags) => {
          await (
            await connect(flags)
          ).call('DELETE', `/boot_servers/${encodeURIComponent(address)}?network=${encodeURIComponent(network)}`);
          terminal.out(`forgotten: ${address} on ${network}`);
        }),
    );

export const bootStatus = (networks: readonly SeenNetwork[], nowMs: number): string =>
  networks.flatMap(({ cidr, servers }) => [cidr, ...servers.flatMap((server) => serverLines(server, nowMs))]).join('\n') ||
  'no boot server has reported yet';

function serverLines({ address, slots, slots_in_all: all, seen_at: seen, peers, counters }: SeenServer, nowMs: number): string[] {
  const ageMs = nowMs - Date.parse(seen);
  const part = all === 0 ? 0 : Math.round((slots * 100) / all);
  const heard = ageMs > BOOT_SERVER_SILENT_SECONDS * 1000 ? `has not reported for ${Math.round(ageMs / 1000)} s` : 'reports';
  const list = Object.entries(counters)
    .filter(([name, count]) => count > 0 && !name.startsWith('peer.'))
    .map(([name, count]) => `${count} ${name}`);
  return [
    `  ${address}  ${heard}; may give ${part} % of the addresses`,
    ...Object.entries(peers).map(
      ([peer, { alive, untold }]) =>
        `    ${alive ? `sees ${peer}, and answers its own part of the clients` : `does not see ${peer}, and answers its clients too`}${untold > 0 ? `; ${untold} leases are not told to it yet` : ''}`,
    ),
    ...(list.length === 0 ? [] : [`    ${list.join(', ')}`]),
  ];
}

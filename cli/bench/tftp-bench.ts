import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOurs, takeTurns, type Contender } from './bench-servers.ts';
import { compileLoad, makeBenchWire, SERVER_ADDRESS, SERVER_INTERFACE, type BenchServer, type BenchWire } from './bench-wire.ts';
import { compare, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';

/** TFTP beside the best of Debian for each kind of client: atftpd for windows (the only one that grants them), dnsmasq for lock-step. */
export const tftpBench: Comparison = { name: 'tftp', summary: 'a boot file to one and to many clients, beside atftpd and dnsmasq', run };

const OURS = 'ours';
const ATFTPD = 'atftpd';
const DNSMASQ = 'dnsmasq';
const LISTENS = { protocol: 'udp', port: 69 } as const;
const FILE = 'ipxe.efi';
const FILE_BYTES = 16 << 20;
const GIB = 2 ** 30;

interface Case {
  readonly figure: string;
  readonly blockBytes: number;
  readonly windowBlocks: number;
  readonly atOnce: number;
  readonly transfers: number;
  readonly peer: string;
  readonly goal: number;
}

const CASES: readonly Case[] = [
  { figure: 'TFTP window 8, 1 client', blockBytes: 1468, windowBlocks: 8, atOnce: 1, transfers: 16, peer: ATFTPD, goal: 0.5 },
  { figure: 'TFTP window 64, 1 client', blockBytes: 1468, windowBlocks: 64, atOnce: 1, transfers: 32, peer: ATFTPD, goal: 0.5 },
  { figure: 'TFTP window 8, 16 clients', blockBytes: 1468, windowBlocks: 8, atOnce: 16, transfers: 32, peer: ATFTPD, goal: 0.5 },
  // What iPXE and old firmware do.
  { figure: 'TFTP lock-step, 16 clients', blockBytes: 1432, windowBlocks: 1, atOnce: 16, transfers: 16, peer: DNSMASQ, goal: 1.5 },
];

const startPeer = (wire: BenchWire, name: string, directory: string): Promise<BenchServer> => {
  const root = join(directory, 'files');
  const command =
    name === ATFTPD
      ? ['atftpd', '--daemon', '--no-fork', '--user', 'root', '--group', 'root', '--bind-address', SERVER_ADDRESS, root]
      : [
          ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', `--interface=${SERVER_INTERFACE}`],
          ...['--bind-interfaces', '--enable-tftp', `--tftp-root=${root}`, '--quiet-tftp', `--pid-file=${join(directory, 'dnsmasq.pid')}`],
          `--log-facility=${join(directory, 'dnsmasq.log')}`,
        ];
  return wire.startServer(command, { listens: LISTENS });
};

async function run({ directory, rounds, onStep }: ComparisonContext): Promise<BenchRow[]> {
  const program = await compileLoad('tftp-load', directory);
  await mkdir(join(directory, 'files'), { recursive: true });
  await writeFile(join(directory, 'files', FILE), randomBytes(FILE_BYTES));
  await chmod(directory, 0o755);
  const wire = await makeBenchWire();
  const contenders: Contender[] = [
    { name: OURS, start: () => startOurs(wire, directory, LISTENS) },
    { name: ATFTPD, start: () => startPeer(wire, ATFTPD, directory) },
    { name: DNSMASQ, start: () => startPeer(wire, DNSMASQ, directory) },
  ];
  const load = async (server: BenchServer, { name }: Contender, round: number) => {
    const costs = new Map<string, number>();
    for (const each of CASES) {
      if (name !== OURS && name !== each.peer) continue;
      onStep(`${each.figure}: ${name}, round ${round + 1}`);
      const numbers = [each.blockBytes, each.windowBlocks, each.atOnce, each.transfers].map(String);
      const { cpuMs, result } = await server.costOfWork(() => wire.load([program, SERVER_ADDRESS, FILE, ...numbers]));
      costs.set(each.figure, cpuMs / 1000 / ((JSON.parse(result) as { bytes: number }).bytes / GIB));
    }
    return costs;
  };
  try {
    const results = await takeTurns(contenders, rounds, load);
    return CASES.map(({ figure, peer, goal }) => {
      const of = (name: string) => results.get(name)!.map((costs) => costs.get(figure)!);
      return compare({ figure: `${figure}, CPU`, unit: 's/GiB', peerName: peer, goal }, of(OURS), of(peer));
    });
  } finally {
    await wire.remove();
  }
}

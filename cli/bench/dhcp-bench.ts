import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compare, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';
import { startOurs, takeTurns, type Contender } from './bench-servers.ts';
import {
  CLIENT_ADDRESS,
  CLIENT_INTERFACE,
  compileLoad,
  makeBenchWire,
  SERVER_ADDRESS,
  SERVER_INTERFACE,
  type BenchServer,
  type BenchWire,
} from './bench-wire.ts';

/**
 * DHCPv4 beside Kea with its fastest lease store that survives a restart: a memory file, two threads. Kea does not sync that
 * file to disk; our leases are on disk before their ACK.
 */
export const dhcpBench: Comparison = {
  name: 'dhcp',
  summary: 'whole DHCP exchanges, leases on disk before the ACK, beside Kea',
  run,
};

const KEA = 'Kea, memfile, 2 threads';
const OURS = 'ours';
const EXCHANGES_AT_ONCE = 64;
const CALM_PER_SECOND = 1000;
const OVERLOAD = 5;
const SECONDS = 3;
/** A server at work has its code compiled and its caches full; both are given this long at a calm rate. */
const WARM_UP_SECONDS = 3;
/** Distinct machines of a load, used in turn: four loads fill the pool, so that most exchanges are first leases. */
const MACHINES = 15_000;

interface LoadResult {
  readonly done: number;
  readonly perSecond: number;
  readonly drops: number;
  readonly offerP95Us: number;
  readonly ackP95Us: number;
}

interface RoundResult {
  readonly relayUs: number;
  readonly directUs: number;
  readonly bestPerSecond: number;
  readonly calmP95Us: number;
  readonly overloadedPerSecond: number;
}

const keaConfiguration = (leaseFile: string) => ({
  Dhcp4: {
    'interfaces-config': { interfaces: [SERVER_INTERFACE], 'dhcp-socket-type': 'raw' },
    'multi-threading': { 'enable-multi-threading': true, 'thread-pool-size': 2, 'packet-queue-size': 256 },
    'lease-database': { type: 'memfile', persist: true, name: leaseFile, 'lfc-interval': 0 },
    'valid-lifetime': 3600,
    authoritative: true,
    subnet4: [
      {
        id: 1,
        subnet: '10.99.0.0/16',
        pools: [{ pool: '10.99.1.1 - 10.99.254.250' }],
        'option-data': [
          { name: 'routers', data: SERVER_ADDRESS },
          { name: 'domain-name-servers', data: SERVER_ADDRESS },
          { name: 'boot-file-name', data: 'snponly.efi' },
        ],
      },
    ],
    loggers: [{ name: 'kea-dhcp4', severity: 'ERROR', output_options: [{ output: 'stderr' }] }],
  },
});

async function startKea(wire: BenchWire, directory: string): Promise<BenchServer> {
  const leases = join(directory, 'kea-leases.csv');
  await rm(leases, { force: true });
  await writeFile(join(directory, 'kea.json'), JSON.stringify(keaConfiguration(leases)));
  return wire.startServer(['kea-dhcp4', '-c', join(directory, 'kea.json')], {
    listens: { protocol: 'udp', port: 67 },
    environment: { KEA_PIDFILE_DIR: directory, KEA_LOCKFILE_DIR: directory },
  });
}

type Mode = 'relay' | 'direct';

async function run(context: ComparisonContext): Promise<BenchRow[]> {
  const { directory, onStep } = context;
  const program = await compileLoad('dhcp-load', directory);
  const wire = await makeBenchWire();
  let machines = 0;
  const exchange = async (mode: Mode, kind: 'window' | 'rate', n: number, seconds = SECONDS): Promise<LoadResult> => {
    const addresses = [CLIENT_INTERFACE, SERVER_ADDRESS, CLIENT_ADDRESS];
    const text = await wire.load([program, mode, ...addresses, kind, String(n), String(MACHINES), String(machines), String(seconds)]);
    machines += MACHINES;
    const result = JSON.parse(text) as LoadResult;
    if (result.done === 0) throw new Error(`no DHCP exchange was finished: ${text}`);
    return result;
  };
  const load = async (server: BenchServer, { name }: Contender, round: number): Promise<RoundResult> => {
    machines = 0;
    onStep(`dhcp: ${name}, round ${round + 1}`);
    await exchange('relay', 'rate', CALM_PER_SECOND * 2, WARM_UP_SECONDS);
    const relay = await server.costOfWork(() => exchange('relay', 'window', EXCHANGES_AT_ONCE));
    const calm = await exchange('relay', 'rate', CALM_PER_SECOND);
    const direct = await server.costOfWork(() => exchange('direct', 'window', EXCHANGES_AT_ONCE));
    // Machines that have a lease already: the pool is not large enough for an overload of strangers.
    machines = 0;
    const overloaded = await exchange('relay', 'rate', relay.result.perSecond * OVERLOAD);
    return {
      relayUs: (relay.cpuMs * 1000) / relay.result.done,
      directUs: (direct.cpuMs * 1000) / direct.result.done,
      bestPerSecond: relay.result.perSecond,
      calmP95Us: Math.max(calm.offerP95Us, calm.ackP95Us),
      overloadedPerSecond: overloaded.perSecond,
    };
  };
  try {
    const contenders: Contender[] = [
      { name: OURS, start: () => startOurs(wire, directory, { protocol: 'udp', port: 67 }) },
      { name: KEA, start: () => startKea(wire, directory) },
    ];
    return rowsOf(await takeTurns(contenders, context.rounds, load));
  } finally {
    await wire.remove();
  }
}

function rowsOf(results: ReadonlyMap<string, readonly RoundResult[]>): BenchRow[] {
  const of = (name: string, figure: keyof RoundResult) => results.get(name)!.map((result) => result[figure]);
  const row = (figure: string, unit: string, key: keyof RoundResult, goal: number) =>
    compare({ figure, unit, peerName: KEA, goal }, of(OURS, key), of(KEA, key));
  return [
    row('DHCP exchange by a relay, CPU', 'µs', 'relayUs', 0.7),
    row('DHCP exchange on the wire, CPU', 'µs', 'directUs', 0.7),
    row(`DHCP answer at ${CALM_PER_SECOND}/s, p95`, 'µs', 'calmP95Us', 1),
    { ...row('DHCP exchanges, best rate', '/s', 'bestPerSecond', 1), atLeast: true },
    compare(
      { figure: `DHCP exchanges at ${OVERLOAD} × overload`, unit: '/s', peerName: 'our best rate', goal: 0.8, atLeast: true },
      of(OURS, 'overloadedPerSecond'),
      of(OURS, 'bestPerSecond'),
    ),
  ];
}

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../core/base/json.ts';
import { createOvsdbClient, type OvsdbClient } from '../../network/ovsdb/ovsdb-client.ts';
import { startServe } from './api-bench.ts';
import { createApiCall, passwordLogin, type ApiCall, type BenchTarget } from './api-loads.ts';
import { placementLoads } from './cloud-loads.ts';
import { compare, median, promised, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';
import { measure } from './measure.ts';
import { startOvnHosts, type OvnHosts } from './ovn-hosts.ts';

/**
 * How soon networks are there, in the API and on hypervisors. The peer of the way to the hypervisors is OVN's own client, which writes the same rows in the same
 * cloud and waits; that of placement is ourselves with fewer providers; that of the rest is what we promise.
 */
export const networkBench: Comparison = {
  name: 'network',
  summary: 'networks, security groups and placement under load, and ports on their way to hypervisors, beside ovn-nbctl',
  run,
};

const HOSTS = ['hv1', 'hv2', 'hv3'];
/** On the network of the port that comes next, and on the peer's. */
const PORTS = 200;
const CHANGES = 30;
const NETWORKS_A_SECOND = 100;
const NETWORKS_SECONDS = 10;
/** A server at work has its code compiled and its statements planned: as many come before what is measured. */
const WARM_UP_SECONDS = 3;
const NETWORKS_P95_MS = 20;
/** What a call counts as that an overloaded database refuses. */
const REFUSED_MS = 10_000;
const RULES = 100;
const RULES_SECONDS = 1;
const RULES_AT_ONCE = 8;
const PROVIDERS = [1_000, 5_000] as const;
const READ_SECONDS = 5;
const ON_HYPERVISORS_MS_MAX = 60_000;

async function run({ directory, rounds, onStep }: ComparisonContext): Promise<BenchRow[]> {
  const ovn = await startOvnHosts(join(directory, 'ovn'), HOSTS);
  const data = join(directory, 'network-data');
  const configuration = join(directory, 'network.json');
  await writeFile(configuration, JSON.stringify({ network: { ovn: { northbound: [ovn.northbound], southbound: [ovn.southbound] } } }));
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../rackwright.ts')];
  const serve = await startServe(program, data, ['--config', configuration]);
  const mirror = createOvsdbClient({
    remotes: [ovn.northbound],
    database: 'OVN_Northbound',
    tables: { NB_Global: ['nb_cfg', 'hv_cfg'], Logical_Switch_Port: ['name'] },
    onWarning: () => undefined,
  });
  try {
    await mirror.ready();
    const { password } = JSON.parse(await readFile(join(data, 'administrator.json'), 'utf8')) as { password: string };
    const target: BenchTarget = { base: serve.base, password, nodes: 0, readSeconds: READ_SECONDS };
    let token = '';
    const call = createApiCall(target, () => token);
    const login = await call('POST', '/v3/auth/tokens', passwordLogin(password));
    token = login.headers.get('x-subject-token') ?? '';
    const project = (login.body['token'] as { project: { id: string } }).project.id;
    const everything = { port: -1, network: -1, security_group_rule: -1, security_group: -1 };
    await call('PUT', `/networking/v2.0/quotas/${project}`, { quota: everything });
    const post: Post = async (noun, values) => {
      const member = noun.replaceAll('-', '_');
      return (await call('POST', `/networking/v2.0/${noun}s`, { [member]: values })).body[member] as JsonObject & { id: string };
    };
    onStep('network: ports on their way to hypervisors');
    const rows = [await portRow({ ovn, mirror, call, post, rounds })];
    onStep('network: security group rules');
    rows.push(await ruleRow(post, rounds));
    onStep(`network: ${NETWORKS_A_SECOND} networks a second`);
    rows.push(await networkRow(post, rounds));
    onStep('network: allocation candidates');
    rows.push(...(await candidateRows(call, target)));
    return rows;
  } finally {
    mirror.close();
    await serve.stop();
    await ovn.stop();
    await rm(data, { recursive: true, force: true });
  }
}

type Post = (noun: string, values: JsonObject) => Promise<JsonObject & { readonly id: string }>;

interface PortBench {
  readonly ovn: OvnHosts;
  readonly mirror: OvsdbClient;
  readonly call: ApiCall;
  readonly post: Post;
  readonly rounds: number;
}

/** Both sides have a network with as many ports; by turns, each makes one more. */
async function portRow({ ovn, mirror, call, post, rounds }: PortBench): Promise<BenchRow> {
  const network = await post('network', { name: 'ours' });
  await post('subnet', { network_id: network.id, cidr: '10.201.0.0/16', ip_version: 4 });
  await call('POST', '/networking/v2.0/ports', { ports: Array.from({ length: PORTS }, () => ({ network_id: network.id })) });
  await makePeerNetwork(ovn);
  const ours = async () => {
    const begun = performance.now();
    const { id } = await post('port', { network_id: network.id });
    await untilOnHypervisors(mirror, id);
    return performance.now() - begun;
  };
  const peer = async (index: number) => {
    const begun = performance.now();
    await ovn.nbctl('--wait=hv', ...peerPort(PORTS + index));
    return performance.now() - begun;
  };
  const times: { readonly ours: number[]; readonly peer: number[] } = { ours: [], peer: [] };
  for (let index = 0; index < CHANGES * rounds; index += 1) {
    times.ours.push(await ours());
    times.peer.push(await peer(index));
  }
  const figure = `a port, from the call to all ${HOSTS.length} hypervisors (hv_cfg), ${PORTS} ports there`;
  return compare({ figure, unit: 'ms', peerName: 'ovn-nbctl --wait=hv', goal: 1.5 }, times.ours, times.peer);
}

/** The port's row and the count that hosts repeat are written at once. */
async function untilOnHypervisors(mirror: OvsdbClient, port: string): Promise<void> {
  const signal = AbortSignal.timeout(ON_HYPERVISORS_MS_MAX);
  const isThere = (row: ReadonlyMap<string, unknown>) => row.get('name') === port;
  await mirror.until((tables) => [...(tables.get('Logical_Switch_Port')?.values() ?? [])].some(isThere), signal);
  const wanted = globalOf(mirror, 'nb_cfg');
  await mirror.until(() => globalOf(mirror, 'hv_cfg') >= wanted, signal);
}

const globalOf = ({ mirror }: OvsdbClient, column: 'nb_cfg' | 'hv_cfg') =>
  Number([...(mirror.get('NB_Global')?.values() ?? [])][0]?.get(column) ?? 0);

const PEER = 'peer';
/** The rules that a project's first group has, and those that drop everything else: as many, on as many ports, as ours. */
const PEER_ACLS = (group: string): readonly (readonly [string, string, string, string])[] => [
  ['from-lport', '1001', `inport == @${group} && ip`, 'drop'],
  ['to-lport', '1001', `outport == @${group} && ip`, 'drop'],
  ['from-lport', '1002', `inport == @${group} && ip4 && udp.src == 68 && udp.dst == 67`, 'allow'],
  ['from-lport', '1002', `inport == @${group} && ip6 && udp.src == 546 && udp.dst == 547`, 'allow'],
  ['from-lport', '1002', `inport == @${group} && ip4`, 'allow-related'],
  ['from-lport', '1002', `inport == @${group} && ip6`, 'allow-related'],
  ['to-lport', '1002', `outport == @${group} && ip4 && ip4.src == $${group}_ip4`, 'allow-related'],
  ['to-lport', '1002', `outport == @${group} && ip6 && ip6.src == $${group}_ip6`, 'allow-related'],
];

async function makePeerNetwork({ nbctl }: OvnHosts): Promise<void> {
  await nbctl('ls-add', PEER, '--', 'create', 'DHCP_Options', 'cidr=10.202.0.0/16', 'options:lease_time=43200', 'external_ids:of=peer');
  for (const group of ['peer_drop', 'peer_group']) await nbctl('pg-add', group);
  for (const acl of PEER_ACLS('peer_group')) await nbctl('--type=port-group', 'acl-add', 'peer_group', ...acl);
  await nbctl('--wait=hv', ...Array.from({ length: PORTS }, (_, index) => peerPort(index)).flat());
}

/** What we write for a port, in the words of ovn-nbctl. */
function peerPort(index: number): string[] {
  const [high, low] = [index >> 8, index & 255];
  const address = `fa:16:3e:01:${hex(high)}:${hex(low)} 10.202.${high}.${low}`;
  const columns = [`name=peer-${index}`, `addresses="${address}"`, `port_security="${address}"`, 'enabled=true', 'external_ids:of=peer'];
  const add = (table: string, name: string) => ['--', 'add', table, name, 'ports', `@port${index}`];
  const groups = ['peer_drop', 'peer_group'].flatMap((name) => add('Port_Group', name));
  return ['--', `--id=@port${index}`, 'create', 'Logical_Switch_Port', ...columns, ...add('Logical_Switch', PEER), ...groups];
}
const hex = (byte: number) => byte.toString(16).padStart(2, '0');

/** Until the last is answered. */
async function ruleRow(post: Post, rounds: number): Promise<BenchRow> {
  const seconds: number[] = [];
  // The first round is not measured: see WARM_UP_SECONDS.
  for (let round = 0; round <= rounds; round += 1) {
    const group = await post('security-group', { name: `bench-${round}` });
    const begun = performance.now();
    const left = Array.from({ length: RULES }, (_, index) => index).values();
    const worker = async () => {
      for (const index of left) {
        const port = { port_range_min: 1_000 + index, port_range_max: 1_000 + index };
        await post('security-group-rule', { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', ...port });
      }
    };
    await Promise.all(Array.from({ length: RULES_AT_ONCE }, worker));
    if (round > 0) seconds.push((performance.now() - begun) / 1000);
  }
  return promised(`${RULES} security group rules, ${RULES_AT_ONCE} calls at once`, 's', median(seconds), RULES_SECONDS);
}

/** Calls begin when they are due, however long those before them take. Gives the p95 in ms. */
async function createNetworks(post: Post, seconds: number): Promise<number> {
  const calls: Promise<number>[] = [];
  const begun = performance.now();
  for (let index = 0; index < NETWORKS_A_SECOND * seconds; index += 1) {
    const dueMs = begun + (index * 1000) / NETWORKS_A_SECOND;
    while (performance.now() < dueMs) await pause(dueMs - performance.now());
    calls.push(
      post('network', { name: `bench-${index}` }).then(
        () => performance.now() - dueMs,
        () => REFUSED_MS,
      ),
    );
  }
  const latencies = (await Promise.all(calls)).sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.95)]!;
}

async function networkRow(post: Post, rounds: number): Promise<BenchRow> {
  const p95s: number[] = [];
  await createNetworks(post, WARM_UP_SECONDS);
  for (let round = 0; round < rounds; round += 1) p95s.push(await createNetworks(post, NETWORKS_SECONDS));
  const figure = `create a network, ${NETWORKS_A_SECOND} a second while OVN follows, p95`;
  return promised(figure, 'ms', median(p95s), NETWORKS_P95_MS);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The same questions over few and many providers. */
async function candidateRows(call: ApiCall, target: BenchTarget): Promise<BenchRow[]> {
  const loads = placementLoads(call, target);
  const fill = loads.find(({ name }) => name === 'provider with inventories')!;
  const asked = loads.filter(({ name }) => name.startsWith('allocation candidates'));
  const [few, many] = PROVIDERS;
  const p95s = async () => {
    const found: number[] = [];
    for (const each of asked) found.push((await measure(each, [])).p95Ms);
    return found;
  };
  await measure({ ...fill, calls: few }, []);
  const ofFew = await p95s();
  await measure({ ...fill, calls: many - few }, []);
  const ofMany = await p95s();
  return asked.map(({ name }, at) =>
    compare({ figure: `${name}, ${many} providers, p95`, unit: 'ms', peerName: `${few} providers`, goal: 2 }, [ofMany[at]!], [ofFew[at]!]),
  );
}

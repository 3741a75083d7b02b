import { sql, type RawBuilder } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import type {
  BootFiles,
  BootHost,
  BootIntent,
  BootModel,
  BootSubnet,
  ClientClass,
  LeaseRecord,
  OptionValues,
  RelayRule,
} from '../pxe/boot-model.ts';
import { agentNetwork } from './agent-network-policy.ts';
import type { Db } from './node-record.ts';

/** The boot plane's whole knowledge, derived from the nodes and ports; nothing is configured twice. */
export async function buildBootModel(
  db: Db,
  given: {
    subnets: readonly BootSubnet[];
    relayRules: readonly RelayRule[];
    classes: readonly ClientClass[];
    leaseQueriesFrom: readonly string[];
    /** DHCP options by MAC: those of all its ports are a machine's. */
    machineOptions: Readonly<Record<string, OptionValues>>;
    files: BootFiles;
    /** Fixed addresses by MAC. */
    reservations: Readonly<Record<string, string>>;
    /** The same for IPv6. */
    reservations6: Readonly<Record<string, string>>;
    withdrawnMacs: readonly string[];
    bootSecret: string;
    version: number;
  },
): Promise<BootModel> {
  const { reservations, reservations6, machineOptions, ...fixed } = given;
  const hosts = await readHosts(db, sql`true`);
  return {
    ...fixed,
    hosts: hosts.map((host) => ({
      ...host,
      reservations: reservedFor(host, reservations),
      reservations6: reservedFor(host, reservations6),
      ...(host.macs.some((mac) => machineOptions[mac] !== undefined)
        ? { options: Object.assign({}, ...host.macs.map((mac) => machineOptions[mac])) as OptionValues }
        : {}),
    })),
  };
}

const reservedFor = (host: BootHost, reservations: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(host.macs.flatMap((mac) => (reservations[mac] === undefined ? [] : [[mac, reservations[mac]]])));

/** One machine as it is now, by any of its MACs; undefined for a stranger. */
export async function readBootHost(db: Db, mac: string): Promise<BootHost | undefined> {
  const [host] = await readHosts(db, sql`n.uuid = (select node_uuid from port where address = ${mac})`);
  return host;
}

async function readHosts(db: Db, condition: RawBuilder<unknown>): Promise<BootHost[]> {
  const { rows } = await sql<{
    uuid: string;
    name: string | null;
    boot_kind: BootIntent['kind'];
    boot_reason: string;
    boot_detail: object;
    macs: string[];
    kernel_options: string | null;
    has_secure_boot: boolean;
    has_instance: boolean;
    network_data: JsonObject;
  }>`
    select n.uuid, n.name, n.instance_uuid is not null as has_instance, n.boot_kind, n.boot_reason, n.boot_detail, n.network_data, jsonb_agg(p.address order by p.pxe_enabled desc, p.address) as macs,
      (select string_agg(t.kernel_options, ' ' order by t.name) from node_tag g join machine_tag t on t.uuid = g.tag_uuid
        where g.node_uuid = n.uuid and t.kernel_options <> '') as kernel_options,
      coalesce(n.secure_boot, n.properties->>'capabilities' ~ '(^|,)\\s*secure_boot:true\\s*(,|$)', false) as has_secure_boot
    from node n join port p on p.node_uuid = n.uuid where ${condition} group by n.uuid order by n.uuid`.execute(db);
  return rows.map((row) => ({
    nodeId: row.uuid,
    name: row.name ?? row.uuid,
    macs: row.macs,
    reservations: {},
    boot: { kind: row.boot_kind, reason: row.boot_reason, ...row.boot_detail } as BootIntent,
    ...(row.has_secure_boot ? { hasSecureBoot: true } : {}),
    ...(row.has_instance ? { hasInstance: true } : {}),
    ...(row.kernel_options === null ? {} : { kernelArguments: row.kernel_options }),
    ...networkOf(row.network_data),
  }));
}

/** What the agent cannot have is told where the boot is prepared (`flows/agent-boot.ts`). */
function networkOf(data: JsonObject): Pick<BootHost, 'agentNetwork'> {
  const words = agentNetwork(data);
  return 'refused' in words || words.length === 0 ? {} : { agentNetwork: words.join(' ') };
}

/** Rows in batches from the boot plane's journal; an older record never overwrites a newer one. */
export async function storeLeases(db: Db, batch: readonly LeaseRecord[]): Promise<void> {
  const latest = new Map<string, LeaseRecord>();
  for (const lease of batch) if ((latest.get(lease.ipAddress)?.sequence ?? -1) < lease.sequence) latest.set(lease.ipAddress, lease);
  const rows = [...latest.values()].map((lease) => ({
    ip: lease.ipAddress,
    mac: lease.mac,
    client: lease.clientId ?? null,
    subnet: lease.subnetId,
    state: lease.state,
    hostname: lease.hostname ?? null,
    arch: lease.architecture ?? null,
    expires: new Date(lease.expiresAtMs).toISOString(),
    seq: lease.sequence,
  }));
  await sql`
    insert into lease (ip_address, mac, client_id, subnet_id, state, hostname, architecture, expires_at, sequence)
    select ip, mac, client, subnet, state, hostname, arch, expires, seq
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r
      (ip text, mac text, client text, subnet text, state text, hostname text, arch integer, expires timestamptz, seq bigint)
    on conflict (ip_address) do update set mac = excluded.mac, client_id = excluded.client_id, subnet_id = excluded.subnet_id, state = excluded.state,
      hostname = excluded.hostname, architecture = excluded.architecture, expires_at = excluded.expires_at, sequence = excluded.sequence, stored_at = now()
    where lease.sequence < excluded.sequence`.execute(db);
}

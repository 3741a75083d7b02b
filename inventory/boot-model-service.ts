import { sql } from 'kysely';
import type { BootFiles, BootHost, BootModel, BootSubnet, LeaseRecord } from '../pxe/boot-model.ts';
import type { Db } from './node-record.ts';

/** The boot plane's whole knowledge, derived from the nodes and ports; nothing is configured twice. */
export async function buildBootModel(
  db: Db,
  fixed: { subnets: readonly BootSubnet[]; files: BootFiles; bootSecret: string; version: number },
): Promise<BootModel> {
  const rows = await sql<{ uuid: string; name: string | null; boot_kind: 'agent' | 'disk' | 'hold'; boot_reason: string; macs: string[] }>`
    select n.uuid, n.name, n.boot_kind, n.boot_reason, jsonb_agg(p.address order by p.pxe_enabled desc, p.address) as macs
    from node n join port p on p.node_uuid = n.uuid group by n.uuid order by n.uuid`.execute(db);
  const hosts: BootHost[] = rows.rows.map((row) => ({
    nodeId: row.uuid,
    name: row.name ?? row.uuid,
    macs: row.macs,
    reservations: {},
    boot: { kind: row.boot_kind, reason: row.boot_reason },
  }));
  return { ...fixed, hosts };
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
      hostname = excluded.hostname, architecture = excluded.architecture, expires_at = excluded.expires_at, sequence = excluded.sequence
    where lease.sequence < excluded.sequence`.execute(db);
}

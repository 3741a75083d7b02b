import { sql } from 'kysely';
import { storableJson, type JsonObject } from '../core/base/json.ts';
import type { MachineEvent } from '../core/base/machine-event.ts';
import type { BootEvent } from './boot-trace-policy.ts';
import type { Db } from './node-record.ts';

/** One line of a machine's timeline as readers get it. `id` rises, so a reader can resume after it. */
export interface TimelineEntry {
  readonly id: number;
  readonly at: Date;
  readonly source: string;
  readonly kind: string;
  readonly severity: string;
  readonly message: string;
  readonly evidence: JsonObject;
  readonly mac: string | null;
  readonly correlation_id: string | null;
}

/** The host of a node's `redfish_address`, which may be a URL or a host, with a port or without; IPv6 without its brackets. */
export const REDFISH_HOST = sql<
  string | null
>`btrim(substring(driver_info ->> 'redfish_address' from '^(?:\\w+://)?(\\[[^]]*\\]|[^/:]+)'), '[]')`;

/**
 * Stores a batch and tells listeners. An event that names no node finds its node by MAC, by lease or by BMC address;
 * one that finds none is kept under its MAC, so that a stranger's history is there when it gets a name.
 */
export async function insertEvents(db: Db, events: readonly MachineEvent[]): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map((event) => ({
    at: new Date(event.atMs).toISOString(),
    node: event.machine.nodeId ?? null,
    mac: event.machine.mac ?? null,
    ip: event.machine.ipAddress ?? null,
    bmc: event.machine.bmcAddress ?? null,
    source: event.source,
    kind: event.kind,
    severity: event.severity,
    message: event.message,
    evidence: event.evidence ?? {},
    correlation: event.correlationId ?? null,
  }));
  await sql`
    with given as (
      select * from jsonb_to_recordset(${storableJson(rows)}::jsonb) as g
        (at timestamptz, node uuid, mac text, ip text, bmc text, source text, kind text, severity text, message text, evidence jsonb, correlation text)
    ), stored as (
      insert into machine_event (at, node_uuid, mac, ip_address, bmc_address, source, kind, severity, message, evidence, correlation_id)
      select g.at,
             coalesce((select uuid from node where uuid = g.node),
                      (select node_uuid from port where address = g.mac),
                      (select p.node_uuid from lease l join port p on p.address = l.mac where l.ip_address = g.ip),
                      (select uuid from node where driver_info ->> 'ipmi_address' = g.bmc or ${REDFISH_HOST} = btrim(g.bmc, '[]') limit 1)),
             g.mac, g.ip, g.bmc, g.source, g.kind, g.severity, g.message, g.evidence, g.correlation
      from given g
      returning id
    )
    select pg_notify('machine_event', max(id)::text) from stored`.execute(db);
}

/** Gives a stranger's history to the node that its MACs turned out to be. */
export async function claimEvents(db: Db, nodeUuid: string, macs: readonly string[]): Promise<void> {
  if (macs.length === 0) return;
  await db
    .updateTable('machine_event')
    .set({ node_uuid: nodeUuid })
    .where('node_uuid', 'is', null)
    .where('mac', 'in', [...macs])
    .execute();
}

export async function readTimeline(db: Db, nodeUuid: string, options: { afterId?: number; limit: number }): Promise<TimelineEntry[]> {
  let query = db
    .selectFrom('machine_event')
    .select(['id', 'at', 'source', 'kind', 'severity', 'message', 'evidence', 'mac', 'correlation_id'])
    .where('node_uuid', '=', nodeUuid)
    .orderBy('id')
    .limit(options.limit);
  if (options.afterId !== undefined) query = query.where('id', '>', options.afterId);
  return (await query.execute()) as unknown as TimelineEntry[];
}

/**
 * The last thing that the machine itself did on the network since then: a packet, a transfer, a word of its agent. Events of
 * a process that was killed may be lost; the lease is not: it is journaled before its ACK.
 */
export async function lastBootSign(
  db: Db,
  nodeUuid: string,
  sinceMs: number,
): Promise<{ source: string; kind: string; message: string; atMs: number; isRamdisk?: boolean } | undefined> {
  const row = await db
    .selectFrom('machine_event')
    .select(['source', 'kind', 'message', 'at', 'evidence'])
    .where('node_uuid', '=', nodeUuid)
    .where('source', 'in', ['dhcp', 'tftp', 'http', 'router-advertisement', 'agent'])
    .where('at', '>=', new Date(sinceMs))
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  const seen = row && { source: row.source, kind: row.kind, message: row.message, atMs: row.at.getTime(), isRamdisk: isRamdisk(row) };
  const lease = await db
    .selectFrom('lease')
    .innerJoin('port', 'port.address', 'lease.mac')
    .select(['lease.ip_address', 'lease.stored_at'])
    .where('port.node_uuid', '=', nodeUuid)
    .where('lease.stored_at', '>=', new Date(sinceMs))
    .orderBy('lease.stored_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  // Stored a moment after its ACK: when that event is there, it tells more.
  if (lease === undefined || (seen !== undefined && seen.atMs >= lease.stored_at.getTime() - LEASE_STORED_MS)) return seen;
  return { source: 'dhcp', kind: 'dhcp.lease', message: `the lease of ${lease.ip_address}`, atMs: lease.stored_at.getTime() };
}

/** Leases reach the database in batches, within a second when all is well. */
const LEASE_STORED_MS = 5_000;

/** Firmware and iPXE name themselves in option 60. */
const isRamdisk = ({ source, evidence }: { source: string; evidence: unknown }): boolean => {
  const vendorClass = (evidence as { vendorClass?: unknown } | null)?.vendorClass;
  return source === 'dhcp' && typeof vendorClass === 'string' && !/^(PXE|HTTP)Client/.test(vendorClass);
};

/** Events of every machine after an id: the feed of the event stream. */
export async function readFeed(db: Db, afterId: number, limit: number): Promise<(TimelineEntry & { node_uuid: string | null })[]> {
  const rows = await db
    .selectFrom('machine_event')
    .select(['id', 'at', 'node_uuid', 'source', 'kind', 'severity', 'message', 'evidence', 'mac', 'correlation_id'])
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows as unknown as (TimelineEntry & { node_uuid: string | null })[];
}

/** The newest that tell of boots, in order of time. */
export async function readBootEvents(db: Db, nodeUuid: string, limit: number): Promise<readonly BootEvent[]> {
  const { rows } = await sql<BootEvent>`
    select * from (
      select id::float8 as id, at, kind, evidence from machine_event
      where node_uuid = ${nodeUuid} and source in ('dhcp', 'tftp', 'http', 'bmc', 'agent') and kind <> 'agent.running'
      order by at desc, id desc limit ${limit}) newest
    order by at, id`.execute(db);
  return rows;
}

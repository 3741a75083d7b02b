import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Json, JsonObject } from '../core/base/json.ts';
import type { InspectionReport, InventoryDisk } from '../deploy-agent/protocol.ts';
import { identityOf, recognise, type KnownIdentity } from './identity-policy.ts';
import { applyInspectionRules } from './inspection-rule-service.ts';
import { describeHeldLink, type PortLink } from './held-link-policy.ts';
import { diffInspections, type InspectionChange } from './inspection-diff.ts';
import { InventoryError, type Db, type NodeRecord, type Trx } from './node-record.ts';
import { insertNode, updateNode } from './node-store.ts';
import { notifyBootModel } from './node-service.ts';
import { claimEvents, REDFISH_HOST } from './timeline-store.ts';

/*
 * A machine that runs the agent tells what it is. Here it gets its node: an old one, found by identity, or a new one in
 * `enroll`. Each report becomes a version of the node's inspection, with what changed since the last.
 */
export interface Discovered {
  readonly node: NodeRecord;
  readonly isNew: boolean;
  readonly inspectionVersion: number;
  /** What differs from the inspection before. */
  readonly changes: readonly InspectionChange[];
  /** Where LLDP told another switch port than an operator wrote, in sentences. */
  readonly heldLinks: readonly string[];
}

/** @throws InventoryError 409 when two nodes fit equally well: a person has to merge or rename one. */
export async function acceptInspection(trx: Trx, report: InspectionReport, claimedNodeId: string | undefined): Promise<Discovered> {
  // One at a time: two NICs of one new machine must not become two nodes.
  await sql`select pg_advisory_xact_lock(hashtext('rackwright.discovery'))`.execute(trx);
  const seen = identityOf(report.inventory);
  const known = await loadIdentities(trx);
  const claimed = known.find((candidate) => candidate.nodeId === claimedNodeId && candidate.macs.includes(report.bootMac));
  const recognition = claimed ? ({ kind: 'known', nodeId: claimed.nodeId } as const) : recognise(seen, known);
  if (recognition.kind === 'ambiguous') {
    throw new InventoryError(
      409,
      `This machine fits nodes ${recognition.nodeIds.join(' and ')} equally well (${recognition.evidence.join('; ')}): remove or correct one of them.`,
    );
  }
  const { secureBoot } = report.inventory.boot;
  const facts = {
    ...(secureBoot === undefined ? {} : { secure_boot: secureBoot }),
    ...(seen.systemUuid === undefined ? {} : { system_uuid: seen.systemUuid }),
    serials: [...seen.serials],
    properties: propertiesOf(report),
  };
  const isNew = recognition.kind === 'stranger';
  const node = isNew
    ? await insertNode(trx, { driver: 'ipmi', name: await freeName(trx, report), resource_class: 'baremetal', ...facts })
    : await updateNode(trx, recognition.nodeId, {
        ...facts,
        properties: await mergedProperties(trx, recognition.nodeId, facts.properties),
      });
  const heldLinks = await putPorts(trx, node.uuid, report);
  await storeDeclaredSteps(trx, node.uuid, report);
  await claimEvents(trx, node.uuid, seen.macs);
  const { version: inspectionVersion, changes } = await storeInspection(trx, node.uuid, report.inventory as unknown as Json);
  await applyInspectionRules(trx, node, report.inventory as unknown as JsonObject);
  await notifyBootModel(trx);
  return { node, isNew, inspectionVersion, changes, heldLinks };
}

/** What people wrote stays, what was seen is brought up to date: root device hints and capabilities survive an inspection. */
export async function mergedProperties(trx: Trx, uuid: string, seen: JsonObject): Promise<JsonObject> {
  const row = await trx.selectFrom('node').select('properties').where('uuid', '=', uuid).executeTakeFirst();
  const before = (row?.properties ?? {}) as JsonObject;
  const own = String(before['capabilities'] ?? '')
    .split(',')
    .filter((each) => each !== '' && !each.startsWith('boot_mode:'));
  const mode = seen['capabilities'] === undefined ? [] : [String(seen['capabilities'])];
  return { ...before, ...seen, capabilities: [...own, ...mode].join(',') };
}

async function loadIdentities(db: Db): Promise<KnownIdentity[]> {
  const rows = await sql<{ uuid: string; system_uuid: string | null; serials: string[]; macs: string[]; bmc: string | null }>`
    select n.uuid, n.system_uuid, n.serials, coalesce(n.driver_info ->> 'ipmi_address', ${REDFISH_HOST}) as bmc,
           coalesce((select jsonb_agg(p.address) from port p where p.node_uuid = n.uuid), '[]') as macs
    from node n`.execute(db);
  return rows.rows.map((row) => ({
    nodeId: row.uuid,
    systemUuid: row.system_uuid,
    serials: row.serials,
    macs: row.macs,
    bmcAddress: row.bmc,
  }));
}

/** The names that Nova's schedulers and Ironic's inspector use. */
function propertiesOf(report: InspectionReport) {
  const { cpu, memory, disks, boot } = report.inventory;
  const smallest = Math.min(...disks.map((disk) => disk.sizeBytes).filter((size) => size > 0));
  return {
    cpus: cpu.threads,
    cpu_arch: cpu.architecture,
    memory_mb: Math.floor(memory.totalBytes / 1048576),
    ...(Number.isFinite(smallest) ? { local_gb: Math.max(1, Math.floor(smallest / 2 ** 30)) } : {}),
    capabilities: `boot_mode:${boot.firmwareMode}`,
  };
}

/** The serial, when it can be a host name and is free; else the boot NIC. */
async function freeName(db: Db, report: InspectionReport): Promise<string> {
  const wanted = (report.inventory.system.assetTag ?? report.inventory.system.serial ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const fallback = `machine-${report.bootMac.replaceAll(':', '').slice(-6)}`;
  if (wanted.length < 3 || wanted.length > 63) return fallback;
  const taken = await db.selectFrom('node').select('uuid').where('name', '=', wanted).executeTakeFirst();
  return taken === undefined ? wanted : fallback;
}

const linkOf = ({ lldp }: InspectionReport['inventory']['nics'][number]): PortLink =>
  lldp === undefined
    ? {}
    : {
        switch_id: lldp.chassisId,
        port_id: lldp.portId,
        ...(lldp.systemName === undefined ? {} : { switch_info: lldp.systemName }),
      };

/** An operator's word on how a port is connected holds. @returns where LLDP tells otherwise */
async function putPorts(trx: Trx, nodeUuid: string, report: InspectionReport): Promise<string[]> {
  const held: string[] = [];
  for (const nic of report.inventory.nics) {
    const link = linkOf(nic);
    const written = JSON.stringify(link);
    const before = await trx
      .selectFrom('port')
      .select(['uuid', 'node_uuid', 'local_link_connection', sql<boolean>`local_link_connection in ('{}', inspected_link)`.as('is_ours')])
      .where('address', '=', nic.mac)
      .executeTakeFirst();
    const takesLink = nic.lldp !== undefined && (before === undefined || before.is_ours === true || before.node_uuid !== nodeUuid);
    if (before !== undefined && !takesLink) held.push(...describeHeldLink(nic.mac, before.uuid, before.local_link_connection, link));
    const told = { local_link_connection: written as never, inspected_link: written as never };
    await trx
      .insertInto('port')
      .values({ node_uuid: nodeUuid, address: nic.mac, pxe_enabled: nic.mac === report.bootMac, ...told } as never)
      .onConflict((conflict) =>
        conflict.column('address').doUpdateSet({ node_uuid: nodeUuid, updated_at: sql`now()` as never, ...(takesLink ? told : {}) }),
      )
      .execute();
  }
  return held;
}

async function storeInspection(
  trx: Trx,
  nodeUuid: string,
  document: Json,
): Promise<{ version: number; changes: readonly InspectionChange[] }> {
  const last = await trx
    .selectFrom('inspection')
    .select(['version', 'document'])
    .where('node_uuid', '=', nodeUuid)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  const changes = last === undefined ? [] : diffInspections(last.document as unknown as Json, document);
  if (last !== undefined && changes.length === 0) return { version: last.version, changes };
  const version = (last?.version ?? 0) + 1;
  await trx
    .insertInto('inspection')
    .values({ node_uuid: nodeUuid, version, document: JSON.stringify(document), changes: JSON.stringify(changes) } as never)
    .execute();
  return { version, changes };
}

/** What a step made of the machine's disks: a version of its inspection like any other. */
export async function replaceInspectedDisks(trx: Trx, nodeUuid: string, disks: readonly InventoryDisk[]): Promise<void> {
  const last = await trx
    .selectFrom('inspection')
    .select('document')
    .where('node_uuid', '=', nodeUuid)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last !== undefined) await storeInspection(trx, nodeUuid, { ...last.document, disks } as unknown as Json);
}

/** What the agent of this boot can do (`flows/steps/declared-steps.ts` reads it). */
async function storeDeclaredSteps(trx: Trx, nodeUuid: string, report: InspectionReport): Promise<void> {
  await sql`
    update node set driver_internal_info = jsonb_set(driver_internal_info, '{agent_steps}', ${JSON.stringify(report.steps ?? [])}::jsonb)
    where uuid = ${nodeUuid}`.execute(trx);
}

export const hashAgentToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** A fresh token for this boot; the one of an earlier boot ends with it. */
export async function openAgentSession(trx: Trx, nodeUuid: string): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await trx
    .updateTable('node')
    .set({ agent_token_hash: hashAgentToken(token), agent_seen_at: sql`now()` as never })
    .where('uuid', '=', nodeUuid)
    .execute();
  return token;
}

/** The agent of this boot is gone with the machine's power: its token opens nothing any more. */
export async function forgetAgent(trx: Trx, nodeUuid: string): Promise<void> {
  await trx.updateTable('node').set({ agent_token_hash: null }).where('uuid', '=', nodeUuid).execute();
}

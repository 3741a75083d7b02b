import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import { interfaceOf } from './driver-table.ts';
import type { Db, NodeRecord, Trx } from './node-record.ts';
import { TENANT_VIF } from './port-service.ts';

/** Nodes as those who place instances see them. */
export interface NodeFacts {
  readonly uuid: string;
  /** Links that nothing is attached to; undefined: nothing is ever attached to them. */
  readonly freeLinks: number | undefined;
  readonly architecture: string | undefined;
  readonly capabilities: Readonly<Record<string, string>>;
}

interface Row {
  readonly uuid: string;
  readonly driver: string;
  readonly interfaces: object;
  readonly properties: JsonObject;
  readonly free: number;
}

export async function nodeFacts(db: Db, uuids: readonly string[]): Promise<Map<string, NodeFacts>> {
  const { rows } = await sql<Row>`
    select n.uuid, n.driver, n.interfaces, n.properties, (select count(*) from port p where p.node_uuid = n.uuid
      and p.internal_info ->> ${TENANT_VIF} is null and p.portgroup_uuid is null)::int + (select count(*) from portgroup g
      where g.node_uuid = n.uuid and g.internal_info ->> ${TENANT_VIF} is null)::int as free
    from node n where n.uuid = any(${uuids}::uuid[])`.execute(db);
  return new Map(
    rows.map((row) => [
      row.uuid,
      {
        uuid: row.uuid,
        freeLinks: interfaceOf(row, 'network') === 'noop' ? undefined : row.free,
        architecture: typeof row.properties['cpu_arch'] === 'string' ? row.properties['cpu_arch'] : undefined,
        capabilities: parseCapabilities(row.properties['capabilities']),
      },
    ]),
  );
}

/** `boot_mode:uefi,disk_label:gpt` */
const parseCapabilities = (text: unknown): Record<string, string> =>
  typeof text !== 'string'
    ? {}
    : Object.fromEntries(
        text
          .split(',')
          .flatMap((part) => (part.includes(':') ? [[part.slice(0, part.indexOf(':')), part.slice(part.indexOf(':') + 1)]] : [])),
      );

/**
 * The first of these, in their order, that is free; locked until the end of the transaction. Those that others hold right now are
 * waited for only when no other is left. Undefined: none.
 */
export async function lockFreeNode(trx: Trx, uuids: readonly string[]): Promise<string | undefined> {
  for (const held of [sql`skip locked`, sql``]) {
    const { rows } = await sql<{ uuid: string }>`
      select uuid from node where uuid = any(${uuids}::uuid[]) and provision_state = 'available' and instance_uuid is null
        and not maintenance and not retired
      order by array_position(${uuids}::uuid[], uuid) limit 1 for update ${held}`.execute(trx);
    if (rows[0] !== undefined) return rows[0].uuid;
  }
  return undefined;
}

export async function giveNode(trx: Trx, uuid: string, instanceUuid: string): Promise<void> {
  await sql`update node set instance_uuid = ${instanceUuid}, updated_at = now() where uuid = ${uuid}`.execute(trx);
}

/** Nothing happens when another instance has it. */
export async function takeNodeBack(trx: Trx, uuid: string, instanceUuid: string): Promise<void> {
  await sql`update node set instance_uuid = null, updated_at = now() where uuid = ${uuid} and instance_uuid = ${instanceUuid}`.execute(trx);
}

export const holdsInstance = (node: NodeRecord | undefined, instanceUuid: string): node is NodeRecord =>
  node?.instance_uuid === instanceUuid;

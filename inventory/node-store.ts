import { sql } from 'kysely';
import type { JsonObject } from '../core/base/json.ts';
import type { Db, NodeRecord, Trx } from './node-record.ts';

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => uuidForm.test(text);

export async function findNode(db: Db, uuidOrName: string): Promise<NodeRecord | undefined> {
  const query = db.selectFrom('node').selectAll();
  const row = await (
    isUuid(uuidOrName) ? query.where('uuid', '=', uuidOrName.toLowerCase()) : query.where('name', '=', uuidOrName)
  ).executeTakeFirst();
  return row as NodeRecord | undefined;
}

/** Locks the row for the transaction, so that two verbs on one node are one after the other. */
export async function lockNode(trx: Trx, uuid: string): Promise<NodeRecord | undefined> {
  return (await trx.selectFrom('node').selectAll().where('uuid', '=', uuid).forUpdate().executeTakeFirst()) as NodeRecord | undefined;
}

/** What may be written besides the states: those have their one writer in node-service. */
export interface NodeFields {
  name?: string | null;
  driver?: string;
  driver_info?: JsonObject;
  driver_secrets?: string | null;
  properties?: JsonObject;
  instance_info?: JsonObject;
  configdrive?: string | null;
  instance_uuid?: string | null;
  extra?: JsonObject;
  resource_class?: string | null;
  description?: string | null;
  owner?: string | null;
  system_uuid?: string | null;
  serials?: string[];
  provision_state?: 'enroll' | 'available';
  chassis_uuid?: string | null;
  conductor_group?: string;
  interfaces?: object;
  automated_clean?: boolean | null;
  protected?: boolean;
  protected_reason?: string | null;
  retired?: boolean;
  retired_reason?: string | null;
  maintenance?: boolean;
  maintenance_reason?: string | null;
  fault?: string | null;
  lessee?: string | null;
  network_data?: JsonObject;
  shard?: string | null;
  parent_node?: string | null;
  target_raid_config?: JsonObject;
  raid_config?: JsonObject;
  console_enabled?: boolean;
  boot_mode?: string | null;
  secure_boot?: boolean | null;
  driver_internal_info?: JsonObject;
}

const jsonColumns = new Set([
  'driver_info',
  'properties',
  'instance_info',
  'extra',
  'serials',
  'interfaces',
  'network_data',
  'target_raid_config',
  'raid_config',
  'driver_internal_info',
]);

const toColumns = (fields: NodeFields): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, jsonColumns.has(name) ? JSON.stringify(value) : value]));

export async function insertNode(trx: Trx, fields: NodeFields & { driver: string; uuid?: string }): Promise<NodeRecord> {
  const { uuid, ...rest } = fields;
  const row = await trx
    .insertInto('node')
    .values({ ...toColumns(rest), ...(uuid === undefined ? {} : { uuid }) } as never)
    .returningAll()
    .executeTakeFirstOrThrow();
  return row as NodeRecord;
}

export async function updateNode(trx: Trx, uuid: string, fields: NodeFields): Promise<NodeRecord> {
  const row = await trx
    .updateTable('node')
    .set({ ...toColumns(fields), updated_at: sql`now()` } as never)
    .where('uuid', '=', uuid)
    .returningAll()
    .executeTakeFirstOrThrow();
  return row as NodeRecord;
}

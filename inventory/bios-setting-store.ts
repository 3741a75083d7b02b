import { sql, type Selectable } from 'kysely';
import type { BiosAttribute } from '../bmc/bios.ts';
import type { BiosSettingTable, FirmwareComponentTable } from '../core/database/baremetal-tables.ts';
import type { Db, Trx } from './node-record.ts';

/** What was last read of a node's BIOS and firmware. */
export type BiosSetting = Selectable<BiosSettingTable>;
export type FirmwareComponent = Selectable<FirmwareComponentTable>;

export const listBiosSettings = async (db: Db, nodeUuid: string): Promise<BiosSetting[]> =>
  (await db.selectFrom('bios_setting').selectAll().where('node_uuid', '=', nodeUuid).orderBy('name').execute()) as BiosSetting[];

export const findBiosSetting = async (db: Db, nodeUuid: string, name: string): Promise<BiosSetting | undefined> =>
  (await db.selectFrom('bios_setting').selectAll().where('node_uuid', '=', nodeUuid).where('name', '=', name).executeTakeFirst()) as
    | BiosSetting
    | undefined;

export const listFirmware = async (db: Db, nodeUuid: string): Promise<FirmwareComponent[]> =>
  (await db
    .selectFrom('firmware_component')
    .selectAll()
    .where('node_uuid', '=', nodeUuid)
    .orderBy('component')
    .execute()) as FirmwareComponent[];

/** In the place of what was known; a setting that stays as it was keeps its times. */
export async function replaceBiosSettings(trx: Trx, nodeUuid: string, attributes: readonly BiosAttribute[]): Promise<void> {
  const rows = attributes.map((each) => ({
    name: each.name,
    value: each.value === null ? null : String(each.value),
    attribute_type: each.type ?? null,
    allowable_values: each.allowableValues ?? [],
    lower_bound: each.lowerBound ?? null,
    upper_bound: each.upperBound ?? null,
    min_length: each.minLength ?? null,
    max_length: each.maxLength ?? null,
    read_only: each.readOnly ?? null,
    reset_required: each.resetRequired ?? null,
    is_unique: each.unique ?? null,
  }));
  await sql`delete from bios_setting where node_uuid = ${nodeUuid} and name <> all (${rows.map(({ name }) => name)})`.execute(trx);
  await sql`
    insert into bios_setting (node_uuid, name, value, attribute_type, allowable_values, lower_bound, upper_bound, min_length, max_length,
      read_only, reset_required, is_unique)
    select ${nodeUuid}, name, value, attribute_type, allowable_values, lower_bound, upper_bound, min_length, max_length, read_only,
      reset_required, is_unique
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r (name text, value text, attribute_type text, allowable_values jsonb,
      lower_bound integer, upper_bound integer, min_length integer, max_length integer, read_only boolean, reset_required boolean,
      is_unique boolean)
    on conflict (node_uuid, name) do update set value = excluded.value, attribute_type = excluded.attribute_type,
      allowable_values = excluded.allowable_values, lower_bound = excluded.lower_bound, upper_bound = excluded.upper_bound,
      min_length = excluded.min_length, max_length = excluded.max_length, read_only = excluded.read_only,
      reset_required = excluded.reset_required, is_unique = excluded.is_unique, updated_at = now()
    where bios_setting.value is distinct from excluded.value`.execute(trx);
}

/** Components that were there before keep the version that they came with. */
export async function replaceFirmware(trx: Trx, nodeUuid: string, found: readonly { component: string; version: string }[]): Promise<void> {
  await sql`delete from firmware_component where node_uuid = ${nodeUuid} and component <> all (${found.map(({ component }) => component)})`.execute(
    trx,
  );
  for (const { component, version } of found)
    await sql`
      insert into firmware_component (node_uuid, component, initial_version, current_version) values (${nodeUuid}, ${component}, ${version}, ${version})
      on conflict (node_uuid, component) do update set current_version = excluded.current_version, updated_at = now()
      where firmware_component.current_version is distinct from excluded.current_version`.execute(trx);
}

export const setFlashed = (trx: Trx, nodeUuid: string, component: string, version: string) =>
  sql`update firmware_component set last_version_flashed = ${version}, current_version = ${version}, updated_at = now()
    where node_uuid = ${nodeUuid} and component = ${component}`.execute(trx);

/** Shards and how many nodes each has, without shard last. */
export async function countShards(db: Db): Promise<{ name: string; count: number }[]> {
  const rows = await db
    .selectFrom('node')
    .select((eb) => ['shard as name', eb.fn.countAll<number>().as('count')])
    .groupBy('shard')
    .orderBy('count', 'desc')
    .execute();
  // Nodes of no shard are counted under this word, as Ironic does.
  return rows.map(({ name, count }) => ({ name: name ?? 'None', count: Number(count) }));
}

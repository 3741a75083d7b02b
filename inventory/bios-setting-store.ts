import type { Selectable } from 'kysely';
import type { BiosSettingTable, FirmwareComponentTable } from '../core/database/baremetal-tables.ts';
import type { Db } from './node-record.ts';

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

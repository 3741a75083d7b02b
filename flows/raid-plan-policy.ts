import type { NewVolume, RaidType, StorageController, StorageDrive } from '../bmc/storage.ts';

/*
 * From `target_raid_config` to the volumes that a machine's controllers are asked for: which drives, how large. Ironic's
 * levels and its order: volumes of a fixed size first, then those that take what is left.
 */
export interface LogicalDisk {
  readonly raid_level: string;
  readonly size_gb: number | 'MAX';
  readonly volume_name?: string;
  readonly is_root_volume?: boolean;
  readonly share_physical_disks?: boolean;
  readonly disk_type?: 'hdd' | 'ssd';
  readonly interface_type?: 'sata' | 'scsi' | 'sas';
  readonly number_of_physical_disks?: number;
  readonly controller?: string;
  readonly physical_disks?: readonly unknown[];
}

interface Level {
  readonly type: RaidType;
  readonly drivesMin: number;
  /** Drives' worth of data among `n`. */
  data(n: number): number;
}
const LEVELS: Readonly<Record<string, Level>> = {
  JBOD: { type: 'None', drivesMin: 1, data: () => 1 },
  '0': { type: 'RAID0', drivesMin: 1, data: (n) => n },
  '1': { type: 'RAID1', drivesMin: 2, data: () => 1 },
  '5': { type: 'RAID5', drivesMin: 3, data: (n) => n - 1 },
  '6': { type: 'RAID6', drivesMin: 4, data: (n) => n - 2 },
  '1+0': { type: 'RAID10', drivesMin: 4, data: (n) => Math.floor(n / 2) },
  '5+0': { type: 'RAID50', drivesMin: 6, data: (n) => n - 2 },
  '6+0': { type: 'RAID60', drivesMin: 8, data: (n) => n - 4 },
};
const GIB = 1024 ** 3;

export const raidLevelOf = (type: RaidType | undefined): string | undefined =>
  Object.entries(LEVELS).find(([, level]) => level.type === type)?.[0];

export type RaidPlan = { readonly volumes: readonly NewVolume[] } | { readonly problem: string };

const isNamed = (drive: StorageDrive, words: readonly unknown[]): boolean =>
  words.some((word) => word === drive.id || word === drive.name || (drive.serial !== undefined && word === drive.serial));

/** Free of others' data, and of the kind that is asked for. */
function candidates(disk: LogicalDisk, controller: StorageController, taken: ReadonlySet<string>): StorageDrive[] {
  const bus = disk.interface_type === 'scsi' ? 'sas' : disk.interface_type;
  return controller.drives
    .filter((drive) => disk.share_physical_disks === true || !taken.has(`${controller.id} ${drive.id}`))
    .filter((drive) => disk.disk_type === undefined || drive.media === disk.disk_type)
    .filter((drive) => bus === undefined || drive.bus === bus)
    .filter((drive) => disk.physical_disks === undefined || isNamed(drive, disk.physical_disks))
    .sort((a, b) => a.sizeBytes - b.sizeBytes);
}

/** The smallest drives that do, next to each other in size: the smallest of them counts. */
function chooseDrives(
  level: Level,
  counts: readonly number[],
  sorted: readonly StorageDrive[],
  wantedBytes: number,
): StorageDrive[] | undefined {
  for (const count of counts)
    for (let first = 0; first + count <= sorted.length; first += 1)
      if (level.data(count) * sorted[first]!.sizeBytes >= wantedBytes) return sorted.slice(first, first + count);
  return undefined;
}

function countsFor(disk: LogicalDisk, level: Level, available: number): number[] {
  const given = disk.number_of_physical_disks ?? disk.physical_disks?.length;
  if (given !== undefined) return given >= level.drivesMin ? [given] : [];
  // RAID 1+0 is made of pairs.
  const step = disk.raid_level === '1+0' ? 2 : 1;
  return Array.from({ length: available }, (_each, index) => level.drivesMin + index * step).filter((count) => count <= available);
}

function planDisk(disk: LogicalDisk, controllers: readonly StorageController[], taken: ReadonlySet<string>): NewVolume | string {
  const level = LEVELS[disk.raid_level];
  if (level === undefined) return `RAID level ${disk.raid_level} is not known to Redfish.`;
  const fitting = controllers.filter(
    ({ id, name, managesVolumes, raidTypes }) =>
      managesVolumes &&
      (disk.controller === undefined || disk.controller === id || disk.controller === name) &&
      (raidTypes.length === 0 || raidTypes.includes(level.type)),
  );
  if (fitting.length === 0) return `No controller of this machine can make RAID ${disk.raid_level}.`;
  const wantedBytes = disk.size_gb === 'MAX' ? 1 : disk.size_gb * GIB;
  for (const controller of fitting) {
    const sorted = candidates(disk, controller, taken);
    const drives = chooseDrives(level, countsFor(disk, level, sorted.length), sorted, wantedBytes);
    if (drives === undefined) continue;
    return {
      controller: controller.id,
      ...(disk.volume_name === undefined ? {} : { name: disk.volume_name }),
      raidType: level.type,
      ...(disk.size_gb === 'MAX' || disk.size_gb === 0 ? {} : { sizeBytes: wantedBytes }),
      drives: drives.map(({ id }) => id),
    };
  }
  const size = disk.size_gb === 'MAX' ? '' : ` and ${disk.size_gb} GiB`;
  return `No free drives for a volume with RAID ${disk.raid_level}${size}: it needs ${level.drivesMin} or more of a kind.`;
}

/** @param controllers with the volumes that stay. */
export function planRaid(disks: readonly LogicalDisk[], controllers: readonly StorageController[]): RaidPlan {
  const taken = new Set(controllers.flatMap(({ id, volumes }) => volumes.flatMap(({ drives }) => drives.map((drive) => `${id} ${drive}`))));
  const volumes: NewVolume[] = [];
  const ordered = [...disks.filter(({ size_gb }) => size_gb !== 'MAX'), ...disks.filter(({ size_gb }) => size_gb === 'MAX')];
  for (const disk of ordered) {
    const volume = planDisk(disk, controllers, taken);
    if (typeof volume === 'string') return { problem: volume };
    volumes.push(volume);
    for (const drive of volume.drives) taken.add(`${volume.controller} ${drive}`);
  }
  return { volumes };
}

/** What a node's `raid_config` shows: the volumes that are there. */
export const raidConfigOf = (controllers: readonly StorageController[], atIso: string) => ({
  logical_disks: controllers.flatMap((controller) =>
    controller.volumes.flatMap((volume) => {
      const level = raidLevelOf(volume.raidType);
      return level === undefined
        ? []
        : [{ id: volume.id, name: volume.name, controller: controller.id, size_gb: Math.floor(volume.sizeBytes / GIB), raid_level: level }];
    }),
  ),
  last_updated: atIso,
});

import type { MachineDisk } from '../machine-control.ts';
import type { EmulatedTask, TaskList } from './task-list.ts';

/** One RAID controller with the machine's disks as its drives. Volumes are bookkeeping: the machine goes on seeing its disks. */
export const RAID_TYPES = { RAID0: 1, RAID1: 2, RAID5: 3, RAID6: 4, RAID10: 4 } as const;
export type EmulatedRaidType = keyof typeof RAID_TYPES;

export interface EmulatedVolume {
  readonly id: string;
  readonly name: string;
  readonly raidType: EmulatedRaidType;
  readonly sizeBytes: number;
  readonly drives: readonly number[];
}

export interface NewEmulatedVolume {
  readonly name: string | undefined;
  readonly raidType: unknown;
  readonly sizeBytes: unknown;
  /** Indexes of drives. */
  readonly drives: readonly number[];
}

export interface StorageState {
  readonly disks: readonly MachineDisk[];
  readonly volumes: readonly EmulatedVolume[];
  /** A sentence: why not. */
  create(volume: NewEmulatedVolume): EmulatedTask | string;
  delete(id: string): EmulatedTask | undefined;
}

/** What a level leaves of the smallest drive times their number. */
function capacity(type: EmulatedRaidType, count: number, sizeBytes: number): number {
  const shares = { RAID0: count, RAID1: 1, RAID5: count - 1, RAID6: count - 2, RAID10: Math.floor(count / 2) };
  return shares[type] * sizeBytes;
}

/** @param atStart the controller works when the machine starts, and not before. */
export function createStorageState(disks: readonly MachineDisk[], tasks: TaskList, atStart: boolean): StorageState {
  const when = atStart ? 'at-start' : undefined;
  let doomed: readonly string[] = [];
  let volumes: EmulatedVolume[] = [];
  let lastId = 0;
  const usedBy = (drive: number) => volumes.filter((volume) => volume.drives.includes(drive));
  const check = (volume: NewEmulatedVolume): string | { type: EmulatedRaidType; sizeBytes: number } => {
    const type = volume.raidType as EmulatedRaidType;
    if (!Object.hasOwn(RAID_TYPES, String(type))) return `RAIDType ${String(volume.raidType)} is not supported.`;
    if (volume.drives.length < RAID_TYPES[type]) return `${type} needs ${RAID_TYPES[type]} drives, not ${volume.drives.length}.`;
    const taken = volume.drives.find((drive) => usedBy(drive).length > 0);
    if (taken !== undefined) return `Drive ${taken} is part of a volume.`;
    const most = capacity(type, volume.drives.length, Math.min(...volume.drives.map((drive) => disks[drive]!.sizeBytes)));
    const wanted = volume.sizeBytes ?? most;
    if (typeof wanted !== 'number' || wanted <= 0 || wanted > most) return `CapacityBytes must be 1 to ${most}.`;
    return { type, sizeBytes: wanted };
  };
  return {
    disks,
    get volumes() {
      return volumes;
    },
    create(volume) {
      const checked = check(volume);
      if (typeof checked === 'string') return checked;
      const id = String((lastId += 1));
      const made: EmulatedVolume = {
        id,
        name: volume.name ?? `Volume ${id}`,
        raidType: checked.type,
        sizeBytes: checked.sizeBytes,
        drives: volume.drives,
      };
      if (!atStart) volumes = [...volumes, made];
      return tasks.start(
        'Create volume',
        async () => {
          if (atStart) volumes = [...volumes, made];
          return `Volume ${id} is made.`;
        },
        when,
      );
    },
    delete(id) {
      if (!volumes.some((volume) => volume.id === id)) return undefined;
      doomed = [...doomed, id];
      const remove = () => (volumes = volumes.filter((volume) => !doomed.includes(volume.id)));
      if (!atStart) remove();
      return tasks.start(
        'Delete volume',
        async () => {
          remove();
          return `Volume ${id} is deleted.`;
        },
        when,
      );
    },
  };
}

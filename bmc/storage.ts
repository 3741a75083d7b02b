import type { BmcTask } from './task.ts';

/** RAID controllers with their drives and volumes. Sizes are bytes. */
export const RAID_TYPES = ['None', 'RAID0', 'RAID1', 'RAID5', 'RAID6', 'RAID10', 'RAID50', 'RAID60'] as const;
export type RaidType = (typeof RAID_TYPES)[number];

export interface StorageDrive {
  readonly id: string;
  readonly name: string;
  readonly serial?: string;
  readonly sizeBytes: number;
  readonly media?: 'hdd' | 'ssd';
  readonly bus?: 'sata' | 'sas' | 'nvme';
}

export interface StorageVolume {
  readonly id: string;
  readonly name: string;
  readonly raidType?: RaidType;
  readonly sizeBytes: number;
  /** Ids of its drives. */
  readonly drives: readonly string[];
}

export interface StorageController {
  readonly id: string;
  readonly name: string;
  /** Empty: the controller does not say. */
  readonly raidTypes: readonly RaidType[];
  readonly drives: readonly StorageDrive[];
  readonly volumes: readonly StorageVolume[];
  /** It can make and delete volumes. */
  readonly managesVolumes: boolean;
}

export interface NewVolume {
  readonly controller: string;
  readonly name?: string;
  readonly raidType: RaidType;
  /** Undefined: all that the drives have. */
  readonly sizeBytes?: number;
  readonly drives: readonly string[];
}

export interface StorageCalls {
  storage(signal: AbortSignal): Promise<readonly StorageController[]>;
  createVolume(volume: NewVolume, signal: AbortSignal): Promise<BmcTask>;
  deleteVolume(controller: string, volume: string, signal: AbortSignal): Promise<BmcTask>;
}

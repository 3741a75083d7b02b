import type { World } from '../world/world.ts';

/** What is on a disk, and all that was ever done to it. */
export interface SimulatedDisk {
  readonly serial: string;
  readonly sizeBytes: number;
  /** `blank`, `torn` (half of a write or an erase), or the checksum of a whole image. */
  content: string;
  /** Ids of commands whose whole work was reported and accepted. */
  readonly settled: Set<string>;
  writes: number;
}

export const makeDisk = (serial: string, sizeBytes: number): SimulatedDisk => ({
  serial,
  sizeBytes,
  content: 'blank',
  settled: new Set(),
  writes: 0,
});

/** A destructive command begins: what it may not be is one that the control plane has counted as done. */
export function beginWrite(world: World, disk: SimulatedDisk, commandId: string, step: string): void {
  if (disk.settled.has(commandId)) world.broken(`${step} was done again after its report had been accepted (${commandId})`);
  disk.writes += 1;
  disk.content = 'torn';
}

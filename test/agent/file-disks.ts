import { open } from 'node:fs/promises';
import type { Disks, OpenDisk } from '../../deploy-agent/agent/disks/disk.ts';
import type { InventoryDisk } from '../../deploy-agent/protocol.ts';

/** Plain files stand in for a machine's disks. */
export interface FileDisk {
  readonly path: string;
  readonly facts: InventoryDisk;
}

export interface FileDisksOptions {
  /** Answers true to make a write at this offset fail as a dying disk does. */
  readonly failWrite?: (offset: number) => boolean;
  /** Changes what is read back, as a lying disk does. */
  readonly corruptRead?: (offset: number, bytes: Buffer) => void;
}

export const fileDisk = (path: string, serial: string, sizeBytes: number, more: Partial<InventoryDisk> = {}): FileDisk => ({
  path,
  facts: {
    name: serial,
    device: `/dev/${serial}`,
    sizeBytes,
    serial,
    rotational: true,
    bus: 'other',
    logicalBlockBytes: 512,
    canDiscard: false,
    ...more,
  },
});

export async function createFileDisk(disk: FileDisk, fill = 0xa5): Promise<void> {
  const file = await open(disk.path, 'w');
  try {
    await file.truncate(disk.facts.sizeBytes);
    // Old content, so that a test sees what was not overwritten.
    if (fill !== 0)
      for (let at = 0; at < disk.facts.sizeBytes; at += 2 ** 20)
        await file.write(Buffer.alloc(Math.min(2 ** 20, disk.facts.sizeBytes - at), fill), 0, undefined, at);
  } finally {
    await file.close();
  }
}

async function openFileDisk(disk: FileDisk, options: FileDisksOptions): Promise<OpenDisk> {
  const file = await open(disk.path, 'r+');
  return {
    facts: disk.facts,
    async read(offset, length) {
      const bytes = Buffer.alloc(length);
      await file.read(bytes, 0, length, offset);
      options.corruptRead?.(offset, bytes);
      return bytes;
    },
    async write(offset, bytes) {
      if (options.failWrite?.(offset)) throw new Error('EIO: i/o error');
      if (offset % 512 !== 0 || bytes.length % 512 !== 0) throw new Error(`not aligned to blocks: ${bytes.length} at ${offset}`);
      await file.write(bytes, 0, bytes.length, offset);
    },
    zero: async (offset, length) => void (await file.write(Buffer.alloc(length), 0, length, offset)),
    async discard(offset, length) {
      if (!disk.facts.canDiscard) return false;
      await file.write(Buffer.alloc(length), 0, length, offset);
      return true;
    },
    flush: () => file.datasync(),
    eraseByDevice: () => Promise.resolve(undefined),
    rereadPartitions: () => Promise.resolve(),
    close: () => file.close(),
  };
}

export const fileDisks = (disks: readonly FileDisk[], options: FileDisksOptions = {}): Disks => ({
  list: () => Promise.resolve(disks.map((disk) => disk.facts)),
  open: (facts) =>
    openFileDisk(
      disks.find((disk) => disk.facts.serial === facts.serial)!,
      options,
    ),
});

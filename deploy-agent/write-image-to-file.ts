import { open } from 'node:fs/promises';
import { systemClock } from '../core/base/clock.ts';
import type { JsonObject } from '../core/base/json.ts';
import type { OpenDisk } from './agent/disks/disk.ts';
import { writeImage } from './agent/steps/write-image.ts';
import type { InventoryDisk, WriteImageResult } from './protocol.ts';

/**
 * The agent's step `write_image` with a file in place of a machine's disk: the same download, digest, unpacking, writing and reading back. For whoever wants
 * to know what it costs.
 */
export async function writeImageToFile(options: {
  readonly url: string;
  readonly path: string;
  readonly sha256: string;
  readonly compression: 'none' | 'zstd';
  readonly diskBytes: number;
}): Promise<WriteImageResult> {
  const facts: InventoryDisk = {
    name: 'file',
    device: options.path,
    sizeBytes: options.diskBytes,
    serial: 'file',
    rotational: false,
    bus: 'other',
    logicalBlockBytes: 512,
    canDiscard: false,
  };
  const args: JsonObject = {
    url: options.url,
    format: 'raw',
    compression: options.compression,
    checksum: options.sha256,
    checksumAlgorithm: 'sha256',
    disk: { serial: facts.serial!, sizeBytes: facts.sizeBytes },
  };
  const refuse = () => Promise.reject(new Error('a file has no machine around it'));
  const result = await writeImage.run(args, {
    signal: new AbortController().signal,
    clock: systemClock,
    log: () => undefined,
    progress: () => undefined,
    disks: { list: () => Promise.resolve([facts]), open: () => openFile(facts) },
    firmware: { kind: 'bios' } as never,
    partitions: { format: refuse, installLoader: refuse },
    openBmc: refuse,
    collectInventory: refuse,
    imageUrl: (url) => new URL(url),
  });
  return result as unknown as WriteImageResult;
}

async function openFile(facts: InventoryDisk): Promise<OpenDisk> {
  const file = await open(facts.device, 'w+');
  await file.truncate(facts.sizeBytes);
  return {
    facts,
    async read(offset, length) {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      return bytes.fill(0, bytesRead);
    },
    write: async (offset, bytes) => void (await file.write(bytes, 0, bytes.length, offset)),
    // A file that was just made reads as zeros everywhere; what was written is not zeroed again by this step.
    zero: () => Promise.resolve(),
    discard: () => Promise.resolve(false),
    flush: () => file.datasync(),
    eraseByDevice: () => Promise.resolve(undefined),
    rereadPartitions: () => Promise.resolve(),
    close: () => file.close(),
  };
}

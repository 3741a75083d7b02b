import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { Json } from '../../../core/base/json.ts';
import type { WriteConfigDriveArgs } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import { placeConfigDrive } from '../disks/configdrive-place-policy.ts';
import { readPartitionTable, writePartitionTable } from '../disks/partition-table.ts';
import { SparseWriter } from '../image/sparse-writer.ts';
import { requirePlannedDisk } from './require-disk.ts';
import type { Step } from './step.ts';

/** The Bare Metal API's own limit for config drives. */
const CONFIG_DRIVE_BYTES_MAX = 64 * 2 ** 20;

function unpackConfigDrive(text: unknown): Buffer {
  if (typeof text !== 'string' || text === '') throw new AgentFailure('step-arguments', 'configDrive is missing');
  let content: Buffer;
  try {
    content = gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: CONFIG_DRIVE_BYTES_MAX });
  } catch (error) {
    throw new AgentFailure(
      'step-arguments',
      `configDrive is not the base64 of a gzip of at most ${CONFIG_DRIVE_BYTES_MAX} bytes: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const isIso = content.toString('latin1', 0x8001, 0x8006) === 'CD001';
  const isFat = content.length >= 512 && content.readUInt16LE(510) === 0xaa55;
  if (!isIso && !isFat) throw new AgentFailure('step-arguments', 'configDrive is neither an ISO 9660 nor a VFAT image');
  return content;
}

/** From the content: the same config drive twice gives the same table. */
const guidFrom = (content: Buffer): string => {
  const hex = createHash('sha256').update(content).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

export const writeConfigdrive: Step = {
  declarations: [
    {
      phase: 'deploy',
      interface: 'deploy',
      step: 'write_configdrive',
      priority: 60,
      abortable: true,
      rebootRequested: false,
      argsinfo: {
        disk: { description: 'The planned disk: serial, size and WWN', required: true },
        configDrive: { description: 'ISO 9660 or VFAT image with the label config-2: base64 of its gzip', required: true },
      },
    },
  ],
  async run(args, context): Promise<Json> {
    const { disk: planned, configDrive } = args as unknown as WriteConfigDriveArgs;
    const facts = await requirePlannedDisk(context.disks, planned);
    const content = unpackConfigDrive(configDrive);
    const disk = await context.disks.open(facts);
    try {
      const table = await readPartitionTable(disk);
      if (!table)
        throw new AgentFailure(
          'image-format',
          `${facts.device} has no GPT, so there is no place for a config drive`,
          undefined,
          'deploy an image with a GUID partition table',
        );
      const place = placeConfigDrive(table, facts.sizeBytes, content.length, guidFrom(content));
      if ('reason' in place) throw new AgentFailure('disk-too-small', place.reason);
      // The content first: a table that names a config drive names a whole one.
      const writer = new SparseWriter(disk, place.partition.firstLba * facts.logicalBlockBytes);
      await writer.write(content);
      await writer.finish();
      await writer.verify(() => {}, context.signal);
      await writePartitionTable(disk, place.table);
      await disk.rereadPartitions();
      return { device: facts.device, partition: place.partition.number, sizeBytes: content.length };
    } finally {
      await disk.close();
    }
  },
};

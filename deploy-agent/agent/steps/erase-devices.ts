import { systemRandom } from '../../../core/base/random.ts';
import type { Json } from '../../../core/base/json.ts';
import type { EraseArgs, EraseReceipt, InventoryDisk, StepDeclaration } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import type { OpenDisk } from '../disks/disk.ts';
import { readPartitionTable } from '../disks/partition-table.ts';
import { chooseSamples, SAMPLE_BYTES } from '../disks/samples-policy.ts';
import { metadataRanges, wipeMetadata } from '../disks/wipe.ts';
import { isZero } from '../image/sparse-writer.ts';
import { requirePlannedDisk } from './require-disk.ts';
import type { Step, StepContext } from './step.ts';

/**
 * Cleaning. The metadata wipe makes a disk look empty in a second; the full erase makes its content unreadable by the
 * best that the device offers. Both answer a receipt for each disk: what was done and what reading it back showed.
 */
type Method = EraseReceipt['method'];
type Range = { readonly offset: number; readonly length: number };

const OVERWRITE_BYTES = 4 * 2 ** 20;
/** File systems and RAID members keep their signatures within this much of a partition's ends. */
const PARTITION_END_BYTES = 2 ** 20;

async function readBack(disk: OpenDisk, ranges: readonly Range[]): Promise<{ samplesRead: number; samplesZero: number }> {
  await disk.flush();
  const places = chooseSamples(ranges, systemRandom.unit);
  let samplesZero = 0;
  for (const place of places) if (isZero(await disk.read(place, SAMPLE_BYTES))) samplesZero += 1;
  return { samplesRead: places.length, samplesZero };
}

/** The table still says where partitions are: their ends go first, the table last. */
async function wipeWithPartitions(disk: OpenDisk): Promise<readonly Range[]> {
  const table = await readPartitionTable(disk);
  const { sizeBytes, logicalBlockBytes } = disk.facts;
  const ranges = (table?.partitions ?? []).flatMap((partition): Range[] => {
    const offset = partition.firstLba * logicalBlockBytes;
    const end = (partition.lastLba + 1) * logicalBlockBytes;
    if (end > sizeBytes) return [];
    const length = Math.min(PARTITION_END_BYTES, end - offset);
    return [
      { offset, length },
      { offset: end - length, length },
    ];
  });
  for (const range of ranges) await disk.write(range.offset, Buffer.alloc(range.length));
  await wipeMetadata(disk);
  return [...metadataRanges(sizeBytes, logicalBlockBytes), ...ranges];
}

async function overwrite(disk: OpenDisk, context: StepContext): Promise<void> {
  const zeros = Buffer.alloc(OVERWRITE_BYTES);
  const { sizeBytes, device } = disk.facts;
  for (let at = 0; at < sizeBytes; at += OVERWRITE_BYTES) {
    context.signal.throwIfAborted();
    await disk.write(at, zeros.subarray(0, Math.min(OVERWRITE_BYTES, sizeBytes - at)));
    context.progress({ phase: `overwriting ${device}`, done: at, total: sizeBytes, unit: 'bytes' });
  }
}

async function eraseFully(disk: OpenDisk, context: StepContext): Promise<{ method: Method; samplesRead: number; samplesZero: number }> {
  const whole = [{ offset: 0, length: disk.facts.sizeBytes }];
  const byDevice = await disk.eraseByDevice(context.signal);
  if (byDevice) {
    // A crypto erase leaves noise, which is as good; the signatures must still be gone.
    await wipeMetadata(disk);
    return { method: byDevice, ...(await readBack(disk, whole)) };
  }
  if (!disk.facts.rotational && (await disk.discard(0, disk.facts.sizeBytes))) {
    const samples = await readBack(disk, whole);
    if (samples.samplesZero === samples.samplesRead) return { method: 'discard', ...samples };
    context.log('warning', `${disk.facts.device} still shows data after a discard; overwriting it`);
  }
  await overwrite(disk, context);
  return { method: 'overwrite-zero', ...(await readBack(disk, whole)) };
}

type Erase = (disk: OpenDisk, context: StepContext) => Promise<{ method: Method; samplesRead: number; samplesZero: number }>;

async function eraseOne(facts: InventoryDisk, erase: Erase, context: StepContext): Promise<EraseReceipt> {
  const startedAtMs = context.clock.nowMs();
  const disk = await context.disks.open(facts);
  try {
    const done = await erase(disk, context);
    if (done.samplesZero < done.samplesRead && done.method !== 'nvme-sanitize' && done.method !== 'ata-secure-erase') {
      throw new AgentFailure(
        'disk-write',
        `${facts.device}: ${done.samplesRead - done.samplesZero} of ${done.samplesRead} blocks still hold data after ${done.method}`,
        { samplesRead: done.samplesRead, samplesZero: done.samplesZero },
      );
    }
    await disk.rereadPartitions();
    return {
      serial: facts.serial ?? '',
      device: facts.device,
      sizeBytes: facts.sizeBytes,
      ...done,
      startedAtMs,
      endedAtMs: context.clock.nowMs(),
    };
  } catch (error) {
    if (error instanceof AgentFailure || context.signal.aborted) throw error;
    throw new AgentFailure('disk-write', `erasing ${facts.device} failed: ${error instanceof Error ? error.message : String(error)}`, {
      serial: facts.serial ?? '',
    });
  } finally {
    await disk.close();
  }
}

const eraseStep = (declaration: Pick<StepDeclaration, 'step' | 'priority' | 'abortable'>, erase: Erase): Step => ({
  declarations: [
    {
      phase: 'clean',
      interface: 'deploy',
      rebootRequested: false,
      argsinfo: { disks: { description: 'The planned disks: serial, size and WWN of each', required: true } },
      ...declaration,
    },
  ],
  async run(args, context): Promise<Json> {
    const { disks } = args as unknown as EraseArgs;
    if (!Array.isArray(disks)) throw new AgentFailure('step-arguments', `${declaration.step}: disks must be a list`);
    // All are found before the first is touched: a plan that is wrong about one is not to be trusted with the others.
    const found: InventoryDisk[] = [];
    for (const planned of disks) found.push(await requirePlannedDisk(context.disks, planned));
    const receipts: EraseReceipt[] = [];
    for (const facts of found) {
      context.signal.throwIfAborted();
      context.progress({ phase: `erasing ${facts.device}`, done: receipts.length, total: found.length, unit: 'disks' });
      receipts.push(await eraseOne(facts, erase, context));
    }
    return receipts.map((receipt) => ({ ...receipt }));
  },
});

export const eraseDevicesMetadata = eraseStep({ step: 'erase_devices_metadata', priority: 99, abortable: true }, async (disk) => {
  const ranges = await wipeWithPartitions(disk);
  return { method: 'metadata-wipe', ...(await readBack(disk, ranges)) };
});

/** Priority 0: it takes hours on big disks, so it runs when it is asked for. */
export const eraseDevices = eraseStep({ step: 'erase_devices', priority: 0, abortable: true }, eraseFully);

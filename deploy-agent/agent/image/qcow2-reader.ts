import { freemem } from 'node:os';
import { createInflateRaw, createZstdDecompress } from 'node:zlib';
import { isMalformed } from '../../../core/base/malformed.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import type { LogLine } from '../control/log-shipper.ts';
import type { OpenDisk } from '../disks/disk.ts';
import { decodeL2Entry, decodeQcow2Header, l1TableOffset, QCOW2_HEADER_BYTES, type Qcow2Cluster, type Qcow2Header } from './qcow2-codec.ts';
import { SparseWriter } from './sparse-writer.ts';

/**
 * Writes the disk that a qcow2 file describes. The file's tables may stand anywhere in it, so it is parked first: on the
 * target disk behind the place of the image, or in memory when the disk is too small for both. The parked copy is
 * zeroed afterwards.
 */
interface Parked {
  readonly bytes: number;
  read(offset: number, length: number): Promise<Buffer>;
  clear(): Promise<void>;
}

const PARK_ALIGNMENT_BYTES = 2 ** 20;

async function collectHeader(source: AsyncIterator<Buffer>): Promise<{ readonly header: Qcow2Header; readonly first: Buffer }> {
  let first = Buffer.alloc(0);
  while (first.length < QCOW2_HEADER_BYTES) {
    const next = await source.next();
    if (next.done) break;
    first = Buffer.concat([first, next.value]);
  }
  const header = decodeQcow2Header(first);
  if (isMalformed(header)) throw new AgentFailure('image-format', `not a usable qcow2 image: ${header.reason}`);
  return { header, first };
}

async function* withFirst(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function parkInMemory(source: AsyncIterable<Buffer>, limit: number): Promise<Parked> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > limit)
      throw new AgentFailure(
        'disk-too-small',
        'the qcow2 file fits neither behind its image on the disk nor into memory',
        { memoryBytes: limit },
        'convert the image to raw and register it packed with zstd',
      );
  }
  const all = Buffer.concat(chunks);
  return { bytes, read: (offset, length) => Promise.resolve(all.subarray(offset, offset + length)), clear: () => Promise.resolve() };
}

async function parkOnDisk(source: AsyncIterable<Buffer>, disk: OpenDisk, start: number): Promise<Parked> {
  const writer = new SparseWriter(disk, start);
  for await (const chunk of source) await writer.write(chunk);
  const bytes = writer.position - start;
  await writer.finish();
  await writer.verify(() => {}, new AbortController().signal);
  const block = disk.facts.logicalBlockBytes;
  return {
    bytes,
    async read(offset, length) {
      const from = Math.floor(offset / block) * block;
      const to = Math.min(Math.ceil((offset + length) / block) * block, Math.ceil(bytes / block) * block);
      if (to <= from) return Buffer.alloc(0);
      return (await disk.read(start + from, to - from)).subarray(offset - from, Math.min(offset + length, bytes) - from);
    },
    async clear() {
      for (let at = 0; at < bytes; at += 64 * 2 ** 20)
        await disk.zero(start + at, Math.min(64 * 2 ** 20, Math.ceil((bytes - at) / block) * block));
    },
  };
}

const damaged = (what: string) => new AgentFailure('image-format', `the qcow2 image is damaged: ${what}`);

async function readTable(parked: Parked, offset: number, entries: number): Promise<bigint[]> {
  const bytes = await parked.read(offset, entries * 8);
  if (bytes.length < entries * 8) throw damaged('a table lies outside the file');
  return Array.from({ length: entries }, (_, index) => bytes.readBigUInt64BE(index * 8));
}

/** Packed clusters end somewhere in their last sector; what follows belongs to the next one and is not looked at. */
async function inflate(packed: Buffer, header: Qcow2Header, clusterBytes: number): Promise<Buffer> {
  const unpack =
    header.compression === 'zstd' ? createZstdDecompress({ chunkSize: clusterBytes }) : createInflateRaw({ chunkSize: clusterBytes });
  unpack.end(packed);
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of unpack as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes >= clusterBytes) break;
    }
  } catch (error) {
    throw damaged(`a packed cluster does not unpack: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (bytes < clusterBytes) throw damaged('a packed cluster is too short');
  return Buffer.concat(pieces).subarray(0, clusterBytes);
}

async function writeCluster(
  parked: Parked,
  header: Qcow2Header,
  cluster: Qcow2Cluster,
  length: number,
  writer: SparseWriter,
): Promise<void> {
  const clusterBytes = 2 ** header.clusterBits;
  if (cluster.kind === 'zero') return writer.skip(length);
  if (cluster.kind === 'data') {
    const bytes = await parked.read(cluster.offset, length);
    // A last cluster may be cut off where the file ends: the rest reads as zeros.
    if (bytes.length === 0) throw damaged('a cluster lies outside the file');
    await writer.write(bytes);
    return writer.skip(length - bytes.length);
  }
  const bytes = await inflate(await parked.read(cluster.offset, cluster.maxBytes), header, clusterBytes);
  await writer.write(bytes.subarray(0, length));
}

export async function unpackQcow2(
  source: AsyncIterable<Buffer>,
  disk: OpenDisk,
  writer: SparseWriter,
  context: { readonly signal: AbortSignal; readonly log: LogLine },
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  const { header, first } = await collectHeader(iterator);
  if (header.virtualBytes > disk.facts.sizeBytes) {
    throw new AgentFailure(
      'disk-too-small',
      `the image is ${header.virtualBytes} bytes, ${disk.facts.device} has ${disk.facts.sizeBytes}`,
      { imageBytes: header.virtualBytes, diskBytes: disk.facts.sizeBytes },
    );
  }
  const start = Math.ceil(header.virtualBytes / PARK_ALIGNMENT_BYTES) * PARK_ALIGNMENT_BYTES;
  // Half of what is behind the image must be free: the file's length is not known before its end.
  const parked =
    disk.facts.sizeBytes - start >= header.virtualBytes
      ? await parkOnDisk(withFirst(first, iterator), disk, start)
      : await parkInMemory(withFirst(first, iterator), freemem() / 2);
  context.log('info', `unpacking a qcow2 file of ${parked.bytes} bytes to ${header.virtualBytes} bytes on ${disk.facts.device}`);
  const clusterBytes = 2 ** header.clusterBits;
  const l2Entries = clusterBytes / 8;
  let written = 0;
  for (const l1Entry of await readTable(parked, header.l1Offset, header.l1Entries)) {
    context.signal.throwIfAborted();
    const tableOffset = l1TableOffset(l1Entry);
    const covered = Math.min(l2Entries * clusterBytes, header.virtualBytes - written);
    if (covered <= 0) break;
    if (tableOffset === 0) await writer.skip(covered);
    else {
      const entries = await readTable(parked, tableOffset, l2Entries);
      for (let at = 0; at < covered; at += clusterBytes) {
        await writeCluster(
          parked,
          header,
          decodeL2Entry(entries[at / clusterBytes]!, header.clusterBits),
          Math.min(clusterBytes, covered - at),
          writer,
        );
      }
    }
    written += covered;
  }
  await parked.clear();
}

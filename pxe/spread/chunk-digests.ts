import { createHash } from 'node:crypto';
import { createBufferFreeing } from '../../core/base/free-buffers.ts';
import { chunkCount, chunkRange, SPREAD_CHUNK_BYTES, type ChunkList } from '../../core/base/image-spread.ts';
import type { ServedFile } from '../files/served-file.ts';

/** Lists of some hundred images; each is 16 bytes for a megabyte. */
const LISTS_MAX = 200;

/** Digests of an image's chunks: read once for each version of a file, whoever asks meanwhile waits for the same reading. */
export function createChunkDigests(): (file: ServedFile) => Promise<ChunkList> {
  const lists = new Map<string, Promise<ChunkList>>();
  return (file) => {
    const known = lists.get(file.etag);
    if (known !== undefined) return known;
    const reading = readDigests(file);
    lists.set(file.etag, reading);
    reading.catch(() => lists.delete(file.etag));
    if (lists.size > LISTS_MAX) lists.delete(lists.keys().next().value!);
    return reading;
  };
}

async function readDigests({ handle, sizeBytes }: ServedFile): Promise<ChunkList> {
  const list = { sizeBytes, chunkBytes: SPREAD_CHUNK_BYTES };
  const passed = createBufferFreeing();
  const buffer = Buffer.allocUnsafeSlow(SPREAD_CHUNK_BYTES);
  const digests: Buffer[] = [];
  for (let index = 0; index < chunkCount(list); index += 1) {
    const { start, length } = chunkRange(list, index);
    for (let done = 0; done < length;) {
      const { bytesRead } = await handle.read(buffer, done, length - done, start + done);
      if (bytesRead === 0) throw new Error(`the file ends at ${start + done}, before ${sizeBytes}`);
      done += bytesRead;
    }
    digests.push(createHash('sha256').update(buffer.subarray(0, length)).digest());
    passed(length);
  }
  return { ...list, digests: Buffer.concat(digests).toString('base64') };
}

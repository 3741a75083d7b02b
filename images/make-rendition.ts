import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';
import { convertDisk, isDiskFormat } from './convert-disk.ts';
import { openImage, receive, stagingFile, type ImageData } from './image-data-service.ts';
import { ImageError } from './image-error.ts';
import type { ImageRecord } from './image-record.ts';
import { keepRendition } from './image-rendition-service.ts';
import { isLocal, storeOf } from './image-store.ts';
import { readSparse } from './read-sparse.ts';

/** Level 3: a deployment waits for it, and 9 wins some per cent for four times the work. */
const PACK_LEVEL = 3;
const READ_BYTES = 2 ** 20;

/** @throws ImageError 400 for bytes that are no such disk, 404 when the image went meanwhile */
export async function makeRendition(data: ImageData, image: ImageRecord, source: string, signal: AbortSignal): Promise<void> {
  // A deployment and somebody who fills the cache may be at it at the same time.
  const name = `${source}.${randomUUID()}`;
  const [own, disk, packed] = await Promise.all(['source', 'disk', 'packed'].map((kind) => stagingFile(data, `${name}.${kind}`)));
  try {
    const plain = image.disk_format === 'raw' ? undefined : await convertSource(data, image, source, own!, disk!, signal);
    const digest = createHash('sha512');
    const bytes = plain === undefined ? await bytesOf(data, image) : readSparse(plain);
    let diskBytes = 0;
    const seen = Readable.from(
      (async function* () {
        for await (const chunk of bytes as AsyncIterable<Buffer>) {
          signal.throwIfAborted();
          diskBytes += chunk.length;
          if (plain === undefined) digest.update(chunk);
          yield chunk;
        }
      })(),
    );
    const pack = createZstdCompress({
      params: { [constants.ZSTD_c_compressionLevel]: PACK_LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
      chunkSize: READ_BYTES,
    });
    seen.on('error', (error) => pack.destroy(error));
    const received = await receive(seen.pipe(pack), packed!);
    if (plain === undefined) requireDigest(digest.digest('hex'), source);
    await keepRendition(data, { source, ...received, diskBytes });
  } finally {
    await Promise.all([own, disk, packed].map((file) => rm(file!, { force: true })));
  }
}

async function bytesOf(data: ImageData, image: ImageRecord): Promise<Readable> {
  const bytes = await openImage(data, image);
  if (bytes === undefined) throw new ImageError(404, `The image ${image.id} has no bytes here.`);
  return bytes;
}

const requireDigest = (digest: string, wanted: string): void => {
  if (digest !== wanted) throw new ImageError(400, "The image's bytes are damaged: their digest is not the image's.");
};

/** The disk as a sparse file, of bytes that are proven to be the image's. */
async function convertSource(
  data: ImageData,
  image: ImageRecord,
  source: string,
  own: string,
  disk: string,
  signal: AbortSignal,
): Promise<string> {
  const store = storeOf(data.stores, image.locations[0]!.store!);
  const isHere = store !== undefined && isLocal(store);
  const file = isHere ? store.pathOf(source) : own;
  if (isHere) {
    const digest = createHash('sha512');
    for await (const chunk of await bytesOf(data, image)) {
      signal.throwIfAborted();
      digest.update(chunk as Buffer);
    }
    requireDigest(digest.digest('hex'), source);
  } else requireDigest((await receive(await bytesOf(data, image), own)).sha512, source);
  if (!isDiskFormat(image.disk_format)) throw new ImageError(400, `Images of the format ${image.disk_format} are not converted.`);
  await convertDisk({ file, from: image.disk_format, output: disk, to: 'raw', signal });
  return disk;
}

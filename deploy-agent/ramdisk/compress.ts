import { constants, createZstdCompress } from 'node:zlib';

export const RAMDISK_COMPRESSION = 'zst';

/** Packs the archive for the kernel's unpacker. */
export async function compressRamdisk(archive: readonly Buffer[]): Promise<Buffer> {
  const pack = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 6, [constants.ZSTD_c_windowLog]: 23 } });
  const packed: Buffer[] = [];
  const done = new Promise<void>((resolve, reject) => {
    pack.on('data', (chunk: Buffer) => packed.push(chunk));
    pack.on('end', resolve);
    pack.on('error', reject);
  });
  for (const chunk of archive) pack.write(chunk);
  pack.end();
  await done;
  return Buffer.concat(packed);
}

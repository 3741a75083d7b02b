import type { FileHandle } from 'node:fs/promises';
import type { ReadableFile } from '../../core/transfer/file-sender.ts';

/** Bytes that stand in the place of a file's own from `start` on. */
export interface Patch {
  readonly start: number;
  readonly bytes: Buffer;
}

/** The file as it reads with the patch over it; the file itself stays as it is. */
export const patchedFile = (file: FileHandle, patch: Patch): ReadableFile =>
  ({
    async read(buffer: Buffer, offset: number, length: number, position: number) {
      const result = await file.read(buffer, offset, length, position);
      const from = Math.max(position, patch.start);
      const to = Math.min(position + result.bytesRead, patch.start + patch.bytes.length);
      if (from < to) patch.bytes.copy(buffer, offset + from - position, from - patch.start, to - patch.start);
      return result;
    },
  }) as unknown as ReadableFile;

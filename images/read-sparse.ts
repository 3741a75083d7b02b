import { open } from 'node:fs/promises';
import { loadLinuxCalls } from '../core/base/linux-calls.ts';

/** One read: more costs memory, less costs system calls. */
const READ_BYTES = 2 ** 20;
const ZEROS = Buffer.alloc(READ_BYTES);

/**
 * All bytes of a file in order. Its holes are not read: the kernel would fill memory with pages of zeros, for 10 GiB of holes 70 s of them. Chunks are
 * not to be written to.
 */
export async function* readSparse(path: string): AsyncGenerator<Buffer> {
  const system = loadLinuxCalls();
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    /** Where what begins here ends; a file system without holes says that all is data. */
    const edge = (at: number, what: 'data' | 'hole') => {
      const found = system?.seek(file.fd, at, what) ?? (what === 'data' ? at : size);
      return found < 0 ? size : Math.min(found, size);
    };
    for (let at = 0; at < size;) {
      const data = edge(at, 'data');
      for (; at < data; at += Math.min(READ_BYTES, data - at)) yield ZEROS.subarray(0, Math.min(READ_BYTES, data - at));
      const end = edge(at, 'hole');
      while (at < end) {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at)), 0, undefined, at);
        if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    }
  } finally {
    await file.close();
  }
}

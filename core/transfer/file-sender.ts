import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';

/** What a transfer needs of a file. */
export type ReadableFile = Pick<FileHandle, 'read'>;

/** Reads this large cost half the CPU of a stream's 64 KiB. */
const LARGE_BUFFER_BYTES = 1 << 20;
const LARGE_BUFFERS_MAX = 64;
/** When the large ones are all out, a transfer goes on slower instead of waiting for a slow client's to come back. */
const SMALL_BUFFER_BYTES = 64 * 1024;

const idleBuffers: Buffer[] = [];
let largeBuffers = 0;

function takeBuffer(wantedBytes: number): Buffer {
  if (wantedBytes > SMALL_BUFFER_BYTES) {
    const idle = idleBuffers.pop();
    if (idle) return idle;
    if (largeBuffers < LARGE_BUFFERS_MAX) {
      largeBuffers += 1;
      return Buffer.allocUnsafeSlow(LARGE_BUFFER_BYTES);
    }
  }
  return Buffer.allocUnsafeSlow(Math.min(SMALL_BUFFER_BYTES, Math.max(1, wantedBytes)));
}

const giveBack = (buffer: Buffer): void => {
  if (buffer.length === LARGE_BUFFER_BYTES) idleBuffers.push(buffer);
};

/** Resolves when the kernel has the bytes, so that the buffer may be used again; false when the client is gone. */
const write = (response: ServerResponse, bytes: Buffer): Promise<boolean> =>
  new Promise((resolve) => {
    if (response.destroyed) return resolve(false);
    const onClose = () => resolve(false);
    response.once('close', onClose);
    response.write(bytes, (error) => {
      response.removeListener('close', onClose);
      resolve(!error);
    });
  });

/** `sentBytes` are the ones that the kernel took. */
export interface SentFile {
  readonly sentBytes: number;
  readonly outcome: 'complete' | 'client-gone' | 'file-short';
}

/**
 * Sends `length` bytes of the file from `start` on, never more in memory than two buffers; the next stretch is read while
 * one is on its way.
 */
export async function sendFileBytes(response: ServerResponse, file: ReadableFile, start: number, length: number): Promise<SentFile> {
  const buffers = [takeBuffer(length), takeBuffer(length)];
  let readBytes = 0;
  let sentBytes = 0;
  let writing: Promise<boolean> = Promise.resolve(true);
  let inFlight = 0;
  // While a socket may still refer to the buffers they are not used again, but left to the collector.
  let outcome: SentFile['outcome'] = 'client-gone';
  try {
    for (let turn = 0; readBytes < length; turn += 1) {
      const buffer = buffers[turn % 2]!;
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, length - readBytes), start + readBytes);
      if (!(await writing)) return { sentBytes, outcome };
      sentBytes += inFlight;
      inFlight = bytesRead;
      if (bytesRead === 0) {
        outcome = 'file-short';
        return { sentBytes, outcome };
      }
      writing = write(response, buffer.subarray(0, bytesRead));
      readBytes += bytesRead;
    }
    if (await writing) {
      sentBytes += inFlight;
      outcome = 'complete';
    }
    return { sentBytes, outcome };
  } finally {
    if (outcome === 'client-gone') largeBuffers -= buffers.filter((b) => b.length === LARGE_BUFFER_BYTES).length;
    else for (const buffer of buffers) giveBack(buffer);
  }
}

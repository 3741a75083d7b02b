import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { LinuxCalls } from '../base/linux-calls.ts';
import { sendFileBytes, type SentFile } from './file-sender.ts';

/**
 * sendfile(2): the kernel carries the file to the socket, and no byte enters this process. For plain HTTP and files that are sent
 * as they are; what is not in memory is read on a thread first, as the event loop must not wait for a disk.
 */
const CALL_BYTES_MAX = 1 << 20;
/** Then other clients have their turn. */
const CALLS_A_TURN = 8;
const EAGAIN = -11;

/**
 * What a socket may hold: the kernel asks for more when a third of it is free, and each asking wakes this process. These are pages of
 * the file, not copies. The kernel takes this twice.
 */
const SEND_BUFFER_BYTES = Buffer.alloc(4);
SEND_BUFFER_BYTES.writeInt32LE(8 << 20);
/** While more clients than these are served, the kernel shares its memory for sockets out as it sees fit, and each waking serves many. */
const LARGE_BUFFERS_MAX = 16;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const IPPROTO_TCP = 6;
const TCP_CORK = 3;
const ON = Buffer.from(Int32Array.of(1).buffer);
const OFF = Buffer.from(Int32Array.of(0).buffer);
let clients = 0;

/**
 * Only full frames leave (TCP_CORK, tcp(7)): else each ACK of a client that keeps pace sends off what little the kernel has taken from the file since. What
 * is left at the end leaves when this is turned off.
 */
const setCork = (system: LinuxCalls, response: ServerResponse, isOn: boolean): void =>
  tune(system, response, IPPROTO_TCP, TCP_CORK, isOn ? ON : OFF);

/** Without the right to (CAP_NET_ADMIN) a buffer is what the kernel makes it, and only TCP knows of frames. */
function tune(system: LinuxCalls, response: ServerResponse, level: number, name: number, value: Buffer): void {
  const fd = socketFdOf(response);
  if (fd === undefined) return;
  try {
    system.setsockopt(fd, level, name, value);
  } catch (error) {
    if (!NOT_HERE.has((error as NodeJS.ErrnoException).code!)) throw error;
  }
}
const NOT_HERE: ReadonlySet<string> = new Set(['EPERM', 'EOPNOTSUPP']);

const socketFdOf = (response: ServerResponse): number | undefined => {
  const fd = (response.socket as { _handle?: { fd?: number } } | null)?._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
};

/** Resolves when all that Node held for the socket is in the kernel; false when the client is gone. */
async function headersSent(response: ServerResponse): Promise<boolean> {
  response.flushHeaders();
  while (response.socket && response.socket.writableLength > 0 && !response.destroyed) {
    const { promise, resolve } = Promise.withResolvers<void>();
    response.socket.once('drain', resolve);
    response.once('close', resolve);
    // A socket below its high-water mark says nothing when it is empty.
    setImmediate(resolve);
    await promise;
    response.socket?.removeListener('drain', resolve);
    response.removeListener('close', resolve);
  }
  return response.socket !== null && !response.destroyed;
}

interface Progress {
  /** Where the kernel reads next; it moves this on. */
  readonly offset: Buffer;
  readonly end: number;
}

const positionOf = ({ offset }: Progress): number => Number(offset.readBigInt64LE(0));
/** The last byte of what the next call sends: the kernel reads files forward, so what lies before it is there too. */
const nextLast = (progress: Progress): number => Math.min(progress.end, positionOf(progress) + CALL_BYTES_MAX) - 1;

/** Sends until everything is sent, the client is gone, or the file's next stretch is not in memory. */
function sendCached(
  system: LinuxCalls,
  response: ServerResponse,
  fileFd: number,
  progress: Progress,
): Promise<'more' | SentFile['outcome']> {
  const { promise, resolve } = Promise.withResolvers<'more' | SentFile['outcome']>();
  const socketFd = socketFdOf(response);
  const { socket } = response;
  if (socketFd === undefined || !socket) return Promise.resolve('client-gone');
  const fd = system.duplicate(socketFd);
  const finish = (outcome: 'more' | SentFile['outcome']) => {
    stop();
    response.removeListener('close', onClose);
    resolve(outcome);
  };
  const onClose = () => finish('client-gone');
  const stop = system.watchWritable(fd, () => {
    // Node sees nothing of this traffic, and would take the socket for one that stalls.
    socket.setTimeout(socket.timeout ?? 0);
    for (let calls = 0; calls < CALLS_A_TURN; calls += 1) {
      if (calls > 0 && !system.isCached(fileFd, nextLast(progress))) return finish('more');
      const wanted = Math.min(CALL_BYTES_MAX, progress.end - positionOf(progress));
      const sent = system.sendFile(fd, fileFd, progress.offset, wanted);
      if (sent === EAGAIN) return;
      if (sent < 0) return finish('client-gone');
      if (sent === 0) return finish('file-short');
      if (positionOf(progress) >= progress.end) return finish('complete');
      // The socket is full: asking again would only be told so.
      if (sent < wanted) return;
    }
    if (!system.isCached(fileFd, nextLast(progress))) finish('more');
  });
  response.once('close', onClose);
  return promise;
}

/** Below this the set-up costs more than the copy. */
const KERNEL_BYTES_MIN = 256 * 1024;

/**
 * Sends `length` bytes of the file from `start` on, by the kernel where that is possible. The headers are written already; the caller ends the response.
 * @param system undefined: through this process
 */
export function sendFile(
  system: LinuxCalls | undefined,
  response: ServerResponse,
  file: FileHandle,
  start: number,
  length: number,
): Promise<SentFile> {
  const isEncrypted = (response.socket as { encrypted?: boolean } | null)?.encrypted === true;
  return system === undefined || isEncrypted || length < KERNEL_BYTES_MIN
    ? sendFileBytes(response, file, start, length)
    : sendByKernel(system, response, file, start, length);
}

async function sendByKernel(
  system: LinuxCalls,
  response: ServerResponse,
  file: FileHandle,
  start: number,
  length: number,
): Promise<SentFile> {
  clients += 1;
  try {
    if (clients <= LARGE_BUFFERS_MAX) tune(system, response, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES);
    setCork(system, response, true);
    return await sendStretches(system, response, file, start, length);
  } finally {
    setCork(system, response, false);
    clients -= 1;
  }
}

async function sendStretches(
  system: LinuxCalls,
  response: ServerResponse,
  file: FileHandle,
  start: number,
  length: number,
): Promise<SentFile> {
  const progress: Progress = { offset: Buffer.alloc(8), end: start + length };
  progress.offset.writeBigInt64LE(BigInt(start), 0);
  let outcome: 'more' | SentFile['outcome'] = length === 0 ? 'complete' : 'more';
  if (!(await headersSent(response))) outcome = 'client-gone';
  let scratch: Buffer | undefined;
  while (outcome === 'more') {
    if (!system.isCached(file.fd, nextLast(progress))) {
      scratch ??= Buffer.allocUnsafeSlow(CALL_BYTES_MAX);
      await file.read(scratch, 0, nextLast(progress) + 1 - positionOf(progress), positionOf(progress));
    }
    outcome = response.destroyed ? 'client-gone' : await sendCached(system, response, file.fd, progress);
  }
  return { sentBytes: positionOf(progress) - start, outcome };
}

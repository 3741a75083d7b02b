import { getSystemErrorName } from 'node:util';

/**
 * The few libc and libuv calls that Node's own API has no word for: sockets bound to one interface, raw ICMPv6 and packet
 * sockets, TAP devices, and readiness of such a file on the event loop. `node:ffi` is experimental; where it is missing or forbidden,
 * `loadLinuxCalls` answers undefined and the callers fall back to what plain Node can do.
 */
export interface LinuxCalls {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Buffer): void;
  bind(fd: number, address: Buffer): void;
  connect(fd: number, address: Buffer): void;
  /** Bytes sent, or a negative errno. */
  sendTo(fd: number, bytes: Buffer, address: Buffer): number;
  /** Bytes read, or a negative errno. `message` is a struct msghdr. */
  recvMessage(fd: number, message: Buffer): number;
  /** Takes up to `count` datagrams at once; how many came, or a negative errno. `headers` is an array of struct mmsghdr. */
  receiveMessages(fd: number, headers: Buffer, count: number): number;
  /** How many of the `count` datagrams left, or, when the first could not, a negative errno. */
  sendMessages(fd: number, headers: Buffer, count: number): number;
  /** Bytes of the file that went to the socket, or a negative errno. `offset` (8 bytes, little-endian) moves on by them. */
  sendFile(socketFd: number, fileFd: number, offset: Buffer, bytes: number): number;
  /** Is this byte of the file in memory, so that reading it would not wait for a disk? */
  isCached(fd: number, position: number): boolean;
  /** Bytes of the file from there on that are in memory, or a negative errno; never waits for a disk. */
  readCached(fd: number, into: Buffer, position: number): number;
  /** Where data begin at or behind this byte of the file, or the hole that ends them; a negative errno when there are none. */
  seek(fd: number, position: number, what: 'data' | 'hole'): number;
  /** A second descriptor of the same socket, which outlives the first. */
  duplicate(fd: number): number;
  ioctl(fd: number, request: number, argument: Buffer): void;
  /** Bytes read, or a negative errno. */
  read(fd: number, into: Buffer): number;
  /** Bytes written, or a negative errno. */
  write(fd: number, bytes: Buffer): number;
  close(fd: number): void;
  interfaceIndex(name: string): number;
  addressOf(buffer: Buffer): bigint;
  /** Calls `onReadable` on this thread's event loop whenever `fd` has something to read; the answer stops it and closes `fd`. */
  watchReadable(fd: number, onReadable: () => void): () => void;
  /** The same for room in `fd`'s send buffer. */
  watchWritable(fd: number, onWritable: () => void): () => void;
}

const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;

const UV_POLL = 8;
const UV_READABLE = 1;
const UV_WRITABLE = 2;
const RWF_NOWAIT = 8;
const SEEK = { data: 3, hole: 4 } as const;

const systemError = (call: string, errno: number): NodeJS.ErrnoException => {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${call} failed: ${code}`), { code, errno: -errno, syscall: call });
};

type Ffi = typeof import('node:ffi');

const DEFINITIONS = {
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  setsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'] },
  bind: { return: 'i32', arguments: ['i32', 'pointer', 'u32'] },
  connect: { return: 'i32', arguments: ['i32', 'pointer', 'u32'] },
  sendto: { return: 'i32', arguments: ['i32', 'pointer', 'u32', 'i32', 'pointer', 'u32'] },
  recvmsg: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] },
  recvmmsg: { return: 'i32', arguments: ['i32', 'pointer', 'u32', 'i32', 'pointer'] },
  sendmmsg: { return: 'i32', arguments: ['i32', 'pointer', 'u32', 'i32'] },
  sendfile: { return: 'i64', arguments: ['i32', 'i32', 'pointer', 'u64'] },
  preadv2: { return: 'i64', arguments: ['i32', 'pointer', 'i32', 'i64', 'i32'] },
  lseek: { return: 'i64', arguments: ['i32', 'i64', 'i32'] },
  dup: { return: 'i32', arguments: ['i32'] },
  ioctl: { return: 'i32', arguments: ['i32', 'u64', 'pointer'] },
  read: { return: 'i64', arguments: ['i32', 'pointer', 'u64'] },
  write: { return: 'i64', arguments: ['i32', 'pointer', 'u64'] },
  close: { return: 'i32', arguments: ['i32'] },
  if_nametoindex: { return: 'u32', arguments: ['pointer'] },
  __errno_location: { return: 'pointer', arguments: [] },
  uv_poll_init: { return: 'i32', arguments: ['pointer', 'pointer', 'i32'] },
  uv_poll_start: { return: 'i32', arguments: ['pointer', 'i32', 'pointer'] },
  uv_poll_stop: { return: 'i32', arguments: ['pointer'] },
  uv_close: { return: 'void', arguments: ['pointer', 'pointer'] },
  uv_handle_size: { return: 'u64', arguments: ['i32'] },
} as const;

const openLibrary = (ffi: Ffi) => new ffi.DynamicLibrary(null);
type Library = ReturnType<typeof openLibrary>;
const bindCalls = (library: Library) => library.getFunctions(DEFINITIONS);
type Calls = ReturnType<typeof bindCalls>;

function createWatch(ffi: Ffi, library: Library, c: Calls, addressOf: (buffer: Buffer) => bigint) {
  // One native callback for all watchers, as each costs a page; libuv passes the handle's address back.
  const onEvents = new Map<bigint, () => void>();
  // A watcher's memory belongs to libuv until the loop has closed the handle, which it does a turn after uv_close.
  const watchers = new Set<Buffer>();
  const callback = library.registerCallback({ return: 'void', arguments: ['pointer', 'i32', 'i32'] }, (handle) => {
    try {
      onEvents.get(handle as bigint)?.();
    } catch (error) {
      // A throw through native code ends the process; let the loop report it as any other.
      queueMicrotask(() => {
        throw error;
      });
    }
  });
  return (fd: number, events: number, onEvent: () => void) => {
    const handle = Buffer.from(new ArrayBuffer(Number(c.uv_handle_size(UV_POLL))));
    const pointer = addressOf(handle);
    const loop = (ffi as Ffi & { getCurrentEventLoop(): bigint }).getCurrentEventLoop();
    onEvents.set(pointer, onEvent);
    const started = c.uv_poll_init(loop, pointer, fd) || c.uv_poll_start(pointer, events, callback);
    if (started !== 0) throw systemError('uv_poll', -started);
    watchers.add(handle);
    return () => {
      onEvents.delete(pointer);
      c.uv_poll_stop(pointer);
      c.uv_close(pointer, 0n);
      c.close(fd);
      setTimeout(() => watchers.delete(handle), 1000).unref();
    };
  };
}

function buildSystemCalls(ffi: Ffi): LinuxCalls {
  const library = openLibrary(ffi);
  const c = bindCalls(library);
  const errno = () => ffi.getInt32(c.__errno_location(), 0);
  const addressOf = (buffer: Buffer) => ffi.getRawPointer(buffer.buffer as ArrayBuffer) + BigInt(buffer.byteOffset);
  const check = (result: number, call: string): number => {
    if (result < 0) throw systemError(call, errno());
    return result;
  };
  const iovec = Buffer.from(new ArrayBuffer(16));
  const oneByte = Buffer.from(new ArrayBuffer(1));
  const readCached = (fd: number, into: Buffer, position: number): number => {
    iovec.writeBigUInt64LE(addressOf(into), 0);
    iovec.writeBigUInt64LE(BigInt(into.length), 8);
    const length = Number(c.preadv2(fd, iovec, 1, BigInt(position), RWF_NOWAIT));
    return length < 0 ? -errno() : length;
  };
  const watch = createWatch(ffi, library, c, addressOf);
  return {
    addressOf,
    socket: (domain, type, protocol) => check(c.socket(domain, type | SOCK_NONBLOCK_CLOEXEC, protocol), 'socket'),
    setsockopt: (fd, level, name, value) => void check(c.setsockopt(fd, level, name, value, value.length), 'setsockopt'),
    bind: (fd, address) => void check(c.bind(fd, address, address.length), 'bind'),
    connect: (fd, address) => void check(c.connect(fd, address, address.length), 'connect'),
    sendTo(fd, bytes, address) {
      const sent = c.sendto(fd, bytes, bytes.length, 0, address, address.length);
      return sent < 0 ? -errno() : sent;
    },
    recvMessage(fd, message) {
      const length = c.recvmsg(fd, message, 0);
      return length < 0 ? -errno() : length;
    },
    receiveMessages(fd, headers, count) {
      const received = c.recvmmsg(fd, headers, count, 0, 0n);
      return received < 0 ? -errno() : received;
    },
    sendMessages(fd, headers, count) {
      const sent = c.sendmmsg(fd, headers, count, 0);
      return sent < 0 ? -errno() : sent;
    },
    sendFile(socketFd, fileFd, offset, bytes) {
      const sent = Number(c.sendfile(socketFd, fileFd, offset, BigInt(bytes)));
      return sent < 0 ? -errno() : sent;
    },
    isCached: (fd, position) => readCached(fd, oneByte, position) >= 0,
    readCached,
    seek(fd, position, what) {
      const found = Number(c.lseek(fd, BigInt(position), SEEK[what]));
      return found < 0 ? -errno() : found;
    },
    duplicate: (fd) => check(c.dup(fd), 'dup'),
    ioctl: (fd, request, argument) => void check(c.ioctl(fd, BigInt(request), argument), 'ioctl'),
    read(fd, into) {
      const length = Number(c.read(fd, into, BigInt(into.length)));
      return length < 0 ? -errno() : length;
    },
    write(fd, bytes) {
      const length = Number(c.write(fd, bytes, BigInt(bytes.length)));
      return length < 0 ? -errno() : length;
    },
    close: (fd) => void c.close(fd),
    interfaceIndex: (name) => c.if_nametoindex(Buffer.from(`${name}\0`)),
    watchReadable: (fd, onReadable) => watch(fd, UV_READABLE, onReadable),
    watchWritable: (fd, onWritable) => watch(fd, UV_WRITABLE, onWritable),
  };
}

let loaded: LinuxCalls | undefined;

export function loadLinuxCalls(): LinuxCalls | undefined {
  if (loaded) return loaded;
  try {
    const ffi = process.getBuiltinModule('node:ffi') as Ffi | undefined;
    if (process.platform === 'linux' && ffi) loaded = buildSystemCalls(ffi);
  } catch {
    // Forbidden by the permission model, or a Node whose symbols differ: the callers say what they cannot do then.
  }
  return loaded;
}

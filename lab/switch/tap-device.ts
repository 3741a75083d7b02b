import { DynamicLibrary, getInt32, getRawPointer } from 'node:ffi';
import { constants, openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';

/**
 * A TAP interface (Linux `Documentation/networking/tuntap.rst`): what the kernel sends out of the interface is read here,
 * and what is written here arrives on it. It is gone when this process ends.
 */
export interface TapDevice {
  /** False when the interface is down or its queue is full. */
  write(frame: Buffer): boolean;
  close(): void;
}

const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const NAME_BYTES_MAX = 15;
const UV_POLL = 8;
const UV_READABLE = 1;
const FRAME_BYTES = 65_536;
/** Frames read in one turn of the event loop: the machines' sockets shall have their turn too. */
const FRAMES_A_TURN_MAX = 128;

const DEFINITIONS = {
  ioctl: { return: 'i32', arguments: ['i32', 'u64', 'pointer'] },
  read: { return: 'i64', arguments: ['i32', 'pointer', 'u64'] },
  write: { return: 'i64', arguments: ['i32', 'pointer', 'u64'] },
  close: { return: 'i32', arguments: ['i32'] },
  __errno_location: { return: 'pointer', arguments: [] },
  uv_poll_init: { return: 'i32', arguments: ['pointer', 'pointer', 'i32'] },
  uv_poll_start: { return: 'i32', arguments: ['pointer', 'i32', 'pointer'] },
  uv_poll_stop: { return: 'i32', arguments: ['pointer'] },
  uv_close: { return: 'void', arguments: ['pointer', 'pointer'] },
  uv_handle_size: { return: 'u64', arguments: ['i32'] },
} as const;

/** struct ifreq: name(16) flags(2), 40 bytes in all. */
function interfaceRequest(name: string): Buffer {
  const request = Buffer.alloc(40);
  request.write(name, 0, NAME_BYTES_MAX, 'latin1');
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI, 16);
  return request;
}

export function openTapDevice(name: string, onFrame: (frame: Buffer) => void): TapDevice {
  const library = new DynamicLibrary(null);
  const c = library.getFunctions(DEFINITIONS);
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  if (c.ioctl(fd, BigInt(TUNSETIFF), interfaceRequest(name)) < 0) {
    const errno = getInt32(c.__errno_location(), 0);
    c.close(fd);
    throw new Error(`TUNSETIFF ${name} failed: ${getSystemErrorName(-errno)}`);
  }
  const incoming = Buffer.from(new ArrayBuffer(FRAME_BYTES));
  const drain = () => {
    for (let frames = 0; frames < FRAMES_A_TURN_MAX; frames += 1) {
      const length = Number(c.read(fd, incoming, BigInt(FRAME_BYTES)));
      if (length <= 0) return;
      onFrame(Buffer.from(incoming.subarray(0, length)));
    }
  };
  // libuv writes to the handle until the process ends or the handle is closed: it must stay reachable.
  const handle = Buffer.from(new ArrayBuffer(Number(c.uv_handle_size(UV_POLL))));
  const pointer = getRawPointer(handle);
  const callback = library.registerCallback({ return: 'void', arguments: ['pointer', 'i32', 'i32'] }, () => {
    try {
      drain();
    } catch (error) {
      // A throw through native code ends the process; the loop reports it as any other.
      queueMicrotask(() => {
        throw error;
      });
    }
  });
  const loop = (process.getBuiltinModule('node:ffi') as unknown as { getCurrentEventLoop(): bigint }).getCurrentEventLoop();
  const started = c.uv_poll_init(loop, pointer, fd) || c.uv_poll_start(pointer, UV_READABLE, callback);
  if (started !== 0) throw new Error(`cannot watch ${name}: ${getSystemErrorName(started)}`);
  return {
    write: (frame) => Number(c.write(fd, frame, BigInt(frame.length))) === frame.length && handle.length > 0,
    close() {
      c.uv_poll_stop(pointer);
      c.uv_close(pointer, 0n);
      c.close(fd);
    },
  };
}

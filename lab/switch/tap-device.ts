import { constants, openSync } from 'node:fs';
import { loadLinuxCalls } from '../../core/base/linux-calls.ts';

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
const FRAME_BYTES = 65_536;
/** Frames read in one turn of the event loop: the machines' sockets shall have their turn too. */
const FRAMES_A_TURN_MAX = 128;

/** struct ifreq: name(16) flags(2), 40 bytes in all. */
function interfaceRequest(name: string): Buffer {
  const request = Buffer.alloc(40);
  request.write(name, 0, NAME_BYTES_MAX, 'latin1');
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI, 16);
  return request;
}

export function openTapDevice(name: string, onFrame: (frame: Buffer) => void): TapDevice {
  const calls = loadLinuxCalls();
  if (!calls) throw new Error(`cannot make the interface ${name}: this Node has no node:ffi`);
  const fd = openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  try {
    calls.ioctl(fd, TUNSETIFF, interfaceRequest(name));
  } catch (error) {
    calls.close(fd);
    throw new Error(`cannot make the interface ${name}`, { cause: error });
  }
  const incoming = Buffer.from(new ArrayBuffer(FRAME_BYTES));
  const close = calls.watchReadable(fd, () => {
    for (let frames = 0; frames < FRAMES_A_TURN_MAX; frames += 1) {
      const length = calls.read(fd, incoming);
      if (length <= 0) return;
      onFrame(Buffer.from(incoming.subarray(0, length)));
    }
  });
  return { write: (frame) => calls.write(fd, frame) === frame.length, close };
}

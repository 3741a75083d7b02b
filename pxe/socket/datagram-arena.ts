import type { LinuxCalls } from '../../core/base/linux-calls.ts';

/**
 * Many datagrams with one system call (recvmmsg(2), sendmmsg(2)): memory that is laid out once and used again and again.
 *
 *   struct mmsghdr   64 bytes: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40, flags 48, msg_len 56
 *   struct iovec     16 bytes: base 0, length 8
 */
interface Arena {
  readonly headers: Buffer;
  readonly words: Uint32Array;
  readonly names: readonly Buffer[];
  readonly data: readonly Buffer[];
  /** Index in `words` of the first iovec's length. */
  readonly lengths: number;
}

const HEADER_BYTES = 64;
const IOVEC_BYTES = 16;
/** Room for a sockaddr_in (16) or a sockaddr_ll (20). */
const NAME_BYTES = 32;

function makeArena(system: LinuxCalls, slots: number, slotBytes: number, nameBytes: number): Arena {
  const iovecs = HEADER_BYTES * slots;
  const names = iovecs + IOVEC_BYTES * slots;
  const data = names + NAME_BYTES * slots;
  const memory = Buffer.from(new ArrayBuffer(data + slotBytes * slots));
  const base = system.addressOf(memory);
  for (let i = 0; i < slots; i += 1) {
    memory.writeBigUInt64LE(base + BigInt(names + NAME_BYTES * i), HEADER_BYTES * i);
    memory.writeUInt32LE(nameBytes, HEADER_BYTES * i + 8);
    memory.writeBigUInt64LE(base + BigInt(iovecs + IOVEC_BYTES * i), HEADER_BYTES * i + 16);
    memory.writeBigUInt64LE(1n, HEADER_BYTES * i + 24);
    memory.writeBigUInt64LE(base + BigInt(data + slotBytes * i), iovecs + IOVEC_BYTES * i);
    memory.writeBigUInt64LE(BigInt(slotBytes), iovecs + IOVEC_BYTES * i + 8);
  }
  const slice = (start: number, size: number) =>
    Array.from({ length: slots }, (_, i) => memory.subarray(start + size * i, start + size * (i + 1)));
  return {
    headers: memory,
    words: new Uint32Array(memory.buffer),
    names: slice(names, NAME_BYTES),
    data: slice(data, slotBytes),
    lengths: (iovecs + 8) / 4,
  };
}

export interface DatagramReceiver {
  readonly slots: number;
  /** How many datagrams came in; 0 when none waits. They are overwritten by the next call. */
  receive(fd: number): number;
  bytes(slot: number): Buffer;
  /** IPv4 address of the sender. */
  address(slot: number): number;
  port(slot: number): number;
}

export function createDatagramReceiver(system: LinuxCalls, slots: number, slotBytes: number): DatagramReceiver {
  const arena = makeArena(system, slots, slotBytes, NAME_BYTES);
  let used = slots;
  return {
    slots,
    receive(fd) {
      // The kernel writes the length of the name that it found over the room that there is.
      for (let i = 0; i < used; i += 1) arena.words[i * 16 + 2] = NAME_BYTES;
      used = Math.max(0, system.receiveMessages(fd, arena.headers, slots));
      return used;
    },
    bytes: (slot) => arena.data[slot]!.subarray(0, arena.words[slot * 16 + 14]),
    address: (slot) => arena.names[slot]!.readUInt32BE(4),
    port: (slot) => arena.names[slot]!.readUInt16BE(2),
  };
}

/** Gathers datagrams and sends them with few calls. */
export interface DatagramSender {
  /** The memory of the next datagram, to be filled before `queue`. */
  slot(): Buffer;
  /** `name` writes the struct sockaddr. */
  queue(length: number, writeName: (name: Buffer) => void): void;
  flush(): void;
}

/** struct sockaddr_in: family(2) port(2, network order) address(4, network order) zero(8) */
export function writeInetName(name: Buffer, address: number, port: number): void {
  name[0] = 2;
  name[1] = 0;
  name[2] = port >>> 8;
  name[3] = port & 255;
  name[4] = address >>> 24;
  name[5] = (address >>> 16) & 255;
  name[6] = (address >>> 8) & 255;
  name[7] = address & 255;
}

/** @param onFailure gets the name of a datagram that the kernel did not take, and the errno; the others are sent all the same */
export function createDatagramSender(
  system: LinuxCalls,
  fd: number,
  options: { slots: number; slotBytes: number; nameBytes: number; onFailure: (name: Buffer, errno: number) => void },
): DatagramSender {
  const arena = makeArena(system, options.slots, options.slotBytes, options.nameBytes);
  let queued = 0;
  const flush = () => {
    let done = 0;
    while (done < queued) {
      const sent = system.sendMessages(fd, done === 0 ? arena.headers : arena.headers.subarray(done * HEADER_BYTES), queued - done);
      if (sent <= 0) options.onFailure(arena.names[done]!, -sent);
      done += Math.max(1, sent);
    }
    queued = 0;
  };
  return {
    slot: () => arena.data[queued]!,
    queue(length, writeName) {
      writeName(arena.names[queued]!);
      arena.words[arena.lengths + queued * 4] = length;
      queued += 1;
      if (queued === options.slots) flush();
    },
    flush,
  };
}

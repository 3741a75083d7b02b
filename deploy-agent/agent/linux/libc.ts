import { dlopen, getInt32, getRawPointer } from 'node:ffi';

/**
 * The few system calls that Node has no door for: ioctl for disks and the BMC, packet sockets for LLDP. They run on the
 * calling thread, so each use keeps its request short or runs in a worker.
 */
const { functions } = dlopen(null, {
  ioctl: { arguments: ['i32', 'u64', 'pointer'], return: 'i32' },
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  bind: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
  recvfrom: { arguments: ['i32', 'pointer', 'u64', 'i32', 'pointer', 'pointer'], return: 'i64' },
  close: { arguments: ['i32'], return: 'i32' },
  __errno_location: { arguments: [], return: 'pointer' },
} as const);

/** The caller keeps the buffer reachable for as long as the kernel may use the address. */
export const addressOf = (bytes: Buffer): bigint => getRawPointer(bytes);

export const lastErrno = (): number => getInt32(functions.__errno_location());

/** Answers what ioctl answered, or minus errno. */
export function ioctl(fd: number, request: number, argument: Buffer): number {
  const answer = functions.ioctl(fd, BigInt(request), addressOf(argument));
  return answer < 0 ? -lastErrno() : answer;
}

export const libc = functions;

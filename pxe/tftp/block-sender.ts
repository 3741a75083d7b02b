import type { LinuxCalls } from '../../core/base/linux-calls.ts';
import { writeInetName } from '../socket/datagram-arena.ts';

/**
 * DATA blocks of many transfers, sent by one system call (sendmmsg(2)). Blocks of one client that follow each other are one message, which the kernel cuts into
 * datagrams (UDP_SEGMENT, udp(7)); where it can not, each is a message of its own.
 *
 *   struct mmsghdr   64 bytes: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40, flags 48, msg_len 56
 *   struct cmsghdr   24 bytes with its data: len 0, level 8, type 12, segment bytes 16
 */
export interface BlockSender {
  queue(client: ClientAddress, block: number, bytes: Buffer): void;
  flush(): void;
}

/** IPv4. */
export interface ClientAddress {
  readonly address: number;
  readonly port: number;
}

const SLOTS = 64;
const DATA_OPCODE = 3;
const HEADER_BYTES = 4;
/** Blocks are granted so large that one fits an Ethernet frame. */
const BLOCK_BYTES_MAX = 1468;
const MEMORY_BYTES = SLOTS * (HEADER_BYTES + BLOCK_BYTES_MAX);
/** What one message may hold before it is cut, less the IP and UDP headers. */
const MESSAGE_BYTES_MAX = 65_507;

const MESSAGE = { bytes: 64, name: 0, nameLength: 8, iovec: 16, iovecs: 24, control: 32, controlLength: 40 } as const;
const NAME_BYTES = 16;
const IOVEC_BYTES = 16;
const CONTROL_BYTES = 24;
/** CMSG_LEN of a 16-bit value. */
const CONTROL_LENGTH = 18;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

interface Message {
  client: ClientAddress;
  start: number;
  length: number;
  segmentBytes: number;
  segments: number;
}

function layOut(system: LinuxCalls) {
  const slice = (each: number) => Buffer.from(new ArrayBuffer(each * SLOTS));
  const [headers, names, iovecs, controls] = [slice(MESSAGE.bytes), slice(NAME_BYTES), slice(IOVEC_BYTES), slice(CONTROL_BYTES)];
  const data = Buffer.from(new ArrayBuffer(MEMORY_BYTES));
  for (let at = 0; at < SLOTS; at += 1) {
    const header = headers.subarray(at * MESSAGE.bytes);
    header.writeBigUInt64LE(system.addressOf(names) + BigInt(at * NAME_BYTES), MESSAGE.name);
    header.writeUInt32LE(NAME_BYTES, MESSAGE.nameLength);
    header.writeBigUInt64LE(system.addressOf(iovecs) + BigInt(at * IOVEC_BYTES), MESSAGE.iovec);
    header.writeUInt32LE(1, MESSAGE.iovecs);
    header.writeBigUInt64LE(system.addressOf(controls) + BigInt(at * CONTROL_BYTES), MESSAGE.control);
    const control = controls.subarray(at * CONTROL_BYTES);
    control.writeUInt32LE(CONTROL_LENGTH, 0);
    control.writeInt32LE(SOL_UDP, 8);
    control.writeInt32LE(UDP_SEGMENT, 12);
  }
  // Addresses of a process have 47 bits.
  return { headers, names, iovecs, controls, data, dataAt: Number(system.addressOf(data)) };
}

export function createBlockSender(system: LinuxCalls, fd: number): BlockSender {
  const memory = layOut(system);
  const messages: Message[] = [];
  let used = 0;
  let canSegment = true;

  const isNext = ({ client, length, segmentBytes, segments }: Message, to: ClientAddress, bytes: number) =>
    canSegment &&
    client.address === to.address &&
    client.port === to.port &&
    length === segmentBytes * segments &&
    bytes <= segmentBytes &&
    length + bytes <= MESSAGE_BYTES_MAX;

  const writeMessage = ({ client, start, length, segmentBytes, segments }: Message, at: number) => {
    writeInetName(memory.names.subarray(at * NAME_BYTES), client.address, client.port);
    memory.iovecs.writeUIntLE(memory.dataAt + start, at * IOVEC_BYTES, 6);
    memory.iovecs.writeUInt32LE(length, at * IOVEC_BYTES + 8);
    memory.headers.writeUInt32LE(segments > 1 ? CONTROL_BYTES : 0, at * MESSAGE.bytes + MESSAGE.controlLength);
    memory.controls.writeUInt16LE(segmentBytes, at * CONTROL_BYTES + 16);
  };

  /** The kernel or the device does not cut messages (EIO, EINVAL): by itself from now on. What is full is full: the client asks again. */
  const sendPieces = ({ client, start, length, segmentBytes }: Message) => {
    const name = Buffer.alloc(NAME_BYTES);
    writeInetName(name, client.address, client.port);
    for (let at = start; at < start + length; at += segmentBytes)
      system.sendTo(fd, memory.data.subarray(at, Math.min(at + segmentBytes, start + length)), name);
  };

  const flush = () => {
    messages.forEach(writeMessage);
    for (let done = 0; done < messages.length;) {
      const sent = system.sendMessages(
        fd,
        done === 0 ? memory.headers : memory.headers.subarray(done * MESSAGE.bytes),
        messages.length - done,
      );
      if (sent <= 0 && messages[done]!.segments > 1 && CANNOT_SEGMENT.has(-sent)) {
        canSegment = false;
        sendPieces(messages[done]!);
      }
      done += Math.max(1, sent);
    }
    messages.length = 0;
    used = 0;
  };

  return {
    queue(client, block, bytes) {
      const length = HEADER_BYTES + bytes.length;
      if (messages.length === SLOTS || used + length > MEMORY_BYTES) flush();
      const { data } = memory;
      data[used] = 0;
      data[used + 1] = DATA_OPCODE;
      data[used + 2] = (block >>> 8) & 255;
      data[used + 3] = block & 255;
      bytes.copy(data, used + HEADER_BYTES);
      const last = messages.at(-1);
      if (last !== undefined && isNext(last, client, length)) {
        last.length += length;
        last.segments += 1;
      } else messages.push({ client, start: used, length, segmentBytes: length, segments: 1 });
      used += length;
    },
    flush,
  };
}

/** EIO: no checksum offload; EINVAL: no such option, or a path with smaller packets. */
const CANNOT_SEGMENT: ReadonlySet<number> = new Set([5, 22]);

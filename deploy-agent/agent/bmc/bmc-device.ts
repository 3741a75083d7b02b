import { closeSync, constants, openSync } from 'node:fs';
import { addressOf, ioctl } from '../linux/libc.ts';

/** The BMC in band, through the kernel's IPMI device (include/uapi/linux/ipmi.h). */
export interface BmcDevice {
  /** Completion code and what followed it. Rejects when the BMC does not answer. */
  request(netFunction: number, command: number, data?: Uint8Array): Promise<BmcAnswer>;
  close(): void;
}

export interface BmcAnswer {
  readonly code: number;
  readonly data: Buffer;
}

const IPMICTL_SEND_COMMAND = 0x8028690d;
const IPMICTL_RECEIVE_MSG_TRUNC = 0xc030690b;
const SYSTEM_INTERFACE_ADDRESS = 0x0c;
const BMC_CHANNEL = 0x0f;
const EAGAIN = 11;
const ANSWER_BYTES_MAX = 272;
/** A busy BMC takes seconds; one that takes longer is away. */
const ANSWER_TIMEOUT_MS = 10_000;
const DEVICES = ['/dev/ipmi0', '/dev/ipmi/0', '/dev/ipmidev/0'];

class KernelBmcDevice implements BmcDevice {
  readonly #fd: number;
  #messageId = 0n;
  constructor(fd: number) {
    this.#fd = fd;
  }

  async request(netFunction: number, command: number, data: Uint8Array = new Uint8Array()): Promise<BmcAnswer> {
    const id = ++this.#messageId;
    const address = Buffer.alloc(8);
    address.writeInt32LE(SYSTEM_INTERFACE_ADDRESS, 0);
    address.writeInt16LE(BMC_CHANNEL, 4);
    const payload = Buffer.alloc(Math.max(1, data.length));
    payload.set(data);
    const send = Buffer.alloc(40);
    send.writeBigUInt64LE(addressOf(address), 0);
    send.writeUInt32LE(address.length, 8);
    send.writeBigInt64LE(id, 16);
    send[24] = netFunction;
    send[25] = command;
    send.writeUInt16LE(data.length, 26);
    send.writeBigUInt64LE(addressOf(payload), 32);
    const sent = ioctl(this.#fd, IPMICTL_SEND_COMMAND, send);
    // The kernel has copied both; naming them here keeps them alive over the call.
    if (sent < 0) throw new Error(`the IPMI device refuses a command of ${payload.length + address.length} bytes (errno ${-sent})`);
    return this.#receive(id);
  }

  async #receive(id: bigint): Promise<BmcAnswer> {
    const address = Buffer.alloc(40);
    const payload = Buffer.alloc(ANSWER_BYTES_MAX);
    for (let waitedMs = 0, stepMs = 2; waitedMs < ANSWER_TIMEOUT_MS; waitedMs += stepMs, stepMs = Math.min(50, stepMs * 2)) {
      const receive = Buffer.alloc(48);
      receive.writeBigUInt64LE(addressOf(address), 8);
      receive.writeUInt32LE(address.length, 16);
      receive.writeUInt16LE(payload.length, 34);
      receive.writeBigUInt64LE(addressOf(payload), 40);
      const received = ioctl(this.#fd, IPMICTL_RECEIVE_MSG_TRUNC, receive);
      if (received >= 0 && receive.readBigInt64LE(24) === id) {
        const length = receive.readUInt16LE(34);
        return { code: payload[0]!, data: Buffer.from(payload.subarray(1, length)) };
      }
      if (received < 0 && received !== -EAGAIN) throw new Error(`the IPMI device gives no answer (errno ${-received})`);
      await new Promise((resolve) => setTimeout(resolve, stepMs));
    }
    throw new Error(`the BMC did not answer within ${ANSWER_TIMEOUT_MS / 1000} s`);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Undefined when this machine shows no BMC in band. */
export function openBmcDevice(): Promise<BmcDevice | undefined> {
  for (const path of DEVICES) {
    try {
      return Promise.resolve(new KernelBmcDevice(openSync(path, constants.O_RDWR | constants.O_NONBLOCK)));
    } catch {
      // The next name; no driver at all is the common case.
    }
  }
  return Promise.resolve(undefined);
}

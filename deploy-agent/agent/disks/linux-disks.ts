import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { InventoryDisk } from '../../protocol.ts';
import { AgentFailure } from '../control/agent-failure.ts';
import { ioctl } from '../linux/libc.ts';
import { eraseByDevice } from './device-erase.ts';
import { listBlockDevices } from './block-devices.ts';
import type { Disks, OpenDisk } from './disk.ts';

/** include/uapi/linux/fs.h */
const BLKRRPART = 0x125f;
const BLKFLSBUF = 0x1261;
const BLKDISCARD = 0x1277;
const BLKZEROOUT = 0x127f;
const EBUSY = 16;

/** Discards in one call; the kernel splits further, and the event loop gets its turn in between. */
const DISCARD_STEP_BYTES = 4 * 2 ** 30;

const range = (offset: number, length: number): Buffer => {
  const argument = Buffer.alloc(16);
  argument.writeBigUInt64LE(BigInt(offset), 0);
  argument.writeBigUInt64LE(BigInt(length), 8);
  return argument;
};

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

class LinuxDisk implements OpenDisk {
  readonly facts: InventoryDisk;
  readonly #file: FileHandle;
  constructor(facts: InventoryDisk, file: FileHandle) {
    this.facts = facts;
    this.#file = file;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.#file.read(bytes, done, length - done, offset + done).catch((cause: Error) => this.#failed(cause));
      if (bytesRead === 0) await this.#failed(new Error(`${this.facts.device} ends at ${offset + done}`));
      done += bytesRead;
    }
    return bytes;
  }

  async write(offset: number, bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#taken(this.#file.write(bytes, done, bytes.length - done, offset + done));
      done += bytesWritten;
    }
  }

  async zero(offset: number, length: number): Promise<void> {
    const answer = ioctl(this.#file.fd, BLKZEROOUT, range(offset, length));
    if (answer < 0) await this.#failed(new Error(`the kernel refuses to zero the range (errno ${-answer})`));
    await turn();
  }

  async discard(offset: number, length: number): Promise<boolean> {
    if (!this.facts.canDiscard) return false;
    for (let at = offset; at < offset + length; at += DISCARD_STEP_BYTES) {
      if (ioctl(this.#file.fd, BLKDISCARD, range(at, Math.min(DISCARD_STEP_BYTES, offset + length - at))) < 0) return false;
      await turn();
    }
    return true;
  }

  /** Bad sectors show at a flush as well: most bytes are still in memory when a write returns. */
  async #taken<Result>(work: Promise<Result>): Promise<Result> {
    return work.catch((cause: Error) =>
      this.#failed(cause, new AgentFailure('disk-write', `${this.facts.device} did not take what was written: ${cause.message}`)),
    );
  }

  /** What a kernel says of a disk that is gone (EIO, ENOSPC, an end) it says of broken ones too; only a gone one can not be opened again. */
  async #failed(cause: Error, failure: Error = cause): Promise<never> {
    const again = await open(this.facts.device, constants.O_RDONLY).catch(() => undefined);
    if (again === undefined)
      throw new AgentFailure('disk-not-found', `${this.facts.device} vanished while it was in use: ${cause.message}`, {
        serial: this.facts.serial ?? '',
      });
    await again.close();
    throw failure;
  }

  async flush(): Promise<void> {
    await this.#taken(this.#file.sync());
    ioctl(this.#file.fd, BLKFLSBUF, Buffer.alloc(8));
  }

  eraseByDevice(signal: AbortSignal): ReturnType<OpenDisk['eraseByDevice']> {
    return eraseByDevice(this.facts, this.#file.fd, signal);
  }

  async rereadPartitions(): Promise<void> {
    // Busy while something still looks at an old partition; a moment later nothing does.
    for (let tries = 0; tries < 10 && ioctl(this.#file.fd, BLKRRPART, Buffer.alloc(8)) === -EBUSY; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 200));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

export const linuxDisks: Disks = {
  list: listBlockDevices,
  open: async (facts) => new LinuxDisk(facts, await open(facts.device, constants.O_RDWR)),
};

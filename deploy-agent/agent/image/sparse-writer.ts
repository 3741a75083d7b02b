import { crc32 } from 'node:zlib';
import type { OpenDisk } from '../disks/disk.ts';
import { AgentFailure } from '../control/agent-failure.ts';

/**
 * Writes a stream of bytes to a disk from an offset on. Runs of zeros are not sent: the device is told to make the range
 * zero, which costs it next to nothing. Each written run leaves a CRC-32, so that the whole can be read back and compared.
 */

/** The unit of one write: big enough for full speed, small enough to move the progress. */
const BLOCK_BYTES = 4 * 2 ** 20;
/** A write smaller than this costs more than the copy that makes it bigger. */
const UNCOPIED_BYTES_MIN = 2 ** 18;
/** Zeros are looked for at this grain; the file systems of images rarely leave smaller holes. */
const GRAIN_BYTES = 64 * 2 ** 10;
/** The device zeroes this much in one call, so that the event loop gets its turn. */
const ZERO_RUN_MAX_BYTES = 64 * 2 ** 20;
/** Of a range that was zeroed, this much is read back at its start, and at every step of the next constant. */
const ZERO_SAMPLE_BYTES = 64 * 2 ** 10;
const ZERO_SAMPLE_EVERY_BYTES = 64 * 2 ** 20;

const ZEROS = Buffer.alloc(GRAIN_BYTES);

export const isZero = (bytes: Buffer): boolean => {
  if (bytes.length > 0 && (bytes[0] !== 0 || bytes[bytes.length - 1] !== 0)) return false;
  for (let at = 0; at < bytes.length; at += GRAIN_BYTES) {
    const piece = bytes.subarray(at, at + GRAIN_BYTES);
    if (piece.compare(ZEROS, 0, piece.length) !== 0) return false;
  }
  return true;
};

interface WrittenRun {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

const diskError = (what: string, offset: number, error: unknown) => {
  if (error instanceof AgentFailure && error.report.code === 'disk-not-found') return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AgentFailure('disk-write', `${what} at byte ${offset} failed: ${message}`, { offset });
};

export class SparseWriter {
  readonly #disk: OpenDisk;
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  readonly #written: WrittenRun[] = [];
  readonly #zeroed: { readonly offset: number; readonly length: number }[] = [];
  #filled = 0;
  #offset: number;
  #zeroFrom: number | undefined;
  #writtenBytes = 0;

  constructor(disk: OpenDisk, startOffset = 0) {
    this.#disk = disk;
    this.#offset = startOffset;
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#offset + this.#filled;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.position + bytes.length > this.#disk.facts.sizeBytes) {
      throw new AgentFailure(
        'disk-too-small',
        `the image is longer than ${this.#disk.facts.device} (${this.#disk.facts.sizeBytes} bytes)`,
        { diskBytes: this.#disk.facts.sizeBytes },
      );
    }
    // Whole grains of a big piece are written from where they are.
    let at = 0;
    if (this.#filled === 0 && bytes.length >= UNCOPIED_BYTES_MIN) {
      at = bytes.length - (bytes.length % GRAIN_BYTES);
      await this.#writeBytes(bytes.subarray(0, at));
    }
    while (at < bytes.length) {
      const taken = bytes.copy(this.#block, this.#filled, at, at + BLOCK_BYTES - this.#filled);
      at += taken;
      this.#filled += taken;
      if (this.#filled === BLOCK_BYTES) await this.#writeBlock();
    }
  }

  /** A hole of the image: zeros that nobody needs to send through memory. */
  async skip(length: number): Promise<void> {
    if (this.position + length > this.#disk.facts.sizeBytes) return this.write(ZEROS.subarray(0, 1));
    // Up to the grain by bytes, whole grains by the device.
    const first = Math.min(length, (GRAIN_BYTES - (this.position % GRAIN_BYTES)) % GRAIN_BYTES);
    if (first > 0) await this.write(ZEROS.subarray(0, first));
    const whole = Math.floor((length - first) / GRAIN_BYTES) * GRAIN_BYTES;
    if (whole > 0) {
      await this.#writeBlock();
      this.#zeroFrom ??= this.#offset;
      this.#offset += whole;
      await this.#zeroPending(false);
    }
    const rest = length - first - whole;
    if (rest > 0) await this.write(ZEROS.subarray(0, rest));
  }

  /** Writes what is left, padded to the disk's block. */
  async finish(): Promise<void> {
    const blockBytes = this.#disk.facts.logicalBlockBytes;
    const padding = (blockBytes - (this.#filled % blockBytes)) % blockBytes;
    this.#block.fill(0, this.#filled, this.#filled + padding);
    this.#filled += padding;
    await this.#writeBlock();
    await this.#zeroPending(true);
  }

  async #writeBlock(): Promise<void> {
    await this.#writeBytes(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
  }

  async #writeBytes(block: Buffer): Promise<void> {
    let runStart = -1;
    for (let at = 0; at < block.length; at += GRAIN_BYTES) {
      const zero = isZero(block.subarray(at, at + GRAIN_BYTES));
      if (zero && runStart >= 0) {
        await this.#writeRun(block.subarray(runStart, at), this.#offset + runStart);
        runStart = -1;
      }
      if (zero) this.#zeroFrom ??= this.#offset + at;
      if (!zero && runStart < 0) {
        runStart = at;
        await this.#zeroUpTo(this.#offset + at);
      }
    }
    if (runStart >= 0) await this.#writeRun(block.subarray(runStart), this.#offset + runStart);
    this.#offset += block.length;
    await this.#zeroPending(false);
  }

  async #writeRun(bytes: Buffer, offset: number): Promise<void> {
    this.#written.push({ offset, length: bytes.length, crc: crc32(bytes) });
    await this.#disk.write(offset, bytes).catch((error: unknown) => {
      throw diskError(`writing to ${this.#disk.facts.device}`, offset, error);
    });
    this.#writtenBytes += bytes.length;
  }

  /** Zero ranges are collected, so that a hole of gigabytes is some dozen calls. */
  async #zeroPending(all: boolean): Promise<void> {
    if (this.#zeroFrom !== undefined && (all || this.#offset - this.#zeroFrom >= ZERO_RUN_MAX_BYTES)) await this.#zeroUpTo(this.#offset);
  }

  async #zeroUpTo(end: number): Promise<void> {
    const start = this.#zeroFrom;
    this.#zeroFrom = undefined;
    if (start === undefined) return;
    for (let at = start; at < end; at += ZERO_RUN_MAX_BYTES) {
      const length = Math.min(ZERO_RUN_MAX_BYTES, end - at);
      await this.#disk.zero(at, length).catch((error: unknown) => {
        throw diskError(`zeroing ${this.#disk.facts.device}`, at, error);
      });
      this.#zeroed.push({ offset: at, length });
    }
  }

  /** Reads every written run and samples of every zeroed range back from the device. */
  async verify(onProgress: (doneBytes: number) => void, signal: AbortSignal): Promise<void> {
    await this.#disk.flush();
    let done = 0;
    for (const run of this.#written) {
      signal.throwIfAborted();
      const back = await this.#disk.read(run.offset, run.length).catch((error: unknown) => {
        throw diskError(`reading back from ${this.#disk.facts.device}`, run.offset, error);
      });
      if (crc32(back) !== run.crc)
        throw new AgentFailure('disk-write', `${this.#disk.facts.device} gives back other bytes at ${run.offset} than were written`, {
          offset: run.offset,
        });
      done += run.length;
      onProgress(done);
    }
    for (const range of this.#zeroed) {
      signal.throwIfAborted();
      for (let at = range.offset; at < range.offset + range.length; at += ZERO_SAMPLE_EVERY_BYTES) {
        const back = await this.#disk.read(at, Math.min(ZERO_SAMPLE_BYTES, range.offset + range.length - at));
        if (!isZero(back))
          throw new AgentFailure('disk-write', `${this.#disk.facts.device} does not read as zeros at ${at} after it was told to be`, {
            offset: at,
          });
      }
    }
  }
}

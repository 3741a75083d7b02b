import type { JsonObject } from '../../core/base/json.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeTftpPacket, encodeTftpPacket, TFTP_ERROR } from './tftp-codec.ts';
import { afterLoss, afterWindow, BURST_PAUSE_MS, type Pace } from './tftp-pace-policy.ts';
import { acknowledgedBlock, isLossReport, lastBlockOf, type TransferSettings } from './tftp-transfer-policy.ts';
import type { TransferLink } from './transfer-port.ts';

/** Something to send: bytes in memory or a file. */
export interface TftpSource {
  readonly sizeBytes: number;
  /** What the flight recorder shall know of it. */
  readonly evidence?: JsonObject;
  /** At once when all of it is in memory. The next call may use the memory again. */
  read(offset: number, length: number): Buffer | Promise<Buffer>;
  close(): Promise<void>;
}

export interface TftpTransferResult {
  readonly outcome: 'complete' | 'timeout' | 'client-error' | 'read-error' | 'stopped';
  readonly bytesAcknowledged: number;
  readonly retransmits: number;
  /** As it was at the end, for the client's next transfer. */
  readonly pace: Pace;
  readonly detail?: string;
}

/** With the doubling waits some 30 s from the first second: firmware that is silent for longer has rebooted. */
const ATTEMPTS_MAX = 5;
const TIMEOUT_MS_MAX = 16_000;
/** One read of the file feeds many blocks. */
export const READ_AHEAD_BYTES = 256 * 1024;

/** Reads the file a stretch at a time and hands out blocks of it: at once when the stretch is here. */
function createBlockReader(source: TftpSource, settings: TransferSettings) {
  const stretch = Math.max(READ_AHEAD_BYTES, settings.blockBytes * settings.windowBlocks);
  let start = 0;
  let bytes: Buffer = Buffer.alloc(0);
  return (block: number): Buffer | Promise<Buffer> => {
    const offset = (block - 1) * settings.blockBytes;
    const length = Math.max(0, Math.min(settings.blockBytes, source.sizeBytes - offset));
    const take = () => bytes.subarray(offset - start, offset - start + length);
    if (offset >= start && offset + length <= start + bytes.length) return take();
    const takeOf = (read: Buffer) => {
      if (read.length < length) throw new Error('the file became shorter while it was sent');
      start = offset;
      bytes = read;
      return take();
    };
    const read = source.read(offset, Math.min(stretch, source.sizeBytes - offset));
    return Buffer.isBuffer(read) ? takeOf(read) : read.then(takeOf);
  };
}

/** Sends the whole source to the peer and resolves with how it ended; never rejects. Closes neither link nor source. */
export function runTftpTransfer(
  link: TransferLink,
  source: TftpSource,
  settings: TransferSettings,
  initialPace: Pace,
  signal: AbortSignal,
): Promise<TftpTransferResult> {
  return new Transfer(link, source, settings, initialPace, signal).run();
}

class Transfer {
  readonly #link: TransferLink;
  readonly #source: TftpSource;
  readonly #settings: TransferSettings;
  readonly #signal: AbortSignal;
  readonly #end = Promise.withResolvers<TftpTransferResult>();
  readonly #readBlock: (block: number) => Buffer | Promise<Buffer>;
  readonly #last: number;
  #pace: Pace;
  /** Block 0 stands for the OACK; without one the first window goes out at once. */
  #acknowledged: number;
  #sent: number;
  #attempts = 0;
  #retransmits = 0;
  /** Counts windows, so that one that is still being read or paced when its ACK comes stops. */
  #window = 0;
  /** A window is sent again once for what its client says of losses; more are echoes. */
  #isRepeated = false;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = 0;
  readonly #onAbort = () => this.#finish('stopped');

  constructor(link: TransferLink, source: TftpSource, settings: TransferSettings, pace: Pace, signal: AbortSignal) {
    this.#link = link;
    this.#source = source;
    this.#settings = settings;
    this.#signal = signal;
    this.#pace = pace;
    this.#readBlock = createBlockReader(source, settings);
    this.#last = lastBlockOf(source.sizeBytes, settings.blockBytes);
    this.#acknowledged = settings.granted.size > 0 ? -1 : 0;
    this.#sent = this.#acknowledged;
  }

  run(): Promise<TftpTransferResult> {
    this.#link.receive((packet) => this.#take(packet));
    this.#signal.addEventListener('abort', this.#onAbort);
    if (this.#signal.aborted) this.#onAbort();
    else this.#sendWindow();
    return this.#end.promise;
  }

  #finish(outcome: TftpTransferResult['outcome'], detail?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#clearTimer();
    this.#signal.removeEventListener('abort', this.#onAbort);
    const bytesAcknowledged = Math.max(0, Math.min(this.#source.sizeBytes, this.#acknowledged * this.#settings.blockBytes));
    const result = { outcome, bytesAcknowledged, retransmits: this.#retransmits, pace: this.#pace };
    this.#end.resolve({ ...result, ...(detail === undefined ? {} : { detail }) });
  }

  #take(packet: Buffer): void {
    if (this.#isOver) return;
    const { windowBlocks } = this.#settings;
    const said = decodeTftpPacket(packet);
    if (isMalformed(said)) return;
    if (said.kind === 'error') return this.#finish('client-error', said.message);
    if (said.kind !== 'ack') return;
    const block = acknowledgedBlock(said.block, this.#acknowledged, this.#sent);
    const windowEnd = Math.min(this.#last, this.#acknowledged + windowBlocks);
    if (block === undefined) {
      if (this.#isRepeated || !isLossReport(said.block, this.#acknowledged, this.#sent, windowBlocks)) return;
      this.#isRepeated = true;
      this.#retransmits += 1;
      this.#pace = afterLoss(this.#pace, windowBlocks);
      return this.#sendWindow();
    }
    const isOfWindow = this.#acknowledged >= 0 && windowBlocks > 1;
    if (isOfWindow) this.#pace = block < windowEnd ? afterLoss(this.#pace, windowBlocks) : afterWindow(this.#pace, windowBlocks);
    this.#acknowledged = block;
    this.#attempts = 0;
    this.#isRepeated = false;
    if (block >= this.#last) this.#finish('complete');
    else this.#sendWindow();
  }

  #sendWindow(): void {
    const mine = ++this.#window;
    if (this.#acknowledged < 0) {
      this.#sent = 0;
      this.#link.send(encodeTftpPacket({ kind: 'option-ack', options: this.#settings.granted }));
      this.#waitForAnswer();
    } else this.#sendFrom(this.#acknowledged + 1, Math.min(this.#last, this.#acknowledged + this.#settings.windowBlocks), mine);
  }

  /** Without a turn of the event loop while what is sent is in memory and goes out at once. */
  #sendFrom(first: number, end: number, mine: number): void {
    const burstEnd = Math.min(end, first + this.#pace.burstBlocks - 1);
    for (let block = first; block <= burstEnd; block += 1) {
      const bytes = this.#readBlock(block);
      if (!Buffer.isBuffer(bytes)) {
        this.#link.flush();
        return this.#afterReading(bytes, () => this.#sendFrom(block, end, mine), mine);
      }
      this.#sent = Math.max(this.#sent, block);
      this.#link.queue(block, bytes);
    }
    this.#link.flush();
    if (burstEnd === end) return this.#waitForAnswer();
    this.#wait(BURST_PAUSE_MS, () => this.#sendFrom(burstEnd + 1, end, mine));
  }

  #afterReading(reading: Promise<Buffer>, goOn: () => void, mine: number): void {
    this.#clearTimer();
    reading.then(
      () => {
        if (!this.#isOver && mine === this.#window) goOn();
      },
      (error: Error) => {
        if (this.#isOver) return;
        this.#link.send(encodeTftpPacket({ kind: 'error', code: TFTP_ERROR.undefined, message: 'the file cannot be read' }));
        this.#finish('read-error', error.message);
      },
    );
  }

  #waitForAnswer(): void {
    const ms = Math.min(TIMEOUT_MS_MAX, this.#settings.timeoutMs * 2 ** this.#attempts);
    // The same wait again and again is one timer.
    if (this.#timer !== undefined && this.#timerMs === ms) return void this.#timer.refresh();
    this.#wait(ms, () => this.#onSilence());
    this.#timerMs = ms;
  }

  #wait(ms: number, then: () => void): void {
    this.#clearTimer();
    this.#timer = setTimeout(then, ms);
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerMs = 0;
  }

  #onSilence(): void {
    this.#attempts += 1;
    if (this.#attempts >= ATTEMPTS_MAX) return this.#finish('timeout');
    this.#retransmits += 1;
    if (this.#acknowledged >= 0) this.#pace = afterLoss(this.#pace, this.#settings.windowBlocks);
    this.#sendWindow();
  }
}

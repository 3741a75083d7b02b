/**
 * The sender's half of a TFTP read as pure steps: option negotiation (RFC 2347, 2348, 2349, 7440) and what to send after an
 * ACK. Blocks are counted without bound inside and travel modulo 65536, so files of any size go through.
 */
export interface TransferSettings {
  readonly blockBytes: number;
  readonly windowBlocks: number;
  readonly timeoutMs: number;
  /** What was granted, in the client's order; empty: the client gets no OACK. */
  readonly granted: ReadonlyMap<string, string>;
}

const BLOCK_BYTES_DEFAULT = 512;
const BLOCK_BYTES_MIN = 8;
/** 1500 less IP, UDP and TFTP headers. Larger blocks would need fragments, which firmware and switches lose. */
const BLOCK_BYTES_MAX = 1468;
/** Beyond this a window only fills the client's receive ring. */
const WINDOW_BLOCKS_MAX = 64;
const TIMEOUT_MS_DEFAULT = 1000;

const wholeNumber = (text: string): number | undefined => (/^\d{1,10}$/.test(text) ? Number(text) : undefined);

export function negotiate(options: ReadonlyMap<string, string>, sizeBytes: number): TransferSettings {
  const granted = new Map<string, string>();
  let blockBytes = BLOCK_BYTES_DEFAULT;
  let windowBlocks = 1;
  let timeoutMs = TIMEOUT_MS_DEFAULT;
  for (const [name, text] of options) {
    const value = wholeNumber(text);
    if (value === undefined) continue;
    if (name === 'blksize' && value >= BLOCK_BYTES_MIN) {
      blockBytes = Math.min(value, BLOCK_BYTES_MAX);
      granted.set(name, String(blockBytes));
    } else if (name === 'tsize') granted.set(name, String(sizeBytes));
    else if (name === 'timeout' && value >= 1 && value <= 255) {
      timeoutMs = value * 1000;
      granted.set(name, text);
    } else if (name === 'windowsize' && value >= 1) {
      windowBlocks = Math.min(value, WINDOW_BLOCKS_MAX);
      granted.set(name, String(windowBlocks));
    }
  }
  return { blockBytes, windowBlocks, timeoutMs, granted };
}

/** A file whose size is a multiple of the block size ends with an empty block. */
export const lastBlockOf = (sizeBytes: number, blockBytes: number): number => Math.floor(sizeBytes / blockBytes) + 1;

/**
 * The block that a 16-bit ACK means: the one nearest after `acknowledged`. Undefined when it is none that is in flight, so
 * that a duplicated or late ACK never sends a block twice (the sorcerer's apprentice, RFC 1123 §4.2.3.1).
 */
export function acknowledgedBlock(wire: number, acknowledged: number, sent: number): number | undefined {
  const ahead = (wire - acknowledged) & 0xffff;
  const block = acknowledged + ahead;
  return ahead > 0 && block <= sent ? block : undefined;
}

/**
 * Whether an ACK says that the first block of the window in flight was lost: a client that gets blocks out of order acknowledges the last one in order again
 * (RFC 7440 §4). Of a window of one block it is an echo.
 */
export const isLossReport = (wire: number, acknowledged: number, sent: number, windowBlocks: number): boolean =>
  windowBlocks > 1 && acknowledged >= 0 && sent > acknowledged + 1 && wire === (acknowledged & 0xffff);

/**
 * QEMU's `-netdev stream`: each Ethernet frame on the socket behind its length.
 *
 *   0 length, u32 big endian | 4 frame
 */
export const FRAME_BYTES_MIN = 14;
/** An Ethernet frame with some room for tags; a longer length means that the stream is out of step. */
export const FRAME_BYTES_MAX = 65_536;

export function encodeStreamFrame(frame: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + frame.length);
  bytes.writeUInt32BE(frame.length, 0);
  frame.copy(bytes, 4);
  return bytes;
}

/** Frames that the chunks so far complete; undefined once the stream is out of step and worth nothing more. */
export type StreamFrameReader = (chunk: Buffer) => readonly Buffer[] | undefined;

export function createStreamFrameReader(): StreamFrameReader {
  let kept: Buffer = Buffer.alloc(0);
  let broken = false;
  return (chunk) => {
    if (broken) return undefined;
    const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    const frames: Buffer[] = [];
    let at = 0;
    while (at + 4 <= bytes.length) {
      const length = bytes.readUInt32BE(at);
      if (length < FRAME_BYTES_MIN || length > FRAME_BYTES_MAX) {
        broken = true;
        kept = Buffer.alloc(0);
        return frames.length > 0 ? frames : undefined;
      }
      if (at + 4 + length > bytes.length) break;
      frames.push(bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    kept = bytes.subarray(at);
    return frames;
  };
}

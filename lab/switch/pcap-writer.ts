import { closeSync, openSync, writeSync } from 'node:fs';
import { encodePcapHeader, encodePcapPacket } from './pcap-codec.ts';

/**
 * A capture of one switch port. Bulk transfers (images, ramdisks) would fill the disk: frames of full size keep their
 * headers only, and a capture ends at its limit.
 */
export interface PcapWriter {
  write(frame: Buffer, atMs: number): void;
  close(): void;
}

const BULK_FRAME_BYTES = 1_400;
const BULK_CAPTURED_BYTES = 128;
const CAPTURE_BYTES_MAX = 128 * 1024 ** 2;
const BUFFER_BYTES = 64 * 1024;
/** A killed rack loses at most this much. */
const FLUSH_MS = 300;

export function openPcapWriter(path: string): PcapWriter {
  const fd = openSync(path, 'w');
  let waiting: Buffer[] = [encodePcapHeader()];
  let waitingBytes = 0;
  let written = 0;
  const flush = () => {
    if (waiting.length === 0) return;
    written += writeSync(fd, Buffer.concat(waiting));
    waiting = [];
    waitingBytes = 0;
  };
  flush();
  const timer = setInterval(flush, FLUSH_MS);
  timer.unref();
  return {
    write(frame, atMs) {
      if (written > CAPTURE_BYTES_MAX) return;
      const packet = encodePcapPacket(frame, atMs, frame.length >= BULK_FRAME_BYTES ? BULK_CAPTURED_BYTES : frame.length);
      waiting.push(packet);
      waitingBytes += packet.length;
      if (waitingBytes > BUFFER_BYTES) flush();
    },
    close() {
      clearInterval(timer);
      flush();
      closeSync(fd);
    },
  };
}

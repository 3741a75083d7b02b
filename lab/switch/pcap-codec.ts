/**
 * Classic pcap with microseconds, little endian (draft-ietf-opsawg-pcap).
 *
 *   file:   0 magic a1b2c3d4 | 4 major 2 | 6 minor 4 | 8 zone 0 | 12 sigfigs 0 | 16 snap length | 20 link type 1 Ethernet
 *   packet: 0 seconds | 4 microseconds | 8 captured length | 12 original length | 16 bytes
 */
const MAGIC = 0xa1b2c3d4;
const LINK_TYPE_ETHERNET = 1;
const SNAP_BYTES = 65_536;

export function encodePcapHeader(): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt16LE(2, 4);
  bytes.writeUInt16LE(4, 6);
  bytes.writeUInt32LE(SNAP_BYTES, 16);
  bytes.writeUInt32LE(LINK_TYPE_ETHERNET, 20);
  return bytes;
}

/** `capturedMax`: bytes of the frame that are kept. */
export function encodePcapPacket(frame: Buffer, atMs: number, capturedMax: number): Buffer {
  const captured = Math.min(frame.length, capturedMax);
  const bytes = Buffer.allocUnsafe(16 + captured);
  bytes.writeUInt32LE(Math.floor(atMs / 1000), 0);
  bytes.writeUInt32LE(Math.floor((atMs % 1000) * 1000), 4);
  bytes.writeUInt32LE(captured, 8);
  bytes.writeUInt32LE(frame.length, 12);
  frame.copy(bytes, 16, 0, captured);
  return bytes;
}

const FILE_HEADER_BYTES = 24;
const PACKET_HEADER_BYTES = 16;

/** The packets of a capture that this codec wrote, up to the first that is cut short: a killed rack leaves one. */
export function* readPcap(file: Buffer): Generator<{ readonly atMs: number; readonly bytes: Buffer }> {
  if (file.length < FILE_HEADER_BYTES || file.readUInt32LE(0) !== MAGIC) return;
  let at = FILE_HEADER_BYTES;
  while (at + PACKET_HEADER_BYTES <= file.length) {
    const captured = file.readUInt32LE(at + 8);
    const end = at + PACKET_HEADER_BYTES + captured;
    if (end > file.length) return;
    yield { atMs: file.readUInt32LE(at) * 1000 + file.readUInt32LE(at + 4) / 1000, bytes: file.subarray(at + PACKET_HEADER_BYTES, end) };
    at = end;
  }
}

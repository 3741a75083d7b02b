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

/**
 * The tag of IEEE 802.1Q-2018 clause 9.6 behind the two addresses of a frame: type 0x8100, then 3 bits of priority, 1 that it may be dropped, 12 of the VLAN.
 */
const ADDRESSES_BYTES = 12;
const TAG_BYTES = 4;
const TYPE_TAG = 0x8100;
const VLAN_MASK = 0x0fff;

/** Of the outermost tag; undefined without one. */
export const readTag = (frame: Buffer): number | undefined =>
  frame.length >= ADDRESSES_BYTES + TAG_BYTES && frame.readUInt16BE(ADDRESSES_BYTES) === TYPE_TAG
    ? frame.readUInt16BE(ADDRESSES_BYTES + 2) & VLAN_MASK
    : undefined;

export const takeTag = (frame: Buffer): Buffer =>
  Buffer.concat([frame.subarray(0, ADDRESSES_BYTES), frame.subarray(ADDRESSES_BYTES + TAG_BYTES)]);

export function putTag(frame: Buffer, vlan: number): Buffer {
  const tag = Buffer.alloc(TAG_BYTES);
  tag.writeUInt16BE(TYPE_TAG);
  tag.writeUInt16BE(vlan & VLAN_MASK, 2);
  return Buffer.concat([frame.subarray(0, ADDRESSES_BYTES), tag, frame.subarray(ADDRESSES_BYTES)]);
}

import { macAddressToBytes } from '../../core/base/mac-address.ts';

/**
 * The announcement of a switch port (IEEE 802.1AB-2016 clause 8): TLVs of type 7 bits, length 9 bits behind an Ethernet
 * header with type 0x88cc.
 *
 *   1 chassis id (subtype 4, MAC) | 2 port id (subtype 5, name) | 3 time to live | 4 port description | 5 system name | 0 end
 */
export interface LldpAnnouncement {
  readonly chassisMac: string;
  readonly portId: string;
  readonly portDescription: string;
  readonly systemName: string;
  readonly timeToLiveSeconds: number;
}

/** "Nearest bridge": switches never forward it (clause 7.1). */
const DESTINATION = Buffer.from('0180c200000e', 'hex');
const ETHERTYPE = Buffer.from('88cc', 'hex');
const CHASSIS_IS_MAC = 4;
const PORT_IS_INTERFACE_NAME = 5;
const FRAME_BYTES_MIN = 60;

function tlv(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(2 + value.length);
  bytes.writeUInt16BE((type << 9) | value.length);
  value.copy(bytes, 2);
  return bytes;
}

export function encodeLldp(announcement: LldpAnnouncement): Buffer {
  const mac = macAddressToBytes(announcement.chassisMac);
  const timeToLive = Buffer.alloc(2);
  timeToLive.writeUInt16BE(announcement.timeToLiveSeconds);
  const frame = Buffer.concat([
    DESTINATION,
    mac,
    ETHERTYPE,
    tlv(1, Buffer.concat([Buffer.from([CHASSIS_IS_MAC]), mac])),
    tlv(2, Buffer.concat([Buffer.from([PORT_IS_INTERFACE_NAME]), Buffer.from(announcement.portId)])),
    tlv(3, timeToLive),
    tlv(4, Buffer.from(announcement.portDescription)),
    tlv(5, Buffer.from(announcement.systemName)),
    tlv(0, Buffer.alloc(0)),
  ]);
  return frame.length >= FRAME_BYTES_MIN ? frame : Buffer.concat([frame], FRAME_BYTES_MIN);
}

import { type Malformed, malformed } from '../../../core/base/malformed.ts';
import type { InventoryNic } from '../../protocol.ts';

/**
 * LLDP frames (IEEE 802.1AB-2016, clause 8): Ethernet header with type 0x88cc, then TLVs of type 7 bits, length 9 bits.
 *
 *   1 chassis id (subtype, value)   2 port id (subtype, value)   4 port description   5 system name   0 end
 *   127 organisation: 00-80-c2 subtype 1 is the port's VLAN (clause D.2.1)
 */
export type LldpNeighbour = NonNullable<InventoryNic['lldp']>;

const ETHERTYPE_LLDP = 0x88cc;
const HEADER_BYTES = 14;
const CHASSIS_MAC = 4;
const CHASSIS_NETWORK_ADDRESS = 5;
const PORT_MAC = 3;
const PORT_NETWORK_ADDRESS = 4;

const text = (bytes: Buffer) => bytes.toString('utf8').replaceAll('\0', '');

function identifier(bytes: Buffer, macSubtype: number, networkSubtype: number): string {
  const subtype = bytes[0];
  const value = bytes.subarray(1);
  if (subtype === macSubtype && value.length === 6) return [...value].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  // Address family 1 is IPv4.
  if (subtype === networkSubtype && value[0] === 1 && value.length === 5) return [...value.subarray(1)].join('.');
  return text(value);
}

export function decodeLldp(frame: Buffer): LldpNeighbour | Malformed {
  if (frame.length < HEADER_BYTES) return malformed('shorter than an Ethernet header', frame.length);
  if (frame.readUInt16BE(12) !== ETHERTYPE_LLDP) return malformed('not an LLDP frame', 12);
  let at = HEADER_BYTES;
  let chassisId: string | undefined;
  let portId: string | undefined;
  const more: { systemName?: string; portDescription?: string; vlan?: number } = {};
  while (at + 2 <= frame.length) {
    const type = frame[at]! >> 1;
    const length = frame.readUInt16BE(at) & 0x1ff;
    const value = frame.subarray(at + 2, at + 2 + length);
    if (value.length < length) return malformed('a TLV is cut short', at);
    if (type === 0) break;
    if (type === 1 && length >= 2) chassisId = identifier(value, CHASSIS_MAC, CHASSIS_NETWORK_ADDRESS);
    if (type === 2 && length >= 2) portId = identifier(value, PORT_MAC, PORT_NETWORK_ADDRESS);
    if (type === 4 && length > 0) more.portDescription = text(value);
    if (type === 5 && length > 0) more.systemName = text(value);
    if (type === 127 && length >= 6 && value.readUIntBE(0, 4) === 0x0080c201) more.vlan = value.readUInt16BE(4) & 0xfff;
    at += 2 + length;
  }
  if (chassisId === undefined || portId === undefined) return malformed('no chassis or port identifier', at);
  return { chassisId, portId, ...more };
}

import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';
import { SESSION_COMMAND } from './session-command-codec.ts';

/**
 * Serial over LAN (IPMI 2.0 §15, §24.1-24.2).
 *
 *   packet: 0 sequence (4 bits, 0: no data, acknowledgement only) | 1 sequence acknowledged, 0: none
 *           2 characters accepted of that packet | 3 console: operation, BMC: status | 4.. characters
 */
export interface SolPacket {
  readonly sequence: number;
  readonly acknowledged: number;
  readonly accepted: number;
  /** Bit 6: NACK. Console to BMC: bit 4 break. BMC to console: bit 5 transfer unavailable, bit 4 SOL deactivated. */
  readonly flags: number;
  readonly data: Buffer;
}

export const SOL_NACK = 0x40;
export const SOL_DEACTIVATED = 0x10;
export const SOL_SEQUENCE_MAX = 15;

export const encodeSol = (packet: SolPacket): Buffer =>
  Buffer.concat([Buffer.from([packet.sequence, packet.acknowledged, packet.accepted, packet.flags]), packet.data]);

export function decodeSol(bytes: Buffer): SolPacket | Malformed {
  if (bytes.length < 4) return malformed('SOL packet is shorter than 4 bytes', bytes.length);
  return {
    sequence: bytes[0]! & 15,
    acknowledged: bytes[1]! & 15,
    accepted: bytes[2]!,
    flags: bytes[3]!,
    data: bytes.subarray(4),
  };
}

export const nextSolSequence = (sequence: number): number => (sequence >= SOL_SEQUENCE_MAX ? 1 : sequence + 1);

const PAYLOAD_TYPE_SOL = 1;
const INSTANCE = 1;
const ENCRYPT_AND_SIGN = 0xc0;

export const activateSol: IpmiRequest = {
  netFn: NET_FN.app,
  command: SESSION_COMMAND.activatePayload,
  data: Buffer.from([PAYLOAD_TYPE_SOL, INSTANCE, ENCRYPT_AND_SIGN, 0, 0, 0]),
};

export const deactivateSol: IpmiRequest = {
  netFn: NET_FN.app,
  command: SESSION_COMMAND.deactivatePayload,
  data: Buffer.from([PAYLOAD_TYPE_SOL, INSTANCE, 0, 0, 0, 0]),
};

const SET_SOL_CONFIGURATION = 0x21;
const SOL_ENABLE = 1;
/** SOL configuration parameter 1 (table 26-5). */
export const enableSol = (channel: number): IpmiRequest => ({
  netFn: NET_FN.transport,
  command: SET_SOL_CONFIGURATION,
  data: Buffer.from([channel, SOL_ENABLE, 1]),
});

const SET_USER_PAYLOAD_ACCESS = 0x4c;
/** §24.6: 0 channel | 1 bits 7-6: 0 enable, bits 5-0 user | 2 bit 1: SOL */
export const allowSol = (channel: number, userId: number): IpmiRequest => ({
  netFn: NET_FN.app,
  command: SET_USER_PAYLOAD_ACCESS,
  data: Buffer.from([channel, userId, 1 << PAYLOAD_TYPE_SOL, 0, 0, 0]),
});

/** Completion codes of Activate Payload. */
export const SOL_ALREADY_ACTIVE = 0x80;
export const SOL_DISABLED = 0x81;

export interface SolActivation {
  /** Largest SOL packet, header included, that the BMC takes. */
  readonly inboundBytesMax: number;
  readonly port: number;
}

/** 0..3 auxiliary | 4..5 inbound size | 6..7 outbound size | 8..9 UDP port | 10..11 VLAN */
export function decodeSolActivation(data: Buffer): SolActivation | Malformed {
  if (data.length < 10) return malformed('SOL activation is shorter than 10 bytes', data.length);
  return { inboundBytesMax: data.readUInt16LE(4), port: data.readUInt16LE(8) };
}

export function encodeSolActivation(bytesMax: number, port: number): Buffer {
  const data = Buffer.alloc(12);
  data.writeUInt16LE(bytesMax, 4);
  data.writeUInt16LE(bytesMax, 6);
  data.writeUInt16LE(port, 8);
  data.writeUInt16LE(0xffff, 10);
  return data;
}

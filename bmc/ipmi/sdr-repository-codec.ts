import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** The repository of Sensor Data Records (IPMI 2.0 §33). */
export const SDR_COMMAND = { info: 0x20, allocation: 0x21, reserve: 0x22, get: 0x23 } as const;
export const SDR_LAST = 0xffff;
/** 0..1 record id | 2 version | 3 type | 4 bytes that follow */
export const SDR_HEAD_BYTES = 5;

const storage = (command: number, data: readonly number[] = []): IpmiRequest => ({
  netFn: NET_FN.storage,
  command,
  data: Buffer.from(data),
});

export const reserveSdr: IpmiRequest = storage(SDR_COMMAND.reserve);

export const getSdr = (reservation: number, recordId: number, offset: number, count: number): IpmiRequest =>
  storage(SDR_COMMAND.get, [reservation & 0xff, reservation >> 8, recordId & 0xff, recordId >> 8, offset, count]);

export function decodeReservation(data: Buffer): number | Malformed {
  return data.length < 2 ? malformed('reservation is shorter than 2 bytes', data.length) : data.readUInt16LE(0);
}

/** 0..1 id of the next record | 2.. bytes of this one */
export function decodeSdrPiece(data: Buffer): { readonly next: number; readonly bytes: Buffer } | Malformed {
  if (data.length < 2) return malformed('SDR answer is shorter than 2 bytes', data.length);
  return { next: data.readUInt16LE(0), bytes: data.subarray(2) };
}

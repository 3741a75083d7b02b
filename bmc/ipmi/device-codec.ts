import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** Who the BMC and its system are (IPMI 2.0 §20.1-20.8, §22.14). */
export const DEVICE_COMMAND = {
  deviceId: 0x01,
  coldReset: 0x02,
  warmReset: 0x03,
  selfTest: 0x04,
  deviceGuid: 0x08,
  systemGuid: 0x37,
} as const;

const app = (command: number): IpmiRequest => ({ netFn: NET_FN.app, command, data: Buffer.alloc(0) });
export const getDeviceId: IpmiRequest = app(DEVICE_COMMAND.deviceId);
export const coldReset: IpmiRequest = app(DEVICE_COMMAND.coldReset);
export const getSystemGuid: IpmiRequest = app(DEVICE_COMMAND.systemGuid);

export interface DeviceId {
  readonly deviceId: number;
  /** `major.minor`, the minor in BCD. */
  readonly firmware: string;
  readonly manufacturerId: number;
  readonly productId: number;
}

/** 0 id | 1 revision | 2 firmware major | 3 minor BCD | 4 IPMI version | 5 functions | 6..8 IANA | 9..10 product | 11..14 auxiliary */
export function decodeDeviceId(data: Buffer): DeviceId | Malformed {
  if (data.length < 11) return malformed('device id is shorter than 11 bytes', data.length);
  const minor = `${data[3]! >> 4}${data[3]! & 15}`;
  return {
    deviceId: data[0]!,
    firmware: `${data[2]! & 0x7f}.${minor}`,
    manufacturerId: data.readUIntLE(6, 3),
    productId: data.readUInt16LE(9),
  };
}

export function encodeDeviceId(device: {
  manufacturerId: number;
  productId: number;
  firmwareMajor: number;
  firmwareMinorBcd: number;
}): Buffer {
  // 0x02 is version 2.0 with the digits swapped; functions: chassis, FRU, SEL, SDR repository, sensors.
  const data = Buffer.from([0x20, 0x01, device.firmwareMajor, device.firmwareMinorBcd, 0x02, 0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  data.writeUIntLE(device.manufacturerId, 6, 3);
  data.writeUInt16LE(device.productId, 9);
  return data;
}

const uuidText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

const swapFields = (b: Buffer): Buffer => Buffer.from([b[3]!, b[2]!, b[1]!, b[0]!, b[5]!, b[4]!, b[7]!, b[6]!, ...b.subarray(8)]);

const hasVersion = (b: Uint8Array, versions: readonly number[]): boolean => versions.includes(b[6]! >> 4) && b[8]! >> 6 === 2;
const USUAL_VERSIONS = [1, 4];
const OTHER_VERSIONS = [2, 3, 5, 6, 7, 8];

/**
 * The system's UUID as SMBIOS would print it. IPMI wants the 16 bytes fully reversed (§20.8), most BMCs send SMBIOS's
 * own mixed order, some plain RFC 4122: the first order that gives a usual version and the right variant wins. A UUID in
 * one of the rare orders can by chance look right in an earlier one (1 in 8), so nothing may rest on this fact alone.
 */
export function decodeSystemGuid(data: Buffer): string | Malformed {
  if (data.length < 16) return malformed('system GUID is shorter than 16 bytes', data.length);
  const bytes = Buffer.from(data.subarray(0, 16));
  const candidates = [swapFields(bytes), Buffer.from(bytes).reverse(), bytes];
  return uuidText(
    [USUAL_VERSIONS, OTHER_VERSIONS].flatMap((versions) => candidates.find((each) => hasVersion(each, versions)) ?? [])[0] ??
      candidates[0]!,
  );
}

/** SMBIOS order, as most BMCs send it. */
export const encodeSystemGuid = (uuid: string): Buffer =>
  swapFields(Buffer.from(uuid.replaceAll('-', '').padEnd(32, '0').slice(0, 32), 'hex'));

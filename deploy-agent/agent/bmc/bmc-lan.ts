import { macAddressFromBytes } from '../../../core/base/mac-address.ts';
import type { BmcAnswer, BmcDevice } from './bmc-device.ts';

/** The BMC's network side, asked in band (IPMI 2.0: 20.1 Get Device ID, 22.24 Get Channel Info, 23.2 Get LAN Configuration). */
export const APP = 0x06;
const TRANSPORT = 0x0c;
const GET_DEVICE_ID = 0x01;
const GET_CHANNEL_INFO = 0x42;
const GET_LAN_CONFIGURATION = 0x02;
const PARAMETER_IP_ADDRESS = 3;
const PARAMETER_MAC_ADDRESS = 5;
const MEDIUM_LAN = 4;
/** Channels 0 and 12 to 15 are fixed for other uses. */
const LAN_CHANNELS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

export interface BmcLan {
  readonly channel: number;
  readonly ipAddress?: string;
  readonly mac?: string;
  readonly firmware?: string;
}

const ok = (answer: BmcAnswer): Buffer | undefined => (answer.code === 0 ? answer.data : undefined);

export async function findLanChannel(bmc: BmcDevice): Promise<number | undefined> {
  for (const channel of LAN_CHANNELS) {
    const info = ok(await bmc.request(APP, GET_CHANNEL_INFO, Uint8Array.of(channel)));
    if (info && (info[1]! & 0x7f) === MEDIUM_LAN) return channel;
  }
  return undefined;
}

export async function readBmcLan(bmc: BmcDevice): Promise<BmcLan | undefined> {
  const channel = await findLanChannel(bmc);
  if (channel === undefined) return undefined;
  const parameter = async (number: number) =>
    ok(await bmc.request(TRANSPORT, GET_LAN_CONFIGURATION, Uint8Array.of(channel, number, 0, 0)))?.subarray(1);
  const ip = await parameter(PARAMETER_IP_ADDRESS);
  const mac = await parameter(PARAMETER_MAC_ADDRESS);
  const id = ok(await bmc.request(APP, GET_DEVICE_ID));
  return {
    channel,
    ...(ip && ip.length >= 4 && ip.some((byte) => byte !== 0) ? { ipAddress: [...ip.subarray(0, 4)].join('.') } : {}),
    ...(mac && mac.length >= 6 && mac.some((byte) => byte !== 0) ? { mac: macAddressFromBytes(mac) } : {}),
    // Major is binary, minor is BCD.
    ...(id && id.length >= 4 ? { firmware: `${id[2]! & 0x7f}.${id[3]!.toString(16).padStart(2, '0')}` } : {}),
  };
}

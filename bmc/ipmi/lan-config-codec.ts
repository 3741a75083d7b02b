import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** LAN configuration parameters (IPMI 2.0 §23.1-23.2, table 23-4). */
export const LAN_COMMAND = { set: 0x01, get: 0x02 } as const;
export const LAN_PARAMETER = {
  setInProgress: 0,
  authTypeSupport: 1,
  authTypeEnables: 2,
  ipAddress: 3,
  ipSource: 4,
  mac: 5,
  netmask: 6,
  ipv4Header: 7,
  rmcpPort: 8,
  arpControl: 10,
  arpInterval: 11,
  gateway: 12,
  gatewayMac: 13,
  backupGateway: 14,
  backupGatewayMac: 15,
  community: 16,
  destinationCount: 17,
  destinationType: 18,
  destinationAddress: 19,
  vlanId: 20,
  vlanPriority: 21,
  suiteCount: 22,
  suites: 23,
  suitePrivileges: 24,
  badPasswordThreshold: 26,
} as const;

export type LanParameterName = keyof typeof LAN_PARAMETER;
export const LAN_CHANNEL = 1;
export const LAN_PARAMETER_REVISION = 0x11;

export const getLanParameter = (channel: number, parameter: LanParameterName, selector = 0): IpmiRequest => ({
  netFn: NET_FN.transport,
  command: LAN_COMMAND.get,
  data: Buffer.from([channel, LAN_PARAMETER[parameter], selector, 0]),
});

export const setLanParameter = (channel: number, parameter: LanParameterName, value: Uint8Array): IpmiRequest => ({
  netFn: NET_FN.transport,
  command: LAN_COMMAND.set,
  data: Buffer.concat([Buffer.from([channel, LAN_PARAMETER[parameter]]), value]),
});

/** 0 revision | 1.. the parameter's data, at least `sizeBytes` long */
export function decodeLanParameter(data: Buffer, sizeBytes: number): Buffer | Malformed {
  if (data.length < 1 + sizeBytes) return malformed(`LAN parameter is shorter than ${sizeBytes} bytes`, data.length);
  return data.subarray(1, 1 + sizeBytes);
}

const SOURCES = { static: 1, dhcp: 2 } as const;
export const encodeIpSource = (source: 'static' | 'dhcp'): Buffer => Buffer.from([SOURCES[source]]);
export const decodeIpSource = (data: Buffer): 'static' | 'dhcp' | 'other' => {
  const code = data[0]! & 0x0f;
  return code === SOURCES.static ? 'static' : code === SOURCES.dhcp ? 'dhcp' : 'other';
};

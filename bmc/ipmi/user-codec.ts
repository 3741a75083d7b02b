import { malformed, type Malformed } from '../../core/base/malformed.ts';
import { NET_FN, type IpmiRequest } from './message-codec.ts';

/** User accounts of a BMC (IPMI 2.0 §22.26-22.30). User 1 is the nameless one; ids have six bits. */
export const USER_COMMAND = { setAccess: 0x43, getAccess: 0x44, setName: 0x45, getName: 0x46, setPassword: 0x47 } as const;

export const USER_NAME_BYTES = 16;
const PASSWORD_BYTES_SHORT = 16;
export const PASSWORD_BYTES_MAX = 20;

const app = (command: number, data: Buffer): IpmiRequest => ({ netFn: NET_FN.app, command, data });

export const getUserAccess = (channel: number, id: number): IpmiRequest => app(USER_COMMAND.getAccess, Buffer.from([channel, id]));

export interface UserAccess {
  readonly idMax: number;
  readonly enabledCount: number;
  readonly fixedNames: number;
  /** Undefined: the BMC does not tell. */
  readonly enabled: boolean | undefined;
  readonly privilege: number;
  readonly ipmiMessaging: boolean;
  readonly linkAuthentication: boolean;
  readonly callbackOnly: boolean;
}

/** 0 highest id | 1 bits 7-6 enabled 01, disabled 10; count | 2 fixed names | 3 bit 6 callback only, bit 5 link, bit 4 IPMI messaging, 3-0 privilege */
export function decodeUserAccess(data: Buffer): UserAccess | Malformed {
  if (data.length < 4) return malformed('user access is shorter than 4 bytes', data.length);
  const status = data[1]! >> 6;
  return {
    idMax: data[0]! & 0x3f,
    enabledCount: data[1]! & 0x3f,
    fixedNames: data[2]! & 0x3f,
    enabled: status === 1 ? true : status === 2 ? false : undefined,
    privilege: data[3]! & 0x0f,
    ipmiMessaging: (data[3]! & 0x10) !== 0,
    linkAuthentication: (data[3]! & 0x20) !== 0,
    callbackOnly: (data[3]! & 0x40) !== 0,
  };
}

export const encodeUserAccess = (access: UserAccess): Buffer =>
  Buffer.from([
    access.idMax,
    ((access.enabled === undefined ? 0 : access.enabled ? 1 : 2) << 6) | access.enabledCount,
    access.fixedNames,
    (access.callbackOnly ? 0x40 : 0) | (access.linkAuthentication ? 0x20 : 0) | (access.ipmiMessaging ? 0x10 : 0) | access.privilege,
  ]);

/** Bit 7 makes the next three bits count: callback only, link authentication, IPMI messaging. */
export const setUserAccess = (channel: number, id: number, privilege: number): IpmiRequest =>
  app(USER_COMMAND.setAccess, Buffer.from([0x80 | 0x20 | 0x10 | channel, id, privilege, 0]));

const fixedText = (text: string, sizeBytes: number): Buffer => {
  const bytes = Buffer.alloc(sizeBytes);
  bytes.write(text, 'latin1');
  return bytes;
};

export const getUserName = (id: number): IpmiRequest => app(USER_COMMAND.getName, Buffer.from([id]));
export const setUserName = (id: number, name: string): IpmiRequest =>
  app(USER_COMMAND.setName, Buffer.concat([Buffer.from([id]), fixedText(name, USER_NAME_BYTES)]));
export const decodeUserName = (data: Buffer): string => data.subarray(0, USER_NAME_BYTES).toString('latin1').replace(/\0.*$/s, '');
export const encodeUserName = (name: string): Buffer => fixedText(name, USER_NAME_BYTES);

const PASSWORD_OPERATIONS = ['disable', 'enable', 'set', 'test'] as const;
export type PasswordOperation = (typeof PASSWORD_OPERATIONS)[number];

export function setUserPassword(id: number, operation: PasswordOperation, password?: string): IpmiRequest {
  const head = [id, PASSWORD_OPERATIONS.indexOf(operation)];
  if (password === undefined) return app(USER_COMMAND.setPassword, Buffer.from(head));
  const long = Buffer.byteLength(password, 'latin1') > PASSWORD_BYTES_SHORT;
  if (long) head[0] = id | 0x80;
  return app(
    USER_COMMAND.setPassword,
    Buffer.concat([Buffer.from(head), fixedText(password, long ? PASSWORD_BYTES_MAX : PASSWORD_BYTES_SHORT)]),
  );
}

export interface SetPassword {
  readonly id: number;
  readonly operation: PasswordOperation;
  /** Without its zero padding; undefined for enable and disable. */
  readonly password: Buffer | undefined;
  readonly sizeBytes: 16 | 20;
}

/** 0 bit 7 twenty bytes, bits 5-0 id | 1 bits 1-0 operation | 2.. password */
export function decodeSetPassword(data: Buffer): SetPassword | Malformed {
  if (data.length < 2) return malformed('set password is shorter than 2 bytes', data.length);
  const operation = PASSWORD_OPERATIONS[data[1]! & 3]!;
  const sizeBytes = data[0]! & 0x80 ? PASSWORD_BYTES_MAX : PASSWORD_BYTES_SHORT;
  const head = { id: data[0]! & 0x3f, operation, sizeBytes: sizeBytes as 16 | 20 };
  if (operation === 'enable' || operation === 'disable') return { ...head, password: undefined };
  if (data.length < 2 + sizeBytes) return malformed(`password is shorter than ${sizeBytes} bytes`, data.length);
  return { ...head, password: trimZeros(data.subarray(2, 2 + sizeBytes)) };
}

const trimZeros = (bytes: Buffer): Buffer => {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return Buffer.from(bytes.subarray(0, end));
};

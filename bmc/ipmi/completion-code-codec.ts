/** Completion codes (IPMI 2.0 table 5-2) that clients act on or the emulated BMC answers. */
export const COMPLETION = {
  ok: 0x00,
  busy: 0xc0,
  invalidCommand: 0xc1,
  invalidForLun: 0xc2,
  timeout: 0xc3,
  outOfSpace: 0xc4,
  reservationCancelled: 0xc5,
  requestTruncated: 0xc6,
  requestLength: 0xc7,
  fieldLength: 0xc8,
  parameterOutOfRange: 0xc9,
  cannotReturnBytes: 0xca,
  notPresent: 0xcb,
  invalidField: 0xcc,
  illegalCommand: 0xcd,
  sdrUpdating: 0xd0,
  firmwareUpdating: 0xd1,
  initializing: 0xd2,
  insufficientPrivilege: 0xd4,
  wrongState: 0xd5,
  disabled: 0xd6,
  unspecified: 0xff,
} as const;

/** How BMCs say that they do not return so many bytes at once. */
export const TOO_MUCH: readonly number[] = [
  COMPLETION.requestLength,
  COMPLETION.cannotReturnBytes,
  COMPLETION.fieldLength,
  COMPLETION.requestTruncated,
  COMPLETION.unspecified,
];

const NAMES: Readonly<Record<number, string>> = {
  0xc0: 'BMC is busy',
  0xc1: 'command is not known to this BMC',
  0xc2: 'command is not valid for this LUN',
  0xc3: 'BMC timed out',
  0xc4: 'BMC is out of space',
  0xc5: 'reservation was cancelled',
  0xc6: 'request data was truncated',
  0xc7: 'request has a wrong length',
  0xc8: 'request field is too long',
  0xc9: 'parameter is out of range',
  0xca: 'cannot return that many bytes',
  0xcb: 'sensor, data or record is not present',
  0xcc: 'request has an invalid field',
  0xcd: 'command is illegal for this sensor or record',
  0xd0: 'sensor records are being updated',
  0xd1: 'BMC firmware is being updated',
  0xd2: 'BMC is starting',
  0xd4: 'user has too little privilege',
  0xd5: 'not possible in the present state',
  0xd6: 'command is disabled',
  0xff: 'unspecified error',
};

export const completionName = (code: number): string => NAMES[code] ?? `command-specific error 0x${code.toString(16).padStart(2, '0')}`;

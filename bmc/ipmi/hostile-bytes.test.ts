import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeBootFlags, decodeBootOption, encodeBootFlags } from './boot-options-codec.ts';
import { decodeChassisStatus, encodeChassisStatus } from './chassis-codec.ts';
import { CIPHER_SUITES, decryptPayload, encryptPayload } from './cipher-suite-codec.ts';
import { decodeDeviceId, decodeSystemGuid, encodeSystemGuid } from './device-codec.ts';
import { decodeFru, decodeFruAreaInfo, encodeFru } from './fru-codec.ts';
import { decodeFruRecords, encodeFruRecords } from './fru-multi-record-codec.ts';
import { decodeAlertPolicy, decodeEventFilter, decodePefCapabilities } from './pef-codec.ts';
import { decodeDestinationAddress, decodeDestinationType } from './alert-destination-codec.ts';
import { decodePowerLimit, decodeSetPowerLimit } from './dcmi-power-codec.ts';
import { decodeIpmi15, encodeIpmi15 } from './ipmi15-session-codec.ts';
import { decodeLanParameter } from './lan-config-codec.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';
import { decodeOpenRequest, decodeOpenResponse, decodeRakp1, decodeRakp2, decodeRakp34, sessionKeys } from './rakp-codec.ts';
import { decodeAsf, decodeRmcp } from './rmcp-codec.ts';
import { decodeRmcpPlus, encodeRmcpPlus } from './rmcp-plus-codec.ts';
import { decodeAuthCapabilities } from './session-command-codec.ts';
import { decodeSol, decodeSolActivation, encodeSol } from './sol-codec.ts';
import { decodeSetPassword, decodeUserAccess, decodeUserName, encodeUserAccess, setUserPassword } from './user-codec.ts';

const bytes = (maxLength = 300) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const KEYS = Object.values(CIPHER_SUITES).map((suite) => sessionKeys(suite, Buffer.alloc(suite.digestBytes, 7)));

const DECODERS = [
  decodeRmcp,
  decodeAsf,
  decodeIpmi15,
  decodeMessage,
  decodeRmcpPlus,
  decodeOpenRequest,
  decodeOpenResponse,
  decodeRakp1,
  decodeRakp2,
  decodeRakp34,
  decodeAuthCapabilities,
  decodeChassisStatus,
  decodeBootFlags,
  decodeBootOption,
  decodeDeviceId,
  decodeSystemGuid,
  decodeFru,
  decodeFruAreaInfo,
  decodeFruRecords,
  decodePefCapabilities,
  decodeEventFilter,
  decodeAlertPolicy,
  decodeDestinationType,
  decodeDestinationAddress,
  decodePowerLimit,
  decodeSetPowerLimit,
  decodeUserAccess,
  decodeUserName,
  decodeSetPassword,
  decodeSol,
  decodeSolActivation,
  (input: Buffer) => decodeLanParameter(input, 6),
  ...KEYS.map((keys) => (input: Buffer) => decodeRmcpPlus(input, keys)),
  ...KEYS.map((keys) => (input: Buffer) => decryptPayload(keys, input)),
];

test('no bytes make a decoder throw', () => {
  fc.assert(
    fc.property(bytes(), (input) => {
      for (const decode of DECODERS) decode(input);
    }),
    { numRuns: 400 },
  );
});

test('truncated packets are Malformed, never half a packet', () => {
  const whole = encodeRmcpPlus(
    { payloadType: 0, sessionId: 5, sequence: 9, payload: Buffer.from('payload') },
    KEYS[1],
    Buffer.alloc(16, 3),
  );
  for (let length = 0; length < whole.length; length++)
    assert.ok(isMalformed(decodeRmcpPlus(whole.subarray(0, length), KEYS[1])), `${length} bytes`);
});

test('a changed bit anywhere is noticed', () => {
  const whole = encodeRmcpPlus(
    { payloadType: 0, sessionId: 5, sequence: 9, payload: Buffer.from('payload') },
    KEYS[0],
    Buffer.alloc(16, 3),
  );
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const damaged = Buffer.from(whole);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    assert.ok(isMalformed(decodeRmcpPlus(damaged, KEYS[0])), `bit ${bit}`);
  }
});

test('what is encoded decodes to itself', () => {
  fc.assert(
    fc.property(
      bytes(200),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.nat(0xffffffff),
      fc.nat(63),
      (payload, iv, number, sequence) => {
        for (const keys of KEYS) {
          const packet = { payloadType: 1, sessionId: number, sequence: number, payload };
          assert.deepEqual(decodeRmcpPlus(encodeRmcpPlus(packet, keys, Buffer.from(iv)), keys), packet);
          assert.deepEqual(decryptPayload(keys, encryptPayload(keys, payload, Buffer.from(iv))), payload);
        }
        const message = {
          toAddress: 0x20,
          toLun: 0,
          netFn: 6,
          fromAddress: 0x81,
          fromLun: 0,
          sequence,
          command: 1,
          data: payload,
        };
        assert.deepEqual(decodeMessage(encodeMessage(message)), message);
        assert.deepEqual(decodeIpmi15(encodeIpmi15({ sequence: number, sessionId: number, payload })), {
          sequence: number,
          sessionId: number,
          payload,
        });
        const sol = { sequence: sequence & 15, acknowledged: 3, accepted: 4, flags: 0x40, data: payload };
        assert.deepEqual(decodeSol(encodeSol(sol)), sol);
      },
    ),
    { numRuns: 100 },
  );
});

test('passwords of 16 and 20 bytes keep their length and lose only their padding', () => {
  const decoded = (password: string) => decodeSetPassword(setUserPassword(3, 'set', password).data);
  assert.deepEqual(decoded('short'), { id: 3, operation: 'set', sizeBytes: 16, password: Buffer.from('short') });
  assert.deepEqual(decoded('x'.repeat(20)), { id: 3, operation: 'set', sizeBytes: 20, password: Buffer.from('x'.repeat(20)) });
  assert.deepEqual(decodeSetPassword(setUserPassword(3, 'enable').data), {
    id: 3,
    operation: 'enable',
    sizeBytes: 16,
    password: undefined,
  });
});

test('flags and states survive the trip', () => {
  for (const device of ['none', 'network', 'disk', 'safe', 'diagnostics', 'cdrom', 'firmware-setup', 'floppy'] as const) {
    const flags = { valid: true, persistent: device === 'disk', efi: device !== 'disk', device };
    assert.deepEqual(decodeBootFlags(encodeBootFlags(flags)), flags);
  }
  const status = { poweredOn: true, restorePolicy: 2, identifying: true, tellsIdentify: true };
  assert.deepEqual(decodeChassisStatus(encodeChassisStatus(status)), status);
  const access = {
    idMax: 10,
    enabledCount: 2,
    fixedNames: 1,
    enabled: false,
    privilege: 4,
    ipmiMessaging: true,
    linkAuthentication: false,
    callbackOnly: true,
  };
  assert.deepEqual(decodeUserAccess(encodeUserAccess(access)), access);
});

test('a system GUID reads the same in every byte order that BMCs send', () => {
  const uuid = '8d7f3c1e-5a42-4b6e-9c11-0a1b2c3d4e5f';
  const plain = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  for (const sent of [encodeSystemGuid(uuid), Buffer.from(plain).reverse(), plain]) assert.equal(decodeSystemGuid(sent), uuid);
});

test('a FRU keeps its fields, a damaged area costs only its own, a damaged header everything', () => {
  const inventory = {
    boardManufacturer: 'Maker',
    boardProduct: 'Board',
    boardSerial: 'B1',
    manufacturer: 'Maker',
    product: 'Server',
    serial: 'S1',
    assetTag: 'A',
  };
  const image = encodeFru(inventory, 512);
  assert.deepEqual(decodeFru(image), inventory);
  image[image[4]! * 8 + 5]! ^= 0xff;
  assert.deepEqual(decodeFru(image), { boardManufacturer: 'Maker', boardProduct: 'Board', boardSerial: 'B1' });
  image[0] = 2;
  assert.ok(isMalformed(decodeFru(image)));
});

test('records after the areas of a FRU keep what they say; a damaged one is Malformed and costs no area', () => {
  const records = { powerSupplyWatts: [800, 1600], managementUrl: 'https://bmc.example.com/' };
  const image = encodeFru({ product: 'Server', serial: 'S1' }, 512, encodeFruRecords(records));
  assert.deepEqual(decodeFruRecords(image), records);
  assert.deepEqual(decodeFruRecords(encodeFru({ product: 'Server' }, 512)), { powerSupplyWatts: [] });
  image[image[5]! * 8 + 6]! ^= 1;
  assert.ok(isMalformed(decodeFruRecords(image)));
  assert.deepEqual(decodeFru(image), { product: 'Server', serial: 'S1' });
});

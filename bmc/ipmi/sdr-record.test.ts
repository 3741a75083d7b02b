import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { partsOf } from './part-policy.ts';
import { decodeSdr } from './sdr-record-codec.ts';

/** Records byte by byte, as IPMI 2.0 §43 lays them out. Do not edit, add. */
const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

// id 0x0001, 5.1, full, 0x33 follow | owner 20 lun 0 number 0x30 | entity 3.1 | init cap | temperature, threshold
// | masks | unsigned, Celsius, linear | M=1 B=0 K=0 | nominal.. | thresholds 7f 5f 5a 00 00 00 | .. | "CPU1 Temp"
const FULL = hex(`0100 51 01 34  20 00 30  03 01  7f 68  01 01  9500 9500 3838
  00 01 00  00  01 00 00 00 00 00  00 00 00 00  ff 00  7f 5f 5a 00 00 00  02 02 0000 00  c9 43505531 2054656d 70`);
// a voltage: M=49, B=0, R exponent -3: 12 V at 0xf5
const VOLTAGE = hex(`0200 51 01 30  20 00 11  07 01  7f 68  02 01  9500 9500 3838
  00 04 00  00  31 00 00 00 00 d0  00 00 00 00  ff 00  ff fe fd 00 00 00  02 02 0000 00  c4 2b313256`);
// compact: power supply, sensor specific 6Fh | "PS1 Status" in 6-bit ASCII is not used: 8-bit
const COMPACT = hex(
  `0300 51 02 25  20 00 52  0a 01  67 40  08 6f  0b00 0b00 0b00  c0 00 00  0100  00 00 000000 00  ca 505331 20537461 747573`,
);
const EVENT_ONLY = hex(`0400 51 03 11  20 00 60  22 01  1d 6f  01 00 00 00  c5 426f6f74 31`);
const FRU_LOCATOR = hex(`0500 51 11 10  20 00 80 00 00 10 00 07 01 00  c4 46525530`);
const CONTROLLER = hex(`0600 51 12 10  20 00 00 8f 00 00 00 2e 01 00  c3 424d43`);
const OEM = hex('0700 51 c0 05  57 01 00 aa bb');

test('a full record: name, type, unit, factors', () => {
  assert.deepEqual(decodeSdr(FULL), {
    kind: 'full',
    name: 'CPU1 Temp',
    owner: 0x20,
    lun: 0,
    channel: 0,
    number: 0x30,
    entity: { id: 3, instance: 1 },
    sensorType: 1,
    settableThresholds: 0x38,
    eventType: 1,
    unit: 'Cel',
    format: 'unsigned',
    linearization: 0,
    factors: { m: 1, b: 0, bExponent: 0, rExponent: 0 },
  });
  const voltage = decodeSdr(VOLTAGE);
  assert.ok(!isMalformed(voltage) && voltage.kind === 'full');
  assert.deepEqual([voltage.unit, voltage.factors], ['V', { m: 49, b: 0, bExponent: 0, rExponent: -3 }]);
});

test('compact and event-only records have states, no factors', () => {
  const compact = decodeSdr(COMPACT);
  assert.ok(!isMalformed(compact) && compact.kind === 'compact');
  assert.deepEqual([compact.name, compact.sensorType, compact.eventType, compact.format], ['PS1 Status', 8, 0x6f, 'none']);
  const event = decodeSdr(EVENT_ONLY);
  assert.ok(!isMalformed(event) && event.kind === 'event-only');
  assert.deepEqual([event.name, event.sensorType, event.eventType, event.number], ['Boot1', 0x1d, 0x6f, 0x60]);
});

test('locators and records of the maker', () => {
  assert.deepEqual(decodeSdr(FRU_LOCATOR), {
    kind: 'fru-locator',
    name: 'FRU0',
    address: 0x20,
    device: 0,
    entity: { id: 7, instance: 1 },
  });
  assert.deepEqual(decodeSdr(CONTROLLER), {
    kind: 'controller-locator',
    name: 'BMC',
    address: 0x20,
    entity: { id: 0x2e, instance: 1 },
  });
  assert.deepEqual(decodeSdr(OEM), { kind: 'oem', manufacturerId: 343, bytes: Buffer.from('aabb', 'hex') });
  assert.deepEqual(decodeSdr(hex('0800 51 0a 00')), { kind: 'unknown', type: 0x0a });
});

// the chassis contains a power unit, a board and a fan; a power unit a range of supplies of the controller at 72h
const ASSOCIATION = hex('0900 51 08 0b  17 01 00  13 01 07 01 1d 01 00 00');
const RELATIVE = hex('0a00 51 09 1b  13 01 20 00 80  72 00 0a 01 72 00 0a 04 0000 0000 0000 0000 0000 0000 0000');
const DEVICE = hex('0b00 51 10 13  20 a0 01 00 00 08 00 08 01 00  c8 44494d4d 20535044');
const SEEN = hex('0c00 51 13 1b  72 20 01 02 45 02 57 01 00 34 12 000102030405060708090a0b0c0d0e0f');
const CHANNELS = hex('0d00 51 14 0b  81 84 00 00 00 00 00 00 00 00 00');

test('what contains what, devices, controllers that were seen, channels', () => {
  assert.deepEqual(decodeSdr(ASSOCIATION), {
    kind: 'association',
    container: { id: 0x17, instance: 1 },
    isRange: false,
    contained: [
      { id: 0x13, instance: 1 },
      { id: 0x07, instance: 1 },
      { id: 0x1d, instance: 1 },
    ],
  });
  assert.deepEqual(decodeSdr(RELATIVE), {
    kind: 'association',
    container: { id: 0x13, instance: 1 },
    isRange: true,
    contained: [
      { id: 0x0a, instance: 1 },
      { id: 0x0a, instance: 4 },
    ],
  });
  assert.deepEqual(decodeSdr(DEVICE), {
    kind: 'device-locator',
    name: 'DIMM SPD',
    address: 0xa0,
    deviceType: 8,
    entity: { id: 8, instance: 1 },
  });
  assert.deepEqual(decodeSdr(SEEN), {
    kind: 'controller-confirmation',
    address: 0x72,
    firmware: '2.45',
    manufacturerId: 343,
    productId: 0x1234,
  });
  const channels = decodeSdr(CHANNELS);
  assert.ok(!isMalformed(channels) && channels.kind === 'channel-info');
  assert.deepEqual(channels.protocols, [1, 4, ...Array.from({ length: 6 }, () => undefined)]);
});

test('parts: every record is told, ranges are counted out', () => {
  const records = [EVENT_ONLY, FRU_LOCATOR, CONTROLLER, OEM, ASSOCIATION, RELATIVE, DEVICE, SEEN, CHANNELS, hex('0800 51 0a 00')];
  const parts = partsOf(
    records.flatMap((each) => {
      const record = decodeSdr(each);
      return isMalformed(record) ? [] : [record];
    }),
  );
  assert.deepEqual(
    parts.map(({ kind, name, entity, detail, contains }) => [kind, name, entity, detail ?? contains]),
    [
      ['event sensor', 'Boot1', 'system firmware 1', 'tells of System Boot'],
      ['fru', 'FRU0', 'system board 1', 'inventory 0 at 0x20'],
      ['controller', 'BMC', 'management controller firmware 1', 'at 0x20'],
      ['record', 'of maker 343', undefined, 'aabb'],
      ['device', 'DIMM SPD', 'memory module 1', 'type 0x08 at 0xa0'],
      ['controller', '0x72', undefined, 'seen with firmware 2.45, maker 343, product 4660'],
      ['channel', 'channel 0', undefined, 'IPMB'],
      ['channel', 'channel 1', undefined, 'SMBus'],
      ['record', 'of type 0x0a', undefined, 'not understood'],
      ['container', 'system chassis 1', undefined, ['power unit 1', 'system board 1', 'fan 1']],
      ['container', 'power unit 1', undefined, ['power supply 1', 'power supply 2', 'power supply 3', 'power supply 4']],
    ],
  );
});

test('no bytes throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void decodeSdr(Buffer.from(bytes))));
  for (const record of [FULL, COMPACT, EVENT_ONLY, FRU_LOCATOR, CONTROLLER, OEM, ASSOCIATION, RELATIVE, DEVICE, SEEN, CHANNELS])
    for (let length = 0; length < record.length; length += 1) decodeSdr(record.subarray(0, length));
});

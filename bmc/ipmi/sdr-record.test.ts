import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
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
    sensorType: 1,
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
  assert.deepEqual(decodeSdr(FRU_LOCATOR), { kind: 'fru-locator', name: 'FRU0', address: 0x20, device: 0 });
  assert.deepEqual(decodeSdr(CONTROLLER), { kind: 'controller-locator', name: 'BMC', address: 0x20 });
  assert.deepEqual(decodeSdr(OEM), { kind: 'oem', manufacturerId: 343 });
  assert.deepEqual(decodeSdr(hex('0800 51 0a 00')), { kind: 'unknown', type: 0x0a });
});

test('no bytes throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void decodeSdr(Buffer.from(bytes))));
  for (const record of [FULL, COMPACT, EVENT_ONLY, FRU_LOCATOR, CONTROLLER, OEM])
    for (let length = 0; length < record.length; length += 1) decodeSdr(record.subarray(0, length));
});

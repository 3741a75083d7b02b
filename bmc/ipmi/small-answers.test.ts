import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePowerReading, encodePowerReading, getPowerReading } from './dcmi-power-codec.ts';
import { decodeIdString } from './id-string-codec.ts';
import { decodeSensorReading, decodeSensorThresholds, encodeSensorReading, encodeSensorThresholds } from './sensor-reading-codec.ts';
import { decodeWatchdog, setWatchdog } from './watchdog-codec.ts';

/** Answers of one command each, byte by byte. Do not edit, add. */
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('DCMI power reading (1.5 §6.6.1)', () => {
  const bytes = hex('dc 8e00 0400 2c01 9600 806d3968 e8030000 40');
  const power = { watts: 142, minimumWatts: 4, maximumWatts: 300, averageWatts: 150, isActive: true };
  assert.deepEqual(decodePowerReading(bytes), power);
  assert.deepEqual(encodePowerReading(power, 0x68396d80, 1000), bytes);
  assert.deepEqual([getPowerReading.netFn, getPowerReading.command, getPowerReading.data.toString('hex')], [0x2c, 2, 'dc010000']);
  assert.ok('malformed' in decodePowerReading(bytes.subarray(0, 17)));
});

test('watchdog (§27.7)', () => {
  assert.deepEqual(decodeWatchdog(hex('44 01 00 00 1027 0e27')), { running: true, action: 'reset', use: 'SMS/OS', secondsLeft: 999.8 });
  assert.deepEqual(decodeWatchdog(hex('04 03 00 10 1027 0000')), { running: false, action: 'power-cycle', use: 'SMS/OS', secondsLeft: 0 });
  assert.ok('malformed' in decodeWatchdog(hex('0401')));
  assert.deepEqual(setWatchdog({ seconds: 100, action: 'power-cycle' }).data, hex('04 03 00 10 e803'));
  assert.deepEqual(setWatchdog(undefined).data, hex('04 00 00 10 0000'));
});

test('sensor reading (§35.14) and thresholds (§35.9)', () => {
  assert.deepEqual(decodeSensorReading(hex('18 c0 c0 80')), { raw: 24, isAvailable: true, states: 0xc0 });
  assert.deepEqual(decodeSensorReading(hex('00 e0')), { raw: 0, isAvailable: false, states: 0 });
  assert.deepEqual(encodeSensorReading({ raw: 24, isAvailable: true, states: 0xc0 }), hex('18 c0 c0 80'));
  assert.deepEqual(decodeSensorThresholds(hex('18 00 00 00 2a 2f 00')), [undefined, undefined, undefined, 42, 47, undefined]);
  assert.deepEqual(encodeSensorThresholds([undefined, undefined, undefined, 42, 47, undefined]), hex('18 00 00 00 2a 2f 00'));
});

test('names in four alphabets (§43.15)', () => {
  assert.equal(decodeIdString(hex('c3 424d43'), 0), 'BMC');
  assert.equal(decodeIdString(hex('42 1234'), 0), '1234');
  assert.equal(decodeIdString(hex('83 29dca6'), 0), 'IPMI');
  assert.equal(decodeIdString(hex('df 4142'), 0), 'AB');
});

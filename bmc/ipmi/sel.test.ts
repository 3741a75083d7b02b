import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeSelEntry, decodeSelRecord } from './sel-codec.ts';

/** Records as IPMI 2.0 §32 lays them out. Do not edit, add. */
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

const cases: readonly [string, string, string | undefined, 'ok' | 'warning' | 'critical', number | undefined][] = [
  ['0100 02 806d3968 2000 04 09 10 6f 00ffff', 'Power Unit: power off/down', 'Power Unit', 'ok', 0x68396d80],
  ['0200 02 806d3968 2000 04 09 10 ef 00ffff', 'Power Unit: power off/down is over', 'Power Unit', 'ok', 0x68396d80],
  [
    '0300 02 806d3968 2000 04 01 30 01 595a5a',
    'Temperature: upper critical going high (raw reading 90)',
    'Temperature',
    'critical',
    0x68396d80,
  ],
  ['0400 02 806d3968 2000 04 08 52 6f 01ffff', 'Power Supply: failure detected', 'Power Supply', 'critical', 0x68396d80],
  ['0500 02 806d3968 3300 04 0c 87 6f a00100', 'Memory: correctable ECC', 'Memory', 'warning', 0x68396d80],
  ['0600 02 05000000 2000 04 10 09 6f 02ffff', 'Event Log: log area cleared', 'Event Log', 'warning', undefined],
  ['0700 e0 010203040506070809 0a0b0c0d', "maker's own record 0xe0: 0102030405060708090a0b0c0d", undefined, 'ok', undefined],
  ['0800 02 806d3968 2000 04 c5 01 7e 03ffff', 'OEM: state 3', 'OEM', 'ok', 0x68396d80],
];
for (const [record, message, sensorType, severity, atSeconds] of cases)
  test(message, () => {
    const event = decodeSelRecord(hex(record));
    assert.deepEqual(
      { message: event.message, sensorType: event.sensorType, severity: event.severity, atSeconds: event.atSeconds },
      { message, sensorType, severity, atSeconds },
    );
  });

test('no bytes throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => void decodeSelEntry(Buffer.from(bytes))));
});

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import type { LeaseRecord } from '../boot-model.ts';
import { decodeJournalLine, encodeJournalLine } from './lease-record-codec.ts';

const lease: LeaseRecord = {
  ipAddress: '10.77.0.50',
  mac: '52:54:00:00:00:01',
  subnetId: 'a',
  state: 'bound',
  expiresAtMs: 5,
  sequence: 9,
  hostname: 'a\nb',
};

test('a lease and a watermark come back as they were written', () => {
  for (const entry of [{ lease }, { storedThrough: 12 }]) assert.deepEqual(decodeJournalLine(encodeJournalLine(entry).slice(0, -1)), entry);
});

test('a line is one line, whatever is in it', () => assert.equal(encodeJournalLine({ lease }).split('\n').length, 2));

test('a changed or cut line is malformed', () => {
  const line = encodeJournalLine({ lease }).slice(0, -1);
  for (let i = 0; i < line.length; i += 1) {
    assert.ok(isMalformed(decodeJournalLine(line.slice(0, i))));
    assert.ok(isMalformed(decodeJournalLine(`${line.slice(0, i)}~${line.slice(i + 1)}`)));
  }
});

test('no text makes it throw', () => fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void decodeJournalLine(text))));

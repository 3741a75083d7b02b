import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEventFilter, MATCH_EVERYTHING } from '../../../bmc/ipmi/pef-codec.ts';
import { runFilters } from './pef-filter-policy.ts';

const record = (fields: Readonly<Record<number, number>> = {}) => {
  // Temperature, sensor 1, threshold, upper critical going high.
  const bytes = Buffer.from([1, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 1, 1, 1, 9, 0xff, 0xff]);
  for (const [at, value] of Object.entries(fields)) bytes[Number(at)] = value;
  return bytes;
};
const filter = (fields: Readonly<Record<number, number>>, more: { policy?: number; actions?: number; isEnabled?: boolean } = {}) => {
  const match = Buffer.from(MATCH_EVERYTHING);
  for (const [at, value] of Object.entries(fields)) match[Number(at)] = value;
  return encodeEventFilter({ isEnabled: true, isFixed: false, actions: 1, policy: 1, severity: 0, ...more, match });
};

const CASES: readonly [what: string, filter: Buffer, record: Buffer, isMatch: boolean][] = [
  ['everything', filter({}), record(), true],
  ['the end of a state too', filter({}), record({ 12: 0x81 }), true],
  ['no filter that is disabled', filter({}, { isEnabled: false }), record(), false],
  ['no record of a maker', filter({}), record({ 2: 0xc0 }), false],
  ['another generator', filter({ 0: 0x41 }), record(), false],
  ['its sensor type', filter({ 2: 1 }), record(), true],
  ['another sensor type', filter({ 2: 2 }), record(), false],
  ['another sensor', filter({ 3: 9 }), record(), false],
  ['another trigger', filter({ 4: 0x6f }), record(), false],
  ['its offset', filter({ 5: 0, 6: 0x02 }), record(), true],
  ['another offset', filter({ 5: 0xff, 6: 0 }), record(), false],
  ['bits of data 2 exactly', filter({ 10: 0xf0, 11: 0xff, 12: 0x30 }), record({ 14: 0x3a }), true],
  ['other bits of data 2', filter({ 10: 0xf0, 11: 0xff, 12: 0x40 }), record({ 14: 0x3a }), false],
  ['one of several bits of data 3', filter({ 13: 0xff, 14: 0, 15: 0x06 }), record({ 15: 0x04 }), true],
  ['none of several bits of data 3', filter({ 13: 0xff, 14: 0, 15: 0x06 }), record({ 15: 0x08 }), false],
];
for (const [what, entry, event, isMatch] of CASES)
  test(`a filter and ${what}`, () => assert.equal(runFilters([entry], event).actions !== 0, isMatch));

test('actions add up, and the lowest policy alone alerts', () => {
  const { actions, alert } = runFilters(
    [filter({}, { policy: 5 }), filter({}, { actions: 8 }), filter({}, { policy: 2, actions: 3 })],
    record(),
  );
  assert.equal(actions, 0x0b);
  assert.equal(alert?.policy, 2);
});

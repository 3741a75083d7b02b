import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MATCH_EVERYTHING, type AlertPolicy, type EventFilter } from './pef-codec.ts';
import { planEnrolment, planWithdrawal, type TrapTables } from './trap-enrolment-policy.ts';

const US = '192.0.2.10';
const filter = (more: Partial<EventFilter> = {}): EventFilter => ({
  isEnabled: false,
  isFixed: false,
  actions: 0,
  policy: 0,
  severity: 0,
  match: Buffer.alloc(16),
  ...more,
});
const policy = (more: Partial<AlertPolicy> = {}): AlertPolicy => ({
  isEnabled: false,
  policy: 0,
  rule: 0,
  channel: 1,
  destination: 0,
  string: 0,
  ...more,
});
const at = (address: string) => ({ address, isTrap: true, isAcknowledged: true });
const tables = (more: Partial<TrapTables> = {}): TrapTables => ({
  control: 0,
  actions: 0,
  filters: [filter(), filter()],
  policies: [policy(), policy(), policy()],
  destinations: [at('0.0.0.0'), at('0.0.0.0')],
  ...more,
});
const THEIRS = {
  control: 1,
  actions: 3,
  filters: [filter({ isEnabled: true, isFixed: true, actions: 3, policy: 1, match: Buffer.alloc(16, 1) }), filter()],
  policies: [policy({ isEnabled: true, policy: 1, destination: 1 }), policy(), policy()],
  destinations: [at('192.0.2.99'), at('0.0.0.0')],
};
const EVERYTHING = filter({ isEnabled: true, actions: 1, policy: 15, match: MATCH_EVERYTHING });
const tells = (number: number, destination: number) => policy({ isEnabled: true, policy: number, destination });

const CASES: readonly [what: string, tables: TrapTables, changes: unknown][] = [
  [
    'an untouched BMC: everything, the address first, switched on last',
    tables(),
    [
      { table: 'destination', selector: 1, address: US },
      { table: 'policy', selector: 1, entry: tells(15, 1) },
      { table: 'filter', selector: 1, entry: EVERYTHING },
      { table: 'actions', value: 1 },
      { table: 'control', value: 1 },
    ],
  ],
  [
    "one with somebody's filters: theirs stay, and tell us too",
    tables(THEIRS),
    [
      { table: 'destination', selector: 2, address: US },
      { table: 'policy', selector: 2, entry: tells(1, 2) },
      { table: 'policy', selector: 3, entry: tells(15, 2) },
      { table: 'filter', selector: 2, entry: EVERYTHING },
    ],
  ],
  [
    'one that tells us already',
    tables({ control: 1, actions: 1, filters: [EVERYTHING], policies: [tells(15, 1)], destinations: [at(US)] }),
    [],
  ],
  [
    'one that was told not to wait for an acknowledgement, and switched off',
    tables({ actions: 1, filters: [EVERYTHING], policies: [tells(15, 1)], destinations: [{ ...at(US), isAcknowledged: false }] }),
    [
      { table: 'destination', selector: 1, address: US },
      { table: 'control', value: 1 },
    ],
  ],
  ['one whose destinations are taken', tables({ destinations: [at('192.0.2.1'), undefined] }), { lacks: 'destinations' }],
  ["one whose filters are the maker's", tables({ filters: [filter({ isFixed: true })] }), { lacks: 'event filters' }],
  ['one whose policies are taken', tables({ policies: [tells(3, 9)] }), { lacks: 'alert policies' }],
];
for (const [what, given, changes] of CASES) test(what, () => assert.deepEqual(planEnrolment(given, US, 1), changes));

test('who is withdrawn takes along what names him, and nothing else', () => {
  const given = tables({ policies: [tells(1, 1), tells(15, 2), tells(1, 2)], destinations: [at('192.0.2.99'), at(US)] });
  assert.deepEqual(planWithdrawal(given, US, 1), [
    { table: 'policy', selector: 2, entry: { ...tells(15, 2), isEnabled: false } },
    { table: 'policy', selector: 3, entry: { ...tells(1, 2), isEnabled: false } },
    { table: 'destination', selector: 2, address: '0.0.0.0' },
  ]);
  assert.deepEqual(planWithdrawal(given, '192.0.2.5', 1), []);
});

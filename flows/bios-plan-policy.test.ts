import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BiosAttribute } from '../bmc/bios.ts';
import { planBios } from './bios-plan-policy.ts';

const ATTRIBUTES: readonly BiosAttribute[] = [
  { name: 'Profile', value: 'Fast', type: 'Enumeration', allowableValues: ['Fast', 'Saving'] },
  { name: 'Retries', value: 3, type: 'Integer', lowerBound: 0, upperBound: 9 },
  { name: 'Quiet', value: true, type: 'Boolean' },
  { name: 'Contact', value: '', type: 'String', maxLength: 5 },
  { name: 'Version', value: '1', type: 'String', readOnly: true },
  { name: 'Unregistered', value: 'x' },
];

const cases: readonly [string, unknown, object | RegExp][] = [
  ['what is so already is left out', [{ name: 'Profile', value: 'Fast' }], {}],
  [
    'numbers and truths may come as text',
    [
      { name: 'Retries', value: '5' },
      { name: 'Quiet', value: 'False' },
    ],
    { Retries: 5, Quiet: false },
  ],
  ['without a registry anything goes', [{ name: 'Unregistered', value: 'y' }], { Unregistered: 'y' }],
  ['an unknown name', [{ name: 'Turbo', value: 1 }], /no setting Turbo/],
  ['a value that is not allowed', [{ name: 'Profile', value: 'Turbo' }], /one of Fast, Saving/],
  ['out of bounds', [{ name: 'Retries', value: 10 }], /from 0 to 9/],
  ['too long', [{ name: 'Contact', value: 'somebody' }], /0 to 5 characters/],
  ['read only', [{ name: 'Version', value: '2' }], /only be read/],
  ['not a list', { name: 'Profile' }, /list of/],
  ['an empty list', [], /list of/],
];
for (const [story, settings, wanted] of cases)
  test(story, () => {
    const plan = planBios(settings as never, ATTRIBUTES);
    if (wanted instanceof RegExp) assert.match('problem' in plan ? plan.problem : 'no problem', wanted);
    else assert.deepEqual('values' in plan ? plan.values : plan, wanted);
  });

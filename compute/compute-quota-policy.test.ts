import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUOTA_DEFAULTS, quotaNamesAt, quotaRefusal } from './compute-quota-policy.ts';

const quotas = { ...QUOTA_DEFAULTS, instances: 2, cores: 4, ram: -1 };
const use = (instances: number, cores: number, ram = 0) => ({ instances, cores, ram });

const rows: readonly (readonly [used: ReturnType<typeof use>, wanted: ReturnType<typeof use>, over: string | undefined])[] = [
  [use(0, 0), use(2, 4), undefined],
  [use(1, 0), use(2, 0), 'instances'],
  [use(0, 3), use(1, 2), 'cores'],
  [use(2, 4), use(1, 1), 'instances, cores'],
  [use(0, 0), use(1, 1, 1e9), undefined],
];
for (const [used, wanted, over] of rows)
  test(`${JSON.stringify(wanted)} beside ${JSON.stringify(used)}: ${over ?? 'fits'}`, () =>
    assert.match(quotaRefusal(quotas, used, wanted) ?? 'fits', new RegExp(over === undefined ? '^fits$' : `^Quota exceeded for ${over}:`)));

test('quotas of the network go with 2.36, those of files with 2.57', () => {
  assert.deepEqual(
    [35, 36, 57].map((minor) => [quotaNamesAt(minor).includes('fixed_ips'), quotaNamesAt(minor).includes('injected_files')]),
    [
      [true, true],
      [false, true],
      [false, false],
    ],
  );
});

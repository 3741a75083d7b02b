import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../core/base/json.ts';
import { applyRules, checkRule, type RuleSubject } from './inspection-rule-policy.ts';
import { fromInspectorRule, InspectorRuleError, type InspectorCondition, type InspectorRule } from './inspector-rule-codec.ts';

const DATA: JsonObject = {
  memory_mb: 8192,
  inventory: { bmc_address: '10.0.0.7', cpu: { count: 8 }, disks: [{ size: 5 }], system_vendor: { manufacturer: 'Acme Inc' } },
  none: null,
  empty: '',
};
const subject = (): RuleSubject => ({
  node: { properties: { inspection_scope: 'lab' }, extra: {}, driver_info: {} },
  inventory: {},
  plugin_data: structuredClone(DATA),
  traits: new Set(),
  ports: new Map(),
});

function apply(rule: InspectorRule): { applied: boolean; node: JsonObject; traits: Set<string> } {
  const made = fromInspectorRule(rule);
  assert.equal(checkRule(made), undefined);
  const at = subject();
  const applied = applyRules([{ uuid: 'r', priority: 0, ...made }], at);
  return { applied: applied.length === 1, node: at.node, traits: at.traits };
}
const NOTHING = [{ action: 'add-trait', name: 'CUSTOM_X' }];

const CONDITIONS: readonly (readonly [JsonObject, boolean])[] = [
  [{ field: 'memory_mb', op: 'eq', value: 8192 }, true],
  [{ field: 'memory_mb', op: 'ne', value: 8192 }, false],
  [{ field: 'data://memory_mb', op: 'ge', value: 8192 }, true],
  [{ field: 'memory_mb', op: 'gt', value: 8192 }, false],
  [{ field: 'memory_mb', op: 'le', value: 8192 }, true],
  [{ field: 'memory_mb', op: 'lt', value: 8192 }, false],
  [{ field: 'memory_mb', op: 'lt', value: 8192, invert: true }, true],
  [{ field: 'inventory.cpu.count', op: 'gt', value: 4 }, true],
  [{ field: 'inventory.disks[0].size', op: 'eq', value: 5 }, true],
  [{ field: 'inventory.bmc_address', op: 'in-net', value: '10.0.0.0/24' }, true],
  [{ field: 'inventory.system_vendor.manufacturer', op: 'contains', value: 'Acme' }, true],
  [{ field: 'inventory.system_vendor.manufacturer', op: 'matches', value: 'Acme' }, false],
  [{ field: 'no_such_field', op: 'ne', value: 1 }, false],
  [{ field: 'no_such_field', op: 'is-empty' }, true],
  [{ field: 'empty', op: 'is-empty' }, true],
  [{ field: 'node://properties.inspection_scope', op: 'eq', value: 'lab' }, true],
];
for (const [condition, holds] of CONDITIONS)
  test(`${JSON.stringify(condition)} ${holds ? 'holds' : 'does not hold'}`, () => {
    assert.equal(apply({ conditions: [condition as InspectorCondition], actions: NOTHING }).applied, holds);
  });

test('actions read the data, and a scope is one more condition', () => {
  const actions = [
    { action: 'set-attribute', path: '/driver_info/ipmi_address', value: '{data[inventory][bmc_address]}' },
    { action: 'set-capability', name: 'cpus', value: '{data[inventory][cpu][count]}' },
    { action: 'add-trait', name: 'CUSTOM_ACME' },
  ];
  const { node, traits } = apply({ conditions: [], actions, scope: 'lab' });
  assert.equal((node['driver_info'] as JsonObject)['ipmi_address'], '10.0.0.7');
  assert.equal((node['properties'] as JsonObject)['capabilities'], 'cpus:8');
  assert.deepEqual([...traits], ['CUSTOM_ACME']);
  assert.equal(apply({ conditions: [], actions, scope: 'other' }).applied, false);
});

for (const [what, rule] of Object.entries({
  'an unknown operator': { conditions: [{ field: 'a', op: 'near', value: 1 }], actions: NOTHING },
  'a field of all': { conditions: [{ field: 'inventory.interfaces[*].mac', op: 'eq', value: 1 }], actions: NOTHING },
  'a missing value': { conditions: [{ field: 'a', op: 'eq' }], actions: NOTHING },
  'a strange parameter': { conditions: [{ field: 'a', op: 'eq', value: 1, x: 1 }], actions: NOTHING },
  'an unknown action': { conditions: [], actions: [{ action: 'explode' }] },
  'a strange argument': { conditions: [], actions: [{ action: 'fail', text: 'x' }] },
}))
  test(`refused: ${what}`, () => {
    assert.throws(() => fromInspectorRule(rule as InspectorRule), InspectorRuleError);
  });

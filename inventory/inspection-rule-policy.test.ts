import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '../core/base/json.ts';
import { applyRules, checkRule, RuleFailure, type Rule, type RuleOperation, type RuleSubject } from './inspection-rule-policy.ts';

const subject = (): RuleSubject => ({
  node: { properties: { capabilities: 'boot_mode:uefi' }, extra: {}, driver_info: {}, name: 'n' },
  inventory: {
    system: { manufacturer: 'Acme', serial: 'S1' },
    cpu: { threads: 8 },
    disks: [{ sizeBytes: 5 }],
    boot: { secureBoot: true },
    ip: '10.0.0.7',
  },
  plugin_data: {},
  traits: new Set(['CUSTOM_OLD']),
  ports: new Map([['p1', { extra: {} }]]),
});
const rule = (actions: RuleOperation[], conditions: RuleOperation[] = [], priority = 0): Rule => ({
  uuid: 'r',
  priority,
  conditions,
  actions,
});
const mark = { op: 'set-attribute', args: { path: '/extra/hit', value: true } };
const holds = (condition: RuleOperation): boolean => {
  const given = subject();
  applyRules([rule([mark], [condition])], given);
  return (given.node['extra'] as JsonObject)['hit'] === true;
};

const conditions: readonly [string, Json, boolean][] = [
  ['eq', ['{inventory[system][manufacturer]}', 'Acme'], false],
  ['eq', { values: ['{inventory[system][manufacturer]}', 'Acme'] }, true],
  ['!eq', { values: ['{inventory[system][manufacturer]}', 'Acme'] }, false],
  ['gt', { values: ['{inventory[cpu][threads]}', 4] }, true],
  ['lt', { values: [1, '{inventory[cpu][threads]}', 9] }, true],
  ['eq', { values: ['{inventory[cpu][threads]}', '8'], force_strings: true }, true],
  ['is-empty', { value: '{inventory[nothing]}' }, true],
  ['is-none', { value: '{inventory.cpu.none}' }, true],
  ['is-true', { value: '{inventory[boot][secureBoot]}' }, true],
  ['is-false', { value: 'no' }, true],
  ['in-net', { address: '{inventory[ip]}', subnet: '10.0.0.0/24' }, true],
  ['matches', { value: 'Acme 9000', regex: 'Acme' }, false],
  ['contains', { value: 'Acme 9000', regex: '\\d{4}' }, true],
  ['one-of', { value: '{node.name}', values: ['m', 'n'] }, true],
];
for (const [op, args, wanted] of conditions)
  test(`a condition: ${op} ${JSON.stringify(args)}`, () => {
    if (Array.isArray(args) && op === 'eq') assert.throws(() => holds({ op, args }), RuleFailure);
    else assert.equal(holds({ op, args }), wanted);
  });

test('a loop: any, all, first, last', () => {
  const over = (multiple: string) => holds({ op: 'eq', args: { values: ['{item}', 2] }, loop: [1, 2, 3], multiple });
  assert.deepEqual(['any', 'all', 'first', 'last'].map(over), [true, false, false, false]);
});

test('actions change the node, its traits, ports and plugin data', () => {
  const given = subject();
  applyRules(
    [
      rule([
        { op: 'set-attribute', args: ['/properties/vendor', '{inventory[system][manufacturer]}'] },
        { op: 'set-attribute', args: { path: 'extra/label', value: 'serial {inventory[system][serial]}' } },
        { op: 'extend-attribute', args: { path: '/extra/seen', value: 1, unique: true } },
        { op: 'extend-attribute', args: { path: '/extra/seen', value: 1, unique: true } },
        { op: 'set-capability', args: { name: 'secure_boot', value: 'true' } },
        { op: 'unset-capability', args: { name: 'boot_mode' } },
        { op: 'add-trait', args: { name: 'CUSTOM_{item}' }, loop: ['A', 'B'] },
        { op: 'remove-trait', args: ['CUSTOM_OLD'] },
        { op: 'set-plugin-data', args: { path: 'a.b', value: 1 } },
        { op: 'set-port-attribute', args: { port_id: 'p1', path: '/extra/x', value: 'y' } },
        { op: 'log', args: { msg: 'done' } },
      ]),
    ],
    given,
  );
  assert.deepEqual(given.node['properties'], { vendor: 'Acme', capabilities: 'secure_boot:true' });
  assert.deepEqual(given.node['extra'], { label: 'serial S1', seen: [1] });
  assert.deepEqual([...given.traits], ['CUSTOM_A', 'CUSTOM_B']);
  assert.deepEqual(given.plugin_data, { a: { b: 1 } });
  assert.deepEqual(given.ports.get('p1'), { extra: { x: 'y' } });
});

test('the highest priority goes first, and a failure says its reason', () => {
  const given = subject();
  const write = (value: number, priority: number) => rule([{ op: 'set-attribute', args: { path: '/extra/last', value } }], [], priority);
  applyRules([write(1, 10), write(2, 5)], given);
  assert.equal((given.node['extra'] as JsonObject)['last'], 2);
  assert.throws(
    () => applyRules([rule([{ op: 'fail', args: { msg: 'too small: {inventory[cpu][threads]}' } }])], subject()),
    /too small: 8/,
  );
  assert.throws(() => applyRules([rule([{ op: 'set-port-attribute', args: ['p9', '/extra/x', 1] }])], subject()), RuleFailure);
  assert.throws(() => applyRules([rule([mark], [{ op: 'contains', args: { value: 'x', regex: '(' } }])], subject()), /regular expression/);
});

test('rules that make no sense are refused when they are written', () => {
  const problems: readonly [RuleOperation, RegExp][] = [
    [{ op: 'explode', args: {} }, /Unsupported action operator/],
    [{ op: 'set-attribute', args: { path: '/extra/x' } }, /missing required argument.*value/],
    [{ op: 'set-attribute', args: { path: '/extra/x', value: 1, colour: 2 } }, /unexpected argument.*colour/],
    [{ op: 'set-attribute', args: ['/extra/x'] }, /not enough arguments/],
    [{ op: 'set-attribute', args: ['/provision_state', 'active'] }, /provision_state can not be changed by a rule/],
    [{ op: 'set-attribute', args: ['/driver_info/ipmi_password', 'x'] }, /passwords/],
    [{ op: 'set-attribute', args: ['/extra/__proto__/x', 'x'] }, /not a path/],
    [{ op: 'fail', args: 'x' }, /list or an object/],
  ];
  for (const [action, reason] of problems) assert.match(checkRule({ conditions: [], actions: [action] })!, reason);
  assert.match(checkRule({ conditions: [{ op: '!nearly', args: [] }], actions: [mark] })!, /Unsupported condition operator: nearly/);
  assert.equal(checkRule({ conditions: [{ op: '! eq', args: { values: [1, 1] } }], actions: [mark] }), undefined);
});

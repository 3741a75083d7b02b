import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../core/base/json.ts';
import { RequestRefused } from './baremetal-error.ts';
import { applyPatch, isTouched, patchBody, patchValues, type PatchOperation } from './json-patch.ts';

const document = (): JsonObject => ({ name: null, extra: { a: 1, deep: { b: 2 } }, steps: [{ step: 'one' }, { step: 'two' }] });

const cases: readonly [string, PatchOperation, (result: JsonObject) => Json | undefined, Json | undefined][] = [
  ['sets a root that is there', { op: 'add', path: '/name', value: 'x' }, (r) => r['name'], 'x'],
  ['adds below', { op: 'add', path: '/extra/new', value: [1] }, (r) => (r['extra'] as JsonObject)['new'], [1]],
  [
    'replaces below',
    { op: 'replace', path: '/extra/deep/b', value: null },
    (r) => ((r['extra'] as JsonObject)['deep'] as JsonObject)['b'],
    null,
  ],
  ['removes a root', { op: 'remove', path: '/extra' }, (r) => r['extra'], undefined],
  ['inserts into a list', { op: 'add', path: '/steps/1', value: 'x' }, (r) => (r['steps'] as Json[])[1], 'x'],
  ['appends to a list', { op: 'add', path: '/steps/-', value: 'x' }, (r) => (r['steps'] as Json[])[2], 'x'],
  ['walks through a list', { op: 'replace', path: '/steps/0/step', value: 'x' }, (r) => (r['steps'] as JsonObject[])[0]!['step'], 'x'],
  ['removes from a list', { op: 'remove', path: '/steps/0' }, (r) => (r['steps'] as Json[]).length, 1],
];
for (const [what, operation, look, wanted] of cases)
  test(`a patch ${what}`, () => assert.deepEqual(look(applyPatch(document(), [operation])), wanted));

const refused: readonly PatchOperation[] = [
  { op: 'add', path: '/colour', value: 'red' },
  { op: 'replace', path: '/extra/none', value: 1 },
  { op: 'remove', path: '/extra/none' },
  { op: 'add', path: '/extra/a/b', value: 1 },
  { op: 'add', path: '/none/a', value: 1 },
  { op: 'add', path: '/steps/3', value: 1 },
  { op: 'replace', path: '/steps/2', value: 1 },
  { op: 'remove', path: '/steps/x' },
  { op: 'add', path: '/extra/x' },
  { op: 'add', path: '/extra/__proto__', value: 1 },
  { op: 'add', path: '/extra/constructor/prototype', value: 1 },
  { op: 'replace', path: '/extra/toString', value: 1 },
];
for (const operation of refused)
  test(`a patch is refused: ${JSON.stringify(operation)}`, () =>
    assert.throws(
      () => applyPatch(document(), [operation]),
      (error) => error instanceof RequestRefused && error.status === 400,
    ));

test('a patch leaves the document alone, and the prototype of everything too', () => {
  const key = fc.constantFrom('a', 'deep', '__proto__', 'constructor', '0', '-', 'new');
  const path = fc.array(key, { minLength: 1, maxLength: 4 }).map((keys) => `/extra/${keys.join('/')}`);
  const operation = fc.record({ op: fc.constantFrom('add', 'replace', 'remove'), path, value: fc.jsonValue() });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 5 }), (operations) => {
      const before = document();
      try {
        applyPatch(before, operations as PatchOperation[]);
      } catch (error) {
        assert.ok(error instanceof RequestRefused);
      }
      assert.deepEqual(before, document());
      assert.equal(({} as Record<string, unknown>)['new'], undefined);
    }),
  );
});

test('what is a patch at all', () => {
  const good = [{ op: 'add', path: '/a_b/c-d', value: 1 }];
  assert.ok(patchBody.safeParse(good).success);
  for (const bad of [
    {},
    [{ op: 'move', path: '/a' }],
    [{ op: 'add', path: 'a' }],
    [{ op: 'add', path: '/' }],
    [{ op: 'add', path: '/a', x: 1 }],
  ])
    assert.ok(!patchBody.safeParse(bad).success);
  assert.deepEqual(
    patchValues(
      [
        { op: 'add', path: '/name', value: 'x' },
        { op: 'remove', path: '/name' },
      ],
      '/name',
    ),
    ['x'],
  );
  assert.ok(isTouched([{ op: 'remove', path: '/extra/a' }], 'extra'));
});

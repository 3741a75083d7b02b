import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createJsonStream } from './json-stream-codec.ts';
import { applyUpdates, type Mirror, type TableUpdates } from './ovsdb-mirror.ts';
import { canonical, isSame, readValue, writeValue, type Atom, type Value } from './ovsdb-value-codec.ts';

test('messages come out whole, wherever the stream is cut', () => {
  const message = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.array(fc.string())));
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (messages, cuts) => {
      const bytes = Buffer.from(messages.map((one) => JSON.stringify(one)).join(''));
      const stream = createJsonStream();
      const seen: unknown[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const next = at + cuts[turn % cuts.length]!;
        seen.push(...stream.push(bytes.subarray(at, next)));
        at = next;
      }
      assert.equal(JSON.stringify(seen), JSON.stringify(messages));
    }),
  );
});

test('values are the same in any order, and a set of one is its element', () => {
  const same: readonly (readonly [unknown, unknown])[] = [
    [
      ['set', ['b', 'a']],
      ['set', ['a', 'b']],
    ],
    [['set', ['a']], 'a'],
    [
      ['set', [['uuid', 'x']]],
      ['uuid', 'x'],
    ],
    [
      [
        'map',
        [
          ['k', 'v'],
          ['a', 'b'],
        ],
      ],
      [
        'map',
        [
          ['a', 'b'],
          ['k', 'v'],
        ],
      ],
    ],
  ];
  for (const [one, other] of same) assert.equal(canonical(readValue(one)), canonical(readValue(other)));
  for (const [one, other] of [
    ['1', 1],
    [true, 'true'],
    ['a', ['uuid', 'a']],
    [['set', []], ''],
  ] as const)
    assert.notEqual(canonical(readValue(one)), canonical(readValue(other)));
  assert.deepEqual(writeValue(readValue(['map', [['k', 'v']]])), ['map', [['k', 'v']]]);
});

test('values are the same exactly when their texts are', () => {
  // Few atoms, so that many pairs are the same.
  const atoms: readonly Atom[] = ['', 'a', '1', 1, true, { uuid: 'a' }];
  const atom = fc.constantFrom(...atoms).map((one) => (typeof one === 'object' ? { ...one } : one));
  const value: fc.Arbitrary<Value | undefined> = fc.oneof(
    fc.constant(undefined),
    atom,
    fc.array(atom, { maxLength: 3 }).map((set) => ({ set })),
    fc.array(fc.tuple(atom, atom), { maxLength: 2 }).map((pairs) => ({ map: new Map(pairs) })),
  );
  fc.assert(
    fc.property(value, value, (one, other) => assert.equal(isSame(one, other), canonical(one) === canonical(other))),
    { numRuns: 5_000 },
  );
});

test('an update brings differences of sets and maps', () => {
  const mirror: Mirror = new Map();
  const update = (row: TableUpdates[string]) => applyUpdates(mirror, { T: row });
  const shown = (column: string) => canonical(mirror.get('T')?.get('r')?.get(column));
  update({
    r: {
      initial: {
        ports: ['set', ['a', 'b']],
        ids: [
          'map',
          [
            ['x', '1'],
            ['y', '2'],
          ],
        ],
        name: 'old',
        up: ['set', []],
      },
    },
  });
  update({
    r: {
      modify: {
        ports: ['set', ['b', 'c']],
        ids: [
          'map',
          [
            ['x', '1'],
            ['y', '3'],
            ['z', '4'],
          ],
        ],
        name: 'new',
        up: true,
      },
    },
  });
  assert.equal(shown('ports'), canonical(readValue(['set', ['a', 'c']])));
  assert.equal(
    shown('ids'),
    canonical(
      readValue([
        'map',
        [
          ['y', '3'],
          ['z', '4'],
        ],
      ]),
    ),
  );
  assert.equal(shown('name'), canonical('new'));
  assert.equal(shown('up'), canonical(true));
  update({ r: { modify: { up: false, ports: 'a' } } });
  assert.equal(shown('ports'), canonical(readValue('c')));
  update({ r: { delete: null } });
  assert.equal(mirror.get('T')?.size, 0);
});

test('a second element beside a single one is a set of two; a value of at most one is replaced, also by none', () => {
  const mirror: Mirror = new Map();
  applyUpdates(mirror, { T: { r: { initial: { ports: ['uuid', 'a'], tag: 1 } } } });
  applyUpdates(mirror, { T: { r: { modify: { ports: ['uuid', 'b'], tag: ['set', []] } } } });
  const shown = (column: string) => canonical(mirror.get('T')?.get('r')?.get(column));
  const both = [
    ['uuid', 'a'],
    ['uuid', 'b'],
  ];
  assert.equal(shown('ports'), canonical(readValue(['set', both])));
  assert.equal(shown('tag'), canonical(readValue(['set', []])));
});

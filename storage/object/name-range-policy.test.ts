import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { afterPrefix, justAfter, nameRange } from './name-range-policy.ts';

const compare = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));
const text = fc.string({ unit: 'binary', maxLength: 6 }).filter((name) => !name.includes('\0') && name.isWellFormed());

test('the first text after a prefix is after all that begin so, and before all others behind', () => {
  assert.equal(afterPrefix('a'), 'b');
  assert.equal(afterPrefix('a\u{10FFFF}'), 'b');
  assert.equal(afterPrefix('\ud7ff'), '\ue000');
  fc.assert(
    fc.property(text, text, text, (prefix, rest, other) => {
      const after = afterPrefix(prefix);
      assert.ok(prefix === '' || compare(prefix + rest, after) < 0);
      if (prefix !== '' && !other.startsWith(prefix) && compare(other, prefix) > 0) assert.ok(compare(other, after) >= 0);
    }),
  );
});

test('markers and prefixes are bounds, in either direction', () => {
  const names = ['a', 'a/1', 'a/2', 'b', 'b\u{1F600}', '\uffff', 'z'].toSorted(compare);
  fc.assert(
    fc.property(
      fc.constantFrom('', 'a', 'a/', 'b', 'zz'),
      fc.constantFrom('', ...names),
      fc.constantFrom('', ...names),
      fc.boolean(),
      (prefix, marker, endMarker, isReverse) => {
        const { low, high } = nameRange({ prefix, marker, endMarker, isReverse, delimiter: '', limit: 10 });
        const [after, before] = isReverse ? [endMarker, marker] : [marker, endMarker];
        const wanted = names.filter(
          (name) => name.startsWith(prefix) && (after === '' || compare(name, after) > 0) && (before === '' || compare(name, before) < 0),
        );
        assert.deepEqual(
          names.filter((name) => compare(name, low) >= 0 && compare(name, high) < 0),
          wanted,
        );
      },
    ),
  );
  assert.ok(compare('a', justAfter('a')) < 0 && compare(justAfter('a'), 'a!') < 0);
});

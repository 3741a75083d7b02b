import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseStorable, storableJson } from './json.ts';

test('what can be stored is as JSON has it, and nothing else is in it', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\0', 'a\0', '\ud800', '\udc00x', '\\u0000', '\\\ud800'));
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 2 }), text, text, (value, key, word) => {
      assert.doesNotMatch(storableJson({ value, [key]: [word, { [word]: key }] }).replaceAll('\\\\', ''), /\\u0000|\\ud[89a-f]/);
      if (!/\\u0000|\\ud[89a-f]/.test(JSON.stringify(value))) assert.equal(storableJson(value), JSON.stringify(value));
    }),
  );
  assert.equal(storableJson({ 'a\0': ['b\0', '\ud800', '\\u0000', '\u{1f600}'] }), '{"a\ufffd":["b\ufffd","\ufffd","\\\\u0000","😀"]}');
});

test('an answer with what cannot be stored is an answer', () => {
  assert.deepEqual(parseStorable('{"Serial\\u0000": ["A\\u0000\\uD800", "\\ud83d\\ude00"]}'), { 'Serial\ufffd': ['A\ufffd\ufffd', '😀'] });
  assert.throws(() => parseStorable('{'), SyntaxError);
});

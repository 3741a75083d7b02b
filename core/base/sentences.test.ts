import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sentences } from './sentences.ts';

test('a message and its advice are two sentences, whichever has its full stop already', () => {
  assert.equal(sentences('10.0.0.5 does not answer', 'Check the cable.'), '10.0.0.5 does not answer. Check the cable.');
  assert.equal(sentences('It is off.', 'Switch it on.'), 'It is off. Switch it on.');
  assert.equal(sentences('It is off', ''), 'It is off');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatTable } from './table.ts';

const COLUMNS = [
  { title: 'name', value: ([name]: readonly [string, string]) => name },
  { title: 'size', value: ([, size]: readonly [string, string]) => size, align: 'right' as const },
];

test('columns line up and nothing is cut in a file', () => {
  assert.equal(
    formatTable(
      [
        ['node-1', '9'],
        ['a', '1000'],
      ] as const,
      COLUMNS,
    ),
    'name    size\nnode-1     9\na       1000\n',
  );
});

test('the widest column is cut first', () => {
  assert.equal(formatTable([['a-long-machine-name', '9']] as const, COLUMNS, 16), 'name        size\na-long-ma…     9\n');
});

test('control characters do not reach the terminal', () => {
  assert.ok(!formatTable([['\u001b[2J\nx', '']] as const, COLUMNS).includes('\u001b'));
});

test('any row fits any terminal that has room for the shortest columns', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.string())), fc.integer({ min: 14, max: 200 }), (rows, width) => {
      for (const line of formatTable(rows, COLUMNS, width).split('\n')) assert.ok([...line].length <= width);
    }),
  );
});

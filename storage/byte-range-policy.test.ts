import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRanges, type RangeVerdict } from './byte-range-policy.ts';

const of = (...ranges: [number, number][]) => ({ ranges: ranges.map(([first, last]) => ({ first, last })) });
const TABLE: readonly (readonly [header: string | undefined, size: number, verdict: RangeVerdict])[] = [
  [undefined, 10, 'ignored'],
  ['bytes=0-4', 10, of([0, 4])],
  ['bytes=5-', 10, of([5, 9])],
  ['bytes=-3', 10, of([7, 9])],
  ['bytes=-30', 10, of([0, 9])],
  ['bytes=5-500', 10, of([5, 9])],
  ['bytes= 0-0 , 9-9', 10, of([0, 0], [9, 9])],
  ['bytes=0-0,20-30', 10, of([0, 0])],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=0-0', 0, 'unsatisfiable'],
  ['bytes=4-2', 10, 'ignored'],
  ['bytes=-', 10, 'ignored'],
  ['lines=1-2', 10, 'ignored'],
  ['bytes=a-b', 10, 'ignored'],
  [`bytes=${Array.from({ length: 51 }, (_, at) => `${at * 2}-${at * 2}`).join()}`, 1000, 'unsatisfiable'],
  ['bytes=0-,0-,0-,0-', 10, 'unsatisfiable'],
];

test('ranges, the tangled and the wrong', () => {
  for (const [header, size, verdict] of TABLE) assert.deepEqual(readRanges(header, size, 50), verdict, String(header));
});

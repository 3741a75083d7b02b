import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { acknowledgedBlock, lastBlockOf, negotiate } from './tftp-transfer-policy.ts';

for (const [options, granted] of [
  [{}, {}],
  [
    { blksize: '1432', tsize: '0' },
    { blksize: '1432', tsize: '1000' },
  ],
  [{ blksize: '65464' }, { blksize: '1468' }],
  [{ blksize: '7' }, {}],
  [{ blksize: 'many', timeout: '0', unknown: '1' }, {}],
  [
    { timeout: '3', windowsize: '4' },
    { timeout: '3', windowsize: '4' },
  ],
  [{ windowsize: '65535' }, { windowsize: '64' }],
] as const)
  test(`of ${JSON.stringify(options)} is granted ${JSON.stringify(granted)}`, () =>
    assert.deepEqual(Object.fromEntries(negotiate(new Map(Object.entries(options)), 1000).granted), granted));

test('a file of whole blocks ends with an empty one', () => {
  assert.deepEqual([lastBlockOf(0, 512), lastBlockOf(511, 512), lastBlockOf(512, 512), lastBlockOf(513, 512)], [1, 1, 2, 2]);
});

test('an ACK counts once, only for what is in flight, and across the roll-over', () => {
  assert.equal(acknowledgedBlock(1, 0, 1), 1);
  assert.equal(acknowledgedBlock(1, 1, 2), undefined, 'a duplicate sends nothing');
  assert.equal(acknowledgedBlock(0, 65535, 65536), 65536);
  assert.equal(acknowledgedBlock(65535, 65536, 65537), undefined);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10_000_000 }),
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 0, max: 65535 }),
      (acknowledged, window, wire) => {
        const block = acknowledgedBlock(wire, acknowledged, acknowledged + window);
        if (block === undefined) return;
        assert.ok(block > acknowledged && block <= acknowledged + window && (block & 0xffff) === wire);
      },
    ),
  );
});

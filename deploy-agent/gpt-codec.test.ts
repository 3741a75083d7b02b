import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../core/base/malformed.ts';
import { decodeGptEntries, decodeGptHeader, encodeGpt, firstUsableLba, type GptTable, lastUsableLba } from './gpt-codec.ts';

const uuid = fc.uuid({ version: 4 });
const table = fc
  .record({
    diskGuid: uuid,
    blockBytes: fc.constantFrom(512, 4096),
    diskBlocks: fc.integer({ min: 20_000, max: 2 ** 40 }),
    sizes: fc.array(
      fc.record({
        blocks: fc.integer({ min: 1, max: 100 }),
        guid: uuid,
        type: uuid,
        name: fc.string({ maxLength: 36, unit: 'grapheme-ascii' }).filter((name) => !name.includes('\0')),
      }),
      { maxLength: 20 },
    ),
  })
  .map(({ diskGuid, blockBytes, diskBlocks, sizes }): GptTable => {
    let next = firstUsableLba({ blockBytes, entryCount: 128 });
    const partitions = sizes.map(({ blocks, guid, type, name }, index) => ({
      number: index + 1,
      type,
      guid,
      firstLba: next,
      lastLba: (next += blocks) - 1,
      attributes: BigInt(index) << 48n,
      name,
    }));
    return { diskGuid, blockBytes, diskBlocks, entryCount: 128, partitions };
  });

test('both copies of a table read back as it was', () => {
  fc.assert(
    fc.property(table, (given) => {
      const gpt = encodeGpt(given);
      const primary = decodeGptHeader(gpt.primary.subarray(given.blockBytes, 2 * given.blockBytes));
      const backup = decodeGptHeader(gpt.backup.subarray(gpt.backup.length - given.blockBytes));
      assert.ok(!isMalformed(primary) && !isMalformed(backup));
      assert.equal(primary.diskGuid, given.diskGuid);
      assert.equal(primary.otherLba, backup.ownLba);
      assert.equal(backup.ownLba, given.diskBlocks - 1);
      assert.equal(backup.entriesLba * given.blockBytes, gpt.backupOffset);
      assert.equal(primary.lastUsableLba, lastUsableLba(given));
      assert.deepEqual(decodeGptEntries(primary, gpt.primary.subarray(2 * given.blockBytes)), given.partitions);
      assert.deepEqual(decodeGptEntries(backup, gpt.backup), given.partitions);
    }),
  );
});

test('the boot code of block 0 stays', () => {
  const gpt = encodeGpt(
    { diskGuid: '11111111-2222-4333-8444-555555555555', blockBytes: 512, diskBlocks: 4096, entryCount: 128, partitions: [] },
    Buffer.alloc(512, 0x90),
  );
  assert.ok(gpt.primary.subarray(0, 440).equals(Buffer.alloc(440, 0x90)));
  assert.equal(gpt.primary.readUInt16LE(510), 0xaa55);
});

test('one wrong bit is noticed, and no bytes make it throw', () => {
  const gpt = encodeGpt({
    diskGuid: '11111111-2222-4333-8444-555555555555',
    blockBytes: 512,
    diskBlocks: 4096,
    entryCount: 128,
    partitions: [],
  });
  const header = gpt.primary.subarray(512, 1024);
  for (let bit = 0; bit < 92 * 8; bit += 7) {
    const damaged = Buffer.from(header);
    damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
    assert.ok(isMalformed(decodeGptHeader(damaged)), `bit ${bit}`);
  }
  const good = decodeGptHeader(header);
  assert.ok(!isMalformed(good));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      decodeGptHeader(Buffer.from(bytes));
      decodeGptEntries(good, Buffer.from(bytes));
    }),
  );
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BadTar, readTar } from './tar-reader.ts';

async function read(archive: Buffer, pieceBytes: number): Promise<[name: string, body: string][]> {
  async function* pieces() {
    for (let at = 0; at < archive.length; at += pieceBytes) yield archive.subarray(at, at + pieceBytes);
  }
  const files: [string, string][] = [];
  for await (const { name, bytes } of readTar(pieces())) {
    const chunks: Buffer[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    files.push([name, Buffer.concat(chunks).toString()]);
  }
  return files;
}

test('archives of GNU tar, in its forms, in pieces of any length; links and folders are passed over', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rackwright-tar-'));
  try {
    const long = `${'d'.repeat(90)}/${'e'.repeat(120)}`;
    mkdirSync(join(folder, 'in', 'd'.repeat(90)), { recursive: true });
    writeFileSync(join(folder, 'in', 'empty'), '');
    writeFileSync(join(folder, 'in', 'ä.txt'), 'x'.repeat(1025));
    writeFileSync(join(folder, 'in', long), 'long');
    symlinkSync('empty', join(folder, 'in', 'link'));
    for (const format of ['gnu', 'pax']) {
      const archive = execFileSync('tar', ['-C', join(folder, 'in'), `--format=${format}`, '--sort=name', '-cf', '-', '.']);
      for (const pieceBytes of [7, 512, 100_000])
        assert.deepEqual(
          (await read(archive, pieceBytes)).toSorted(),
          [
            ['./empty', ''],
            [`./${long}`, 'long'],
            ['./ä.txt', 'x'.repeat(1025)],
          ].toSorted(),
        );
      await assert.rejects(read(archive.subarray(0, 1500), 512), BadTar);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what is no archive is refused', async () => {
  await assert.rejects(read(Buffer.alloc(512, 7), 512), BadTar);
  await assert.rejects(read(Buffer.from('short'), 512), BadTar);
  assert.deepEqual(await read(Buffer.alloc(1024), 512), []);
});

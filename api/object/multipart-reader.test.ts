import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadForm, boundaryOf, readForm } from './multipart-reader.ts';

async function read(body: string, pieceBytes: number) {
  const bytes = Buffer.from(body);
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  const parts: unknown[] = [];
  for await (const { name, filename, contentType, bytes: part } of readForm(pieces(), 'b')) {
    const chunks: Buffer[] = [];
    for await (const chunk of part) chunks.push(chunk);
    parts.push([name, filename, contentType, Buffer.concat(chunks).toString()]);
  }
  return parts;
}

const FORM =
  '--b\r\nContent-Disposition: form-data; name="redirect"\r\n\r\n\r\n' +
  '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nline\r\n--not\r\n\r\n--b--\r\n';

test('parts in pieces of any length', async () => {
  for (const pieceBytes of [1, 3, 50, 10_000])
    assert.deepEqual(await read(FORM, pieceBytes), [
      ['redirect', undefined, undefined, ''],
      ['file', 'a.txt', 'text/plain', 'line\r\n--not\r\n'],
    ]);
});

test('a form that does not end, or whose head does not, is refused', async () => {
  await assert.rejects(read(FORM.slice(0, -10), 50), BadForm);
  await assert.rejects(read('', 50), BadForm);
  await assert.rejects(read(`--b\r\n${'x'.repeat(20_000)}`, 50), BadForm);
});

test('boundaries', () => {
  assert.equal(boundaryOf('multipart/form-data; boundary=abc'), 'abc');
  assert.equal(boundaryOf('Multipart/Form-Data; charset=x; boundary="a b"'), 'a b');
  assert.equal(boundaryOf('text/plain; boundary=abc'), undefined);
  assert.equal(boundaryOf(undefined), undefined);
});

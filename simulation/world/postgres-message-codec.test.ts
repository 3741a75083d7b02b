import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createMessageWriter,
  HEADER_BYTES,
  readColumns,
  readCommand,
  readFields,
  type Message,
  type MessageWriter,
} from './postgres-message-codec.ts';

const message = (hex: string): Message => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return { type: bytes[0]!, bytes, start: HEADER_BYTES, end: bytes.length };
};
const hexOf = (text: string): string => Buffer.from(`${text}\0`).toString('hex');

for (const [what, write, hex] of [
  ['a text', (to) => to.query('commit'), `51 0000000b ${hexOf('commit')}`],
  ['a statement with a name', (to) => to.parse('s1', 'select $1'), `50 00000013 ${hexOf('s1')} ${hexOf('select $1')} 0000`],
  [
    'values: text, none, bytes',
    (to) => to.execute('s1', ['ä', null, Buffer.of(0, 255)], false),
    `42 00000024 00 ${hexOf('s1')} 0003 0000 0000 0001 0003 00000002 c3a4 ffffffff 00000002 00ff 0000 45 00000009 00 00000000`,
  ],
  [
    'a statement that is described',
    (to) => to.execute('s1', [], true),
    `42 0000000e 00 ${hexOf('s1')} 0000 0000 0000 44 00000006 50 00 45 00000009 00 00000000`,
  ],
  ['the end of a question', (to) => to.sync(), '53 00000004'],
  ['who comes', (to) => to.startup({ user: 'me' }), `00000011 00030000 ${hexOf('user')} ${hexOf('me')} 00`],
] as readonly [string, (to: MessageWriter) => void, string][])
  test(`${what}, byte by byte`, () => {
    const writer = createMessageWriter();
    write(writer);
    assert.equal(writer.take().toString('hex'), hex.replaceAll(' ', ''));
  });

test('what is larger than the memory at first is written whole, and the next one begins anew', () => {
  const writer = createMessageWriter();
  const text = 'x'.repeat(200_000);
  writer.query(text);
  assert.equal(writer.take().toString('latin1', HEADER_BYTES), `${text}\0`);
  writer.sync();
  assert.equal(writer.take().length, HEADER_BYTES);
});

test('columns, fields and outcomes are read', () => {
  const column = (name: string, oid: string) => `${hexOf(name)} 00000000 0000 ${oid} 0004 ffffffff 0000`;
  assert.deepEqual(readColumns(message(`54 00000000 0002 ${column('id', '00000014')} ${column('at', '000004a0')}`)), [
    { name: 'id', typeOid: 20 },
    { name: 'at', typeOid: 1184 },
  ]);
  assert.deepEqual(readFields(message(`45 00000000 43 ${hexOf('23505')} 6e ${hexOf('node_pkey')} 00`)), { C: '23505', n: 'node_pkey' });
  for (const [text, command, rowCount] of [
    ['INSERT 0 3', 'INSERT', 3],
    ['SELECT 0', 'SELECT', 0],
    ['COMMIT', 'COMMIT', null],
  ] as const)
    assert.deepEqual(readCommand(message(`43 00000000 ${hexOf(text)}`)), { command, rowCount });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeQmpLine, encodeQmpCommand } from './qmp-codec.ts';

test('lines as QEMU 7.2 sends them', () => {
  assert.deepEqual(decodeQmpLine('{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r'), {
    kind: 'greeting',
  });
  assert.deepEqual(
    decodeQmpLine(
      '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}',
    ),
    {
      kind: 'event',
      name: 'SHUTDOWN',
      data: { guest: true, reason: 'guest-reset' },
    },
  );
  assert.deepEqual(decodeQmpLine('{"return": {}}'), { kind: 'answer' });
  assert.deepEqual(decodeQmpLine('{"error": {"class": "DeviceNotFound", "desc": "no net0"}}'), { kind: 'error', reason: 'no net0' });
});

test('anything else is malformed and never throws', () => {
  for (const line of ['', '[]', '1', 'null', '{}', '{"QM']) assert.ok(isMalformed(decodeQmpLine(line)));
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void decodeQmpLine(line)));
});

test('a command is one line', () => {
  assert.equal(
    encodeQmpCommand('set_link', { name: 'net0', up: false }),
    '{"execute":"set_link","arguments":{"name":"net0","up":false}}\n',
  );
});

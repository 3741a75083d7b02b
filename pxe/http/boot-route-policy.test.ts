import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseBootRoute } from './boot-route-policy.ts';

for (const [url, expected] of [
  ['//boot//snponly.efi', { kind: 'ipxe-binary', name: 'snponly.efi' }],
  ['http://10.77.0.1:8080/boot/undionly.kpxe', { kind: 'ipxe-binary', name: 'undionly.kpxe' }],
  ['/boot/T/kernel', { kind: 'agent-file', token: 'T', file: 'kernel' }],
  ['/boot/T/ramdisk-arm64', { kind: 'agent-file', token: 'T', file: 'ramdisk-arm64' }],
  ['/boot/T/kernel-riscv', { kind: 'not-found' }],
  ['/boot/T/agent.iso', { kind: 'agent-file', token: 'T', file: 'agent.iso' }],
  ['/boot/T/ramdisk?x', { kind: 'agent-file', token: 'T', file: 'ramdisk' }],
  ['/images/T/a/b%20c.raw', { kind: 'image', token: 'T', segments: ['a', 'b c.raw'] }],
  ['/boot/passwd', { kind: 'not-found' }],
  ['/boot/T/kernel/x', { kind: 'not-found' }],
  ['/', { kind: 'not-found' }],
] as const)
  test(`${url} is ${expected.kind}`, () => assert.deepEqual(parseBootRoute(url), expected));

for (const url of [
  '/images/T/../../etc/passwd',
  '/images/T/%2e%2e/x',
  '/images/T/a%2fb',
  '/images/T/a%00',
  '/images/T/..%5cx',
  '/boot/%zz',
  `/${'a'.repeat(5000)}`,
])
  test(`${url.slice(0, 40)} is a bad path`, () => assert.equal(parseBootRoute(url).kind, 'bad-path'));

test('no path makes it throw or lets a segment out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (tail) => {
      const route = parseBootRoute(`/images/T/${tail}`);
      if (route.kind === 'image') assert.ok(route.segments.every((s) => s !== '..' && s !== '.' && !/[/\\\0]/.test(s)));
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMalformed } from '../../../core/base/malformed.ts';
import { resolveImageUrl } from '../image/image-url-policy.ts';
import { decodeBootParameters } from './boot-parameters-codec.ts';

const PIN = 'ab'.repeat(32);
const line = `BOOT_IMAGE=x console=ttyS0 quiet rackwright.api=https://10.77.0.1:5443 rackwright.pin=${PIN.toUpperCase()} rackwright.token=a.b== rackwright.boot=http://10.77.0.1:8080 BOOTIF=01-52-54-00-AA-BB-CC\n`;

test('all settings of a command line', () => {
  const parameters = decodeBootParameters(line);
  assert.ok(!isMalformed(parameters));
  assert.equal(parameters.api.href, 'https://10.77.0.1:5443/');
  assert.equal(parameters.pin, PIN);
  assert.equal(parameters.token, 'a.b==');
  assert.equal(parameters.bootMac, '52:54:00:aa:bb:cc');
});

for (const [reason, without] of [
  ['rackwright.api', /rackwright\.api=\S+/],
  ['rackwright.pin', /rackwright\.pin=\S+/],
  ['rackwright.token', /rackwright\.token=\S+/],
] as const) {
  test(`${reason} must be there`, () => {
    const answer = decodeBootParameters(line.replace(without, ''));
    assert.ok(isMalformed(answer) && answer.reason.includes(reason));
  });
}

test('plain http for the control plane is refused', () => {
  assert.ok(isMalformed(decodeBootParameters(line.replace('https://', 'http://'))));
});

test('image URLs', () => {
  const parameters = { bootServer: new URL('http://10.77.0.1:8080'), token: 't.s' };
  assert.equal(resolveImageUrl('debian/12.raw.zst', parameters)?.href, 'http://10.77.0.1:8080/images/t.s/debian/12.raw.zst');
  assert.equal(resolveImageUrl('https://images/x', parameters)?.href, 'https://images/x');
  assert.equal(resolveImageUrl('../secret', parameters), undefined);
  assert.equal(resolveImageUrl('file:///etc/passwd', parameters), undefined);
  assert.equal(resolveImageUrl('x', { token: 't' }), undefined);
});

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeRouterSolicitation, EMPTY_ADVERTISEMENT, encodeAdvertisement } from './router-advertisement-codec.ts';

test('a solicitation with and without its source link-layer address', () => {
  for (const hex of ['8500000000000000', '85000000000000000101525400770001'])
    assert.deepEqual(decodeRouterSolicitation(Buffer.from(hex, 'hex')), { kind: 'router-solicitation' });
});

for (const [what, hex] of [
  ['too short', '85000000'],
  ['another type', '8600000000000000'],
  ['another code', '8501000000000000'],
  ['an option of no length', '85000000000000000100525400770001'],
  ['an option cut short', '85000000000000000102525400770001'],
] as const)
  test(`${what} is malformed`, () => assert.ok(isMalformed(decodeRouterSolicitation(Buffer.from(hex, 'hex')))));

test('the advertisement offers no router, no prefix and no DHCPv6', () => {
  assert.equal(
    encodeAdvertisement(EMPTY_ADVERTISEMENT, Buffer.from('525400770001', 'hex')).toString('hex'),
    '860000004000000000000000000000000101525400770001',
  );
  assert.equal(encodeAdvertisement(EMPTY_ADVERTISEMENT, undefined).length, 16);
});

test('where DHCPv6 is served, the flags and the prefix of the wire are told', () => {
  const bytes = encodeAdvertisement(
    {
      managed: true,
      otherConfiguration: true,
      routerLifetimeSeconds: 1800,
      onLink: [{ address: Buffer.from('fd000077000000000000000000000000', 'hex'), prefixLength: 64, lifetimeSeconds: 3600 }],
    },
    undefined,
  );
  assert.equal(
    bytes.toString('hex'),
    '8600000040c00708' + '0000000000000000' + '0304408000000e1000000e1000000000' + 'fd000077000000000000000000000000',
  );
});

test('no bytes make the decoder throw', () =>
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeRouterSolicitation(Buffer.from([133, 0, ...bytes])))));

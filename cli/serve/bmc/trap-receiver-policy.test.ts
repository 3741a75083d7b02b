import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostOf, receiverFor } from './trap-receiver-policy.ts';

const traps = {
  listen: '[::]:162',
  address: '10.0.0.1',
  address6: 'fd00::1',
  racks: [
    { address: '10.7.0.1', bmcs: ['10.7.0.0/24', 'fd00:7::/64'] },
    { address: 'fd00:8::1', bmcs: ['fd00:8::/64'] },
  ],
  community: 'public',
  enroll: true,
};

test('whom a BMC tells', () => {
  for (const [bmc, receiver] of [
    ['10.0.5.5', '10.0.0.1'],
    ['fd00::55', 'fd00::1'],
    ['10.7.0.9', '10.7.0.1'],
    ['fd00:8::9', 'fd00:8::1'],
    ['no address', undefined],
  ] as const)
    assert.equal(receiverFor(traps, bmc), receiver, bmc);
  assert.equal(receiverFor({ ...traps, address6: undefined }, 'fd00::55'), undefined);
  assert.equal(receiverFor({ ...traps, enroll: false }, '10.0.5.5'), undefined);
  assert.equal(receiverFor({ ...traps, listen: '[fd00::2]:162', address: undefined, address6: undefined }, 'fd00::55'), 'fd00::2');
  assert.equal(hostOf('[fd00::2]:162'), 'fd00::2');
});

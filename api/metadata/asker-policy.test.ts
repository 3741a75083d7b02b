import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { whoAsks } from './asker-policy.ts';
import { signedHeaders } from './network-signature-codec.ts';

const SECRET = 's';
const INSTANCE = 'b0c1';
const signature = createHmac('sha256', SECRET).update(INSTANCE).digest('hex');
const named = { 'x-instance-id': INSTANCE, 'x-tenant-id': 'p' };

test('an address is believed, words are not, and a proxy has to sign', () => {
  const address = { kind: 'address', address: '10.0.0.7' };
  const proxy = { kind: 'proxy', instance: INSTANCE, project: 'p' };
  for (const [headers, secret, wanted] of [
    [{}, SECRET, address],
    [{ 'x-forwarded-for': '10.0.0.8' }, SECRET, address],
    [named, SECRET, address],
    [{ ...named, 'x-instance-id-signature': signature }, undefined, address],
    [{ ...named, 'x-instance-id-signature': signature }, SECRET, proxy],
    [{ ...named, 'x-instance-id-signature': signature.toUpperCase() }, SECRET, proxy],
    [{ ...named, 'x-instance-id-signature': signature.replace(/^./, 'g') }, SECRET, { kind: 'refused', status: 403 }],
    [{ ...named, 'x-instance-id': 'other', 'x-instance-id-signature': signature }, SECRET, { kind: 'refused', status: 403 }],
    [{ ...named, 'x-instance-id-signature': '' }, SECRET, { kind: 'refused', status: 403 }],
    [{ 'x-instance-id': INSTANCE, 'x-instance-id-signature': signature }, SECRET, { kind: 'refused', status: 400 }],
  ] as const)
    assert.partialDeepStrictEqual(whoAsks(headers, '::ffff:10.0.0.7', secret), wanted, JSON.stringify(headers));
});

test('a host of ours says which machine of which network asks, and signs both', () => {
  const asker = { networkId: 'n1', machine: '10.0.0.7' };
  const signed = signedHeaders(SECRET, asker);
  const refused = { kind: 'refused', status: 403 };
  for (const [headers, secret, wanted] of [
    [signed, SECRET, { kind: 'network', ...asker }],
    [{ ...signed, ...named }, SECRET, { kind: 'network', ...asker }],
    [{ ...signed, 'x-rackwright-network': 'n2' }, SECRET, refused],
    [{ ...signed, 'x-rackwright-machine': '10.0.0.8' }, SECRET, refused],
    [{ ...signed, 'x-rackwright-signature': 'ff' }, SECRET, refused],
    [{ 'x-rackwright-signature': signed['x-rackwright-signature'] }, SECRET, refused],
    [signedHeaders('another', asker), SECRET, refused],
    [signed, undefined, { kind: 'address', address: '10.0.0.9' }],
  ] as const)
    assert.partialDeepStrictEqual(whoAsks(headers, '10.0.0.9', secret), wanted, JSON.stringify(headers));
});

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { compactPrefixes, eui64, formatIp, formatPrefix, parseIp, parsePrefix } from './ip-address.ts';

const READ: readonly (readonly [text: string, canonical: string | undefined])[] = [
  ['10.0.0.1', '10.0.0.1'],
  ['10.0.0.256', undefined],
  ['10.0.0', undefined],
  ['010.0.0.1', undefined],
  ['10.0.0.1.', undefined],
  ['::', '::'],
  ['::1', '::1'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8::', '2001:db8::'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ['1::2::3', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['fe80::1%eth0', undefined],
  ['::10.0.0.999', undefined],
  ['12345::', undefined],
  ['', undefined],
  [':', undefined],
];

test('addresses are read as Node reads them, and told in one form', () => {
  for (const [text, canonical] of READ) {
    const ip = parseIp(text);
    assert.equal(ip === undefined ? undefined : formatIp(ip.version, ip.value), canonical, text);
    if (!text.includes('%')) assert.equal(ip?.version ?? 0, isIP(text), text);
  }
});

test('a prefix loses its host bits', () => {
  const told = (text: string) => {
    const prefix = parsePrefix(text);
    return prefix === undefined ? undefined : formatPrefix(prefix);
  };
  assert.equal(told('10.0.0.5/24'), '10.0.0.0/24');
  assert.equal(told('10.0.0.5'), '10.0.0.5/32');
  assert.equal(told('2001:db8::5/64'), '2001:db8::/64');
  assert.equal(told('0.0.0.0/0'), '0.0.0.0/0');
  for (const wrong of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/a', '10.0.0.0/8/8', '/8']) assert.equal(told(wrong), undefined, wrong);
});

test('neighbours become one, and what lies inside another is left out', () => {
  const compact = (...texts: string[]) => compactPrefixes(texts.map((text) => parsePrefix(text)!)).map(formatPrefix);
  assert.deepEqual(compact('10.0.1.0/24', '10.0.0.0/24'), ['10.0.0.0/23']);
  assert.deepEqual(compact('10.0.0.0/8', '10.1.0.0/16'), ['10.0.0.0/8']);
  assert.deepEqual(compact('10.0.1.0/24', '10.0.2.0/24'), ['10.0.1.0/24', '10.0.2.0/24']);
  assert.deepEqual(compact('10.0.0.0/25', '10.0.0.128/26', '10.0.0.192/26'), ['10.0.0.0/24']);
});

test('an interface identifier comes from the MAC address (RFC 4291, appendix A)', () => {
  assert.equal(eui64(parsePrefix('2001:db8::/64')!, '34:56:78:9a:bc:de'), '2001:db8::3656:78ff:fe9a:bcde');
});

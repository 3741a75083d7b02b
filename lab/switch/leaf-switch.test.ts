import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Clock } from '../../core/base/clock.ts';
import { createLeafSwitch } from './leaf-switch.ts';

const mac = (last: number) => Buffer.from([0x52, 0x54, 0, 0, 0, last]);
const BROADCAST = Buffer.alloc(6, 0xff);
const frame = (to: Buffer, from: Buffer) => Buffer.concat([to, from, Buffer.from('0800', 'hex'), Buffer.alloc(46)]);

function build() {
  let nowMs = 0;
  const clock: Clock = { nowMs: () => nowMs, steadyMs: () => nowMs, sleep: () => Promise.resolve() };
  const leaf = createLeafSwitch({ name: 'leaf-1', chassisMac: '52:54:00:00:00:01', clock });
  const got: string[] = [];
  const add = (name: string, announces = true) => leaf.addPort({ name, description: '', announces, deliver: () => got.push(name) > 0 });
  const ports = { a: add('a'), b: add('b'), up: add('up', false) };
  return { ...ports, leaf, add, pass: (ms: number) => (nowMs += ms), seen: () => got.splice(0).toSorted() };
}

test('unknown goes everywhere, known to its port only, and never back', () => {
  const { a, b, seen } = build();
  a.receive(frame(BROADCAST, mac(1)));
  assert.deepEqual(seen(), ['b', 'up']);
  b.receive(frame(mac(1), mac(2)));
  assert.deepEqual(seen(), ['a']);
  a.receive(frame(mac(2), mac(1)));
  assert.deepEqual(seen(), ['b']);
  a.receive(frame(mac(1), mac(1)));
  assert.deepEqual(seen(), []);
});

test('an address that moves is found at its new port, one that is silent is forgotten', () => {
  const { a, b, up, pass, seen } = build();
  a.receive(frame(BROADCAST, mac(1)));
  b.receive(frame(BROADCAST, mac(1)));
  seen();
  up.receive(frame(mac(1), mac(9)));
  assert.deepEqual(seen(), ['b']);
  pass(301_000);
  up.receive(frame(mac(1), mac(9)));
  assert.deepEqual(seen(), ['a', 'b']);
});

test('a port that is down passes nothing either way and is forgotten', () => {
  const { a, b, seen } = build();
  a.receive(frame(BROADCAST, mac(1)));
  seen();
  a.setLink(false);
  a.receive(frame(BROADCAST, mac(1)));
  assert.deepEqual(seen(), []);
  b.receive(frame(mac(1), mac(2)));
  assert.deepEqual(seen(), ['up']);
  a.setLink(true);
  b.receive(frame(BROADCAST, mac(2)));
  assert.deepEqual(seen(), ['a', 'up']);
});

test('link-local frames stay on their link; announcements go to the ports that have them', () => {
  const { a, leaf, seen } = build();
  a.receive(frame(Buffer.from('0180c200000e', 'hex'), mac(1)));
  assert.deepEqual(seen(), []);
  leaf.announce();
  assert.deepEqual(seen(), ['a', 'b']);
});

test('no frame, however odd, throws; runts are counted', () => {
  const { a } = build();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => a.receive(Buffer.from(bytes))));
  a.receive(Buffer.alloc(5));
  assert.ok(a.counters.runts > 0);
});

test('a guest that invents addresses does not make a real one unreachable for ever', () => {
  const { a, b, up, seen } = build();
  b.receive(frame(BROADCAST, mac(2)));
  for (let n = 0; n < 10_000; n += 1) a.receive(frame(BROADCAST, Buffer.from([2, 0, 0, 0, n >> 8, n & 255])));
  seen();
  up.receive(frame(mac(2), mac(9)));
  assert.ok(seen().includes('b'));
});

const tagged = (vlan: number, plain: Buffer) =>
  Buffer.concat([plain.subarray(0, 12), Buffer.from([0x81, 0, vlan >> 8, vlan & 255]), plain.subarray(12)]);

test('VLANs: frames stay in theirs, a trunk carries several with tags, a port without any carries none', () => {
  const { leaf, a, b, up, add, seen } = build();
  const frames: [string, string][] = [];
  leaf.addPort({
    name: 'watch',
    description: '',
    announces: false,
    vlans: { untagged: null, tagged: 'all' },
    deliver: (one) => frames.push(['watch', one.subarray(12, 16).toString('hex')]) > 0,
  });
  leaf.setVlans([1, 10, 20]);
  a.setVlans({ untagged: 10, tagged: [] });
  b.setVlans({ untagged: 20, tagged: [10] });
  const closed = add('closed');
  closed.setVlans({ untagged: null, tagged: [] });
  a.receive(frame(BROADCAST, mac(1)));
  assert.deepEqual(seen(), ['b']);
  assert.deepEqual(frames.splice(0), [['watch', '8100000a']]);
  b.receive(frame(BROADCAST, mac(2)));
  assert.deepEqual(seen(), []);
  b.receive(tagged(10, frame(BROADCAST, mac(2))));
  assert.deepEqual(seen(), ['a']);
  up.receive(frame(BROADCAST, mac(9)));
  closed.receive(frame(BROADCAST, mac(3)));
  closed.receive(tagged(10, frame(BROADCAST, mac(3))));
  assert.deepEqual(seen(), []);
  assert.equal(closed.counters.dropped, 2);
  // Nobody gets into another VLAN by saying so: not with a tag that the port has not, nor with its own VLAN's.
  a.receive(tagged(20, frame(BROADCAST, mac(1))));
  a.receive(tagged(10, frame(BROADCAST, mac(1))));
  assert.deepEqual(seen(), []);
  // Priority only: VLAN 0 is the port's own.
  a.receive(tagged(0, frame(BROADCAST, mac(1))));
  assert.deepEqual(seen(), ['b']);
});

test('an address is learnt in its VLAN only, and a VLAN that the switch does not have passes nothing', () => {
  const { leaf, a, b, up, seen } = build();
  leaf.setVlans([1, 10]);
  a.receive(frame(BROADCAST, mac(1)));
  seen();
  b.setVlans({ untagged: 10, tagged: [] });
  up.setVlans({ untagged: 10, tagged: [] });
  b.receive(frame(mac(1), mac(2)));
  assert.deepEqual(seen(), ['up']);
  leaf.setVlans([1]);
  b.receive(frame(mac(1), mac(2)));
  assert.deepEqual(seen(), []);
});

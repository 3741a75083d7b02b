import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../core/base/malformed.ts';
import type { PowerState } from './capability.ts';
import { EVENTS_IN_ONE_MAX, eventKey, parseRedfishEvents } from './event-codec.ts';
import { createSseReader, SSE_EVENT_BYTES_MAX } from './redfish/sse-codec.ts';

function one(event: object) {
  const delivery = parseRedfishEvents(JSON.stringify({ Context: 'ours', Events: [event] }));
  assert.ok(!isMalformed(delivery));
  assert.equal(delivery.context, 'ours');
  return delivery.events[0]!;
}

const POWER: readonly [messageId: string, power: PowerState | undefined, concernsPower: boolean][] = [
  ['ResourceEvent.1.3.ResourcePoweredOn', 'on', true],
  ['ResourceEvent.1.0.ResourcePoweredOff', 'off', true],
  ['iLOEvents.2.1.ServerPoweredOff', 'off', true],
  ['IDRAC.2.8.SYS1000', 'on', true],
  ['OpenBMC.0.1.DCPowerOff', 'off', true],
  ['ResourceEvent.1.2.ResourceStateChanged', undefined, true],
  ['Alert.1.0.LanDisconnect', undefined, false],
];
for (const [MessageId, power, concernsPower] of POWER)
  test(`${MessageId} tells ${power ?? (concernsPower ? 'that the power is worth a look' : 'nothing of the power')}`, () => {
    const event = one({ EventId: 7, MessageId, OriginOfCondition: { '@odata.id': '/redfish/v1/Systems/1' } });
    assert.equal(event.power, power);
    assert.equal(event.concernsPower, concernsPower);
    assert.equal(event.id, '7');
  });

test('a fan that is powered on is not the machine', () => {
  const event = one({
    MessageId: 'ResourceEvent.1.3.ResourcePoweredOn',
    OriginOfCondition: { '@odata.id': '/redfish/v1/Chassis/1/Fans/3' },
  });
  assert.equal(event.power, undefined);
  assert.equal(event.concernsPower, true);
});

test('words of a BMC are one short line', () => {
  const event = one({ Message: `\u001b[2J${'x'.repeat(5000)}\r\n`, Severity: 'Critical' });
  assert.ok(event.message.length <= 512 && !['\u001b', '\r', '\n'].some((each) => event.message.includes(each)));
  assert.equal(event.severity, 'critical');
  assert.equal(eventKey(event), eventKey({ ...event }));
});

test('what is no event is told, and nothing throws', () => {
  for (const text of ['', '{', '[]', 'null', '{}', '{"Events":{}}', JSON.stringify({ Events: Array(EVENTS_IN_ONE_MAX + 1).fill({}) })])
    assert.ok(isMalformed(parseRedfishEvents(text)), text);
  fc.assert(fc.property(fc.json(), (text) => void parseRedfishEvents(`{"Context":1,"Events":[${text},${text}]}`)));
});

test('a stream gives the same events however its bytes are cut', () => {
  const text = ': hello\r\nid: 1\r\ndata: {"a":\r\ndata: 1}\r\n\r\n\n\ndata:zwei ü\n\nevent: x\ndata\n\ndata: cut';
  fc.assert(
    fc.property(fc.array(fc.nat(Buffer.byteLength(text))), (cuts) => {
      const reader = createSseReader();
      const bytes = Buffer.from(text);
      const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const done = edges.slice(1).flatMap((edge, at) => {
        const pushed = reader.push(bytes.subarray(edges[at], edge));
        assert.ok(!isMalformed(pushed));
        return pushed;
      });
      assert.deepEqual(done, ['{"a":\n1}', 'zwei ü', '']);
    }),
  );
});

test('a stream without an end of line, or of event, is given up', () => {
  const long = createSseReader();
  assert.ok(isMalformed(long.push(Buffer.alloc(SSE_EVENT_BYTES_MAX + 1, 'x'))));
  const endless = createSseReader();
  const line = Buffer.from(`data: ${'x'.repeat(1000)}\n`);
  let pushed = 0;
  while (!isMalformed(endless.push(line))) assert.ok((pushed += 1) <= SSE_EVENT_BYTES_MAX / 1000);
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { isCarried, type QosPlace } from './qos-support-policy.ts';

const PORT: QosPlace = { kind: 'port', id: 'p', hasWire: true, isMetal: false, isBound: true };

test('what is carried out, and where', () => {
  for (const [kind, direction, more, wanted] of [
    ['bandwidth_limit', 'ingress', {}, true],
    ['bandwidth_limit', 'egress', { kind: 'floating IP', hasWire: false }, true],
    ['dscp_marking', null, { kind: 'router' }, true],
    ['minimum_bandwidth', 'egress', {}, true],
    ['minimum_bandwidth', 'egress', { kind: 'network' }, true],
    ['minimum_bandwidth', 'ingress', {}, false],
    ['minimum_bandwidth', 'egress', { hasWire: false }, false],
    ['minimum_bandwidth', 'egress', { kind: 'floating IP' }, false],
    ['minimum_bandwidth', 'egress', { kind: 'router' }, false],
    ['minimum_packet_rate', 'any', {}, false],
    ['minimum_packet_rate', 'any', { isBound: false, hasWire: false }, true],
    ['minimum_bandwidth', 'ingress', { isBound: false }, true],
    ['minimum_bandwidth', 'ingress', { isBound: false, hasWire: false }, false],
    ['packet_rate_limit', 'egress', { isBound: false }, false],
    ['packet_rate_limit', 'egress', {}, false],
    ['bandwidth_limit', 'egress', { isMetal: true }, false],
  ] as const)
    assert.equal(isCarried({ kind, direction }, { ...PORT, ...more }), wanted, `${kind} ${direction} ${JSON.stringify(more)}`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMalformed, type Malformed } from '../../core/base/malformed.ts';
import { CHASSIS_COMMAND, chassisControlOf } from './chassis-codec.ts';
import { decodeIpmi15 } from './ipmi15-session-codec.ts';
import { IPMITOOL_FRAMES } from './ipmitool-frames.fixture.ts';
import { decodeMessage, NET_FN, requestMessage } from './message-codec.ts';
import {
  decodeOpenRequest,
  decodeOpenResponse,
  decodeRakp1,
  decodeRakp2,
  decodeRakp34,
  encodeRakp1,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionIntegrityKey,
  sessionKeys,
} from './rakp-codec.ts';
import { decodeRmcp } from './rmcp-codec.ts';
import { decodeRmcpPlus, encodeRmcpPlus, PAYLOAD } from './rmcp-plus-codec.ts';
import { getAuthCapabilities, PRIVILEGE, SESSION_COMMAND, setSessionPrivilege } from './session-command-codec.ts';

/** The codecs against a real exchange: every key is derived anew and every signature checked. */
function sound<Value>(value: Value | Malformed): Value {
  assert.ok(!isMalformed(value), isMalformed(value) ? value.reason : '');
  return value;
}

const PASSWORD = Buffer.from('Sixteen-byte-pw!');

for (const suiteId of [3, 17] as const) {
  test(`cipher suite ${suiteId}: ipmitool's session is understood byte by byte`, () => {
    const bodies = IPMITOOL_FRAMES[suiteId].map(([from, hex]) => ({
      from,
      body: sound(decodeRmcp(Buffer.from(hex, 'hex'))).body,
    }));
    const setup = (at: number) => sound(decodeRmcpPlus(bodies[at]!.body)).payload;

    const first = sound(decodeIpmi15(bodies[0]!.body));
    const question = sound(decodeMessage(first.payload));
    assert.deepEqual(requestMessage(getAuthCapabilities(PRIVILEGE.administrator), question.sequence), first.payload);

    const open = sound(decodeOpenRequest(setup(2)));
    const opened = sound(decodeOpenResponse(setup(3)));
    assert.equal(opened.suite?.id, suiteId);
    assert.equal(opened.consoleSessionId, open.consoleSessionId);
    const rakp1 = sound(decodeRakp1(setup(4)));
    assert.deepEqual(encodeRakp1(rakp1), setup(4));
    const rakp2 = sound(decodeRakp2(setup(5)));
    const exchange = {
      ...rakp1,
      ...rakp2,
      suite: opened.suite!,
      consoleSessionId: open.consoleSessionId,
      managedSessionId: opened.managedSessionId,
    };
    assert.deepEqual(rakp2.code, rakp2Code(exchange, PASSWORD));
    assert.deepEqual(sound(decodeRakp34(setup(6))).code, rakp3Code(exchange, PASSWORD));
    const sik = sessionIntegrityKey(exchange, PASSWORD);
    assert.deepEqual(sound(decodeRakp34(setup(7))).code, rakp4Code(exchange, sik));

    const keys = sessionKeys(exchange.suite, sik);
    const inSession = bodies.slice(8).map(({ from, body }) => ({ from, body, packet: sound(decodeRmcpPlus(body, keys)) }));
    for (const { body, packet } of inSession) {
      assert.equal(packet.payloadType, PAYLOAD.ipmi);
      // With ipmitool's own IV, our encoder gives ipmitool's bytes.
      assert.deepEqual(encodeRmcpPlus(packet, keys, body.subarray(12, 28)), body);
    }
    const asked = inSession.filter(({ from }) => from === '>').map(({ packet }) => sound(decodeMessage(packet.payload)));
    assert.deepEqual(asked[0]!.data, setSessionPrivilege(PRIVILEGE.administrator).data);
    const control = asked.find((message) => message.netFn === NET_FN.chassis && message.command === CHASSIS_COMMAND.control);
    assert.equal(chassisControlOf(control!.data[0]!), 'power-up');
    assert.equal(asked.at(-1)!.command, SESSION_COMMAND.closeSession);

    const damaged = Buffer.from(inSession[0]!.body);
    damaged[20]! ^= 1;
    assert.ok(isMalformed(decodeRmcpPlus(damaged, keys)));
    assert.ok(isMalformed(decodeRmcpPlus(inSession[0]!.body)), 'a protected packet is not readable without keys');
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMalformed } from '../core/base/malformed.ts';
import { createMutator, MUTATE_ROUNDS } from '../core/base/mutate-packets.ts';
import { decodeSnmpTrap, encodeSnmpTrap } from './ipmi/snmp-trap-codec.ts';
import { decodePlatformTrap, encodePlatformTrap } from './platform-trap-codec.ts';

/** A Dell's trap from freeipmi's manual, sent twice by Net-SNMP 5.9's snmptrap: as it is, and with a text of the maker's. Do not edit; add. */
const GOLDEN = [
  '306b02010004067075626c6963a45e06092b06010401986f010140040a0102030201060203056f8043021267303f303d060a2b06010401986f010101042f44454c4c500010598043b2c04f333358000219e87e26ffff202004207318008001ff000000000019000002a20100c1',
  '3078020100040b612d636f6d6d756e697479a46606092b06010401986f010140040a0102030201060203056f80430500ffffffff30443042060a2b06010401986f010101043444454c4c500010598043b2c04f333358000219e87e26ffff202004207318008001ff000000000019000002a20100c441424344c1',
].map((hex) => Buffer.from(hex, 'hex'));

test('golden traps are read, and written as they were', () => {
  const [trap] = GOLDEN.map(decodePlatformTrap);
  assert.ok(trap !== undefined && !isMalformed(trap));
  assert.deepEqual(
    [trap.message, trap.severity, trap.sensorNumber, trap.entity, trap.entityInstance, trap.sequence, trap.manufacturerId, trap.systemId],
    ['Physical Security: general chassis intrusion is over', 'ok', 0x73, 0x18, 0, 2, 0x2a2, 0x100],
  );
  assert.equal(trap.acknowledgement.toString('hex'), '0200267ee819202073' + '8001ff');
  const second = decodeSnmpTrap(GOLDEN[1]!);
  assert.ok(!isMalformed(second));
  assert.deepEqual(
    [second.community, second.ticks, second.agentAddress, second.specific],
    ['a-community', 0xffff_ffff, '10.1.2.3', 356_224],
  );
  for (const packet of GOLDEN) {
    const read = decodeSnmpTrap(packet);
    assert.ok(!isMalformed(read));
    assert.deepEqual(encodeSnmpTrap(read), packet);
  }
});

test('what is sent is what is read', () => {
  const { bytes, acknowledgement } = encodePlatformTrap({
    community: 'c',
    agentAddress: '192.0.2.1',
    uptimeMs: 86_400_000,
    guid: '8d7f3c1e-5a42-4b6e-9c11-0a1b2c3d4e5f',
    sequence: 65_535,
    atSeconds: 1_700_000_000,
    severity: 0,
    entity: 7,
    entityInstance: 1,
    manufacturerId: 674,
    systemId: 256,
    event: { device: 0x20, sensorType: 0x0c, sensor: 9, trigger: 0x6f, data: Buffer.from([1, 0xff, 0xff]) },
    text: 'x'.repeat(80),
  });
  const trap = decodePlatformTrap(bytes);
  assert.ok(!isMalformed(trap));
  assert.deepEqual(
    [trap.message, trap.severity, trap.atMs, trap.guid, trap.sequence],
    ['Memory: uncorrectable ECC', 'critical', 1_700_000_000_000, '8d7f3c1e-5a42-4b6e-9c11-0a1b2c3d4e5f', 65_535],
  );
  assert.deepEqual(trap.acknowledgement, acknowledgement);
});

test('traps of others, and of other versions, are none of ours', () => {
  const other = (from: string, to: string) => decodePlatformTrap(Buffer.from(GOLDEN[0]!.toString('hex').replace(from, to), 'hex'));
  for (const [from, to, words] of [
    ['02010004', '02010104', /version is not 1/],
    ['2b06010401986f0101400', '2b06010401986f0102400', /no platform event trap/],
    ['020106', '020105', /no platform event trap/],
  ] as const) {
    const answer = other(from, to);
    assert.ok(isMalformed(answer));
    assert.match(answer.reason, words);
  }
});

test('mutated traps are values, all of them', () => {
  const mutator = createMutator(GOLDEN, 162);
  let malformed = 0;
  for (let round = 0; round < MUTATE_ROUNDS; round += 1) if (isMalformed(decodePlatformTrap(mutator.next()))) malformed += 1;
  assert.ok(malformed > MUTATE_ROUNDS / 100 && malformed < MUTATE_ROUNDS, `${malformed} of ${MUTATE_ROUNDS} were malformed`);
});

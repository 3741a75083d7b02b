import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recognise, type KnownIdentity, type SeenIdentity } from './identity-policy.ts';

const node = (over: Partial<KnownIdentity>): KnownIdentity => ({
  nodeId: 'n1',
  systemUuid: 'u1',
  serials: ['SN-1'],
  macs: ['aa', 'bb'],
  bmcAddress: '10.0.0.1',
  ...over,
});
const seen = (over: Partial<SeenIdentity>): SeenIdentity => ({ serials: [], macs: [], ...over });

const cases: readonly [string, SeenIdentity, readonly KnownIdentity[], string][] = [
  ['the second NIC of a known machine is not a second machine', seen({ systemUuid: 'u1', macs: ['cc'] }), [node({})], 'known'],
  [
    'a NIC moved to another machine does not make it the old one',
    seen({ systemUuid: 'u2', serials: ['SN-2'], macs: ['aa'] }),
    [node({})],
    'stranger',
  ],
  ['a swapped board keeps the chassis serial', seen({ systemUuid: 'u9', serials: ['SN-1'], macs: ['zz'] }), [node({})], 'known'],
  [
    'enrolled by hand with its MAC only',
    seen({ systemUuid: 'u1', serials: ['SN-1'], macs: ['aa'] }),
    [node({ systemUuid: null, serials: [], macs: ['aa'], bmcAddress: null })],
    'known',
  ],
  ['nobody knows it', seen({ systemUuid: 'u3', macs: ['dd'] }), [node({})], 'stranger'],
  ['two nodes claim it equally', seen({ serials: ['SN-1'] }), [node({}), node({ nodeId: 'n2' })], 'ambiguous'],
];

for (const [name, machine, known, expected] of cases) {
  test(name, () => assert.equal(recognise(machine, known).kind, expected));
}

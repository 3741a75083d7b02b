import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMalformed } from '../../core/base/malformed.ts';
import { decodeSwitchport, encodeSwitchport, type SwitchportValue } from './eos-port-codec.ts';
import { describeVlans, type PortVlans } from './switch-driver.ts';
import { decodeVlanRange, encodeVlanRange } from './vlan-range-codec.ts';

test('ranges of VLANs, both ways', () => {
  const vlans = fc.uniqueArray(fc.integer({ min: 1, max: 4094 }), { minLength: 1 });
  fc.assert(
    fc.property(vlans, (some) => {
      assert.deepEqual(
        decodeVlanRange(encodeVlanRange(some)),
        some.toSorted((one, other) => one - other),
      );
    }),
  );
  assert.equal(encodeVlanRange([3, 1, 2, 7]), '1-3,7');
  for (const wrong of ['', '0', '4095', '7-5', 'x', '1,,2', '1-2-3']) assert.ok(isMalformed(decodeVlanRange(wrong)), wrong);
});

/** As a switch shows it after these commands, which no codec of ours has made. */
const port = (mode: string, more: object = {}): SwitchportValue => ({
  enabled: true,
  switchportInfo: { mode, accessVlanId: 1, trunkingNativeVlanId: 1, trunkAllowedVlans: 'ALL', ...more },
});

test('a port of EOS', () => {
  const table: readonly [SwitchportValue, PortVlans][] = [
    [port('access'), { untagged: 1, tagged: [] }],
    [port('access', { accessVlanId: 101 }), { untagged: 101, tagged: [] }],
    [port('trunk'), { untagged: 1, tagged: 'all' }],
    [port('trunk', { trunkAllowedVlans: 'NONE' }), { untagged: null, tagged: [] }],
    [port('trunk', { trunkAllowedVlans: '7,10-12', trunkingNativeVlanId: 7 }), { untagged: 7, tagged: [10, 11, 12] }],
    [port('trunk', { trunkAllowedVlans: '10' }), { untagged: null, tagged: [10] }],
    [port('trunk', { trunkAllowedVlans: 'none of your business' }), { untagged: null, tagged: 'all' }],
    [port('tap'), { untagged: null, tagged: 'all' }],
    [{ enabled: false }, { untagged: null, tagged: 'all' }],
  ];
  for (const [shown, wanted] of table) assert.deepEqual(decodeSwitchport(shown), wanted, JSON.stringify(shown));
});

test('what EOS is told', () => {
  const table: readonly [PortVlans, string | undefined][] = [
    [{ untagged: 101, tagged: [] }, 'access; access vlan 101; no trunk allowed vlan'],
    [{ untagged: 101, tagged: [102, 103] }, 'trunk; trunk native vlan 101; trunk allowed vlan 101-103'],
    [{ untagged: null, tagged: [102] }, 'trunk; trunk native vlan 1; trunk allowed vlan 102'],
    [{ untagged: null, tagged: [] }, 'trunk; trunk native vlan 1; trunk allowed vlan none'],
    [{ untagged: null, tagged: [1] }, undefined],
    [{ untagged: 1, tagged: 'all' }, undefined],
  ];
  for (const [vlans, wanted] of table) {
    const commands = encodeSwitchport(vlans)
      ?.slice(1)
      .map((command) => command.replace(/switchport (mode )?/, ''));
    assert.equal(commands?.join('; '), wanted, describeVlans(vlans));
  }
});

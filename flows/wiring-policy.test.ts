import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeWiring, type SwitchPort } from './wiring-policy.ts';

const at = (switchId: string, portId: string, switchName: string | null = null): SwitchPort => ({ switchId, portId, switchName });
const LEAF = '28:99:3a:00:00:01';
const say = (told: SwitchPort, recorded: Partial<SwitchPort>) =>
  describeWiring({ node: 'machine-1', portUuid: 'p-1', mac: '52:54:00:77:00:01', inspectedAt: new Date(0), told, recorded });

const CASES: readonly [what: string, told: SwitchPort, recorded: Partial<SwitchPort>, words: RegExp | undefined][] = [
  ['the same', at(LEAF, 'Ethernet1'), at(LEAF, 'Ethernet1'), undefined],
  ['the same, its MAC in another writing', at(LEAF, 'Ethernet1'), at('28-99-3A-00-00-01', 'Ethernet1'), undefined],
  ['nothing recorded', at(LEAF, 'Ethernet1'), {}, undefined],
  ['only a switch recorded', at(LEAF, 'Ethernet1'), { switchId: 'other' }, undefined],
  [
    'another port',
    at(LEAF, 'Ethernet2', 'leaf-1'),
    at(LEAF, 'Ethernet1', 'leaf-1'),
    /^52:54:00:77:00:01 of machine-1 is recorded at Ethernet1 of leaf-1 \(28:99:3a:00:00:01\); LLDP told Ethernet2 of leaf-1 .*1970.*port_id of port p-1/,
  ],
  [
    'another switch',
    at('28:99:3a:00:00:02', 'Ethernet1'),
    at(LEAF, 'Ethernet1'),
    /recorded at Ethernet1 of 28:99:3a:00:00:01; LLDP told Ethernet1 of 28:99:3a:00:00:02 .*into that switch/,
  ],
];
for (const [what, told, recorded, words] of CASES)
  test(what, () => {
    const said = say(told, recorded);
    if (words === undefined) assert.equal(said, undefined);
    else assert.match(said ?? '', words);
  });
